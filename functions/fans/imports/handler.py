"""Runs of imports: woken by the queue for one, and by the clock for those that nobody works at."""

import logging
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.fans.imports import service
from functions.fans.imports.gateway import S3Files, wake
from functions.fans.imports.models import WakeUp
from functions.fans.imports.repository import PostgresRuns, PostgresStalled
from huntaze import correlation
from huntaze.db import Tenant, Transactions, database
from huntaze.entry import entry

_SWEPT = 100

log = logging.getLogger(__name__)


@entry
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work at the import that a message names; without messages, wake those that stand still."""
    if "Records" not in event:
        return {"woken": _sweep()}
    ends = [
        run(
            WakeUp.model_validate_json(record["body"]),
            seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        )
        for record in event["Records"]
    ]
    return {"ends": ends}


def run(wake_up: WakeUp, *, seconds_left: Callable[[], float]) -> service.RunEnd:
    """Work at one import, as one who may see its creator alone."""
    with correlation.within(
        wake_up.correlation_id, workspace_id=wake_up.workspace_id, import_id=wake_up.import_id
    ):
        tenant = Tenant(database(), wake_up.workspace_id, [wake_up.creator_id])
        end = service.run(
            wake_up.import_id, PostgresRuns(tenant), S3Files(), seconds_left=seconds_left
        )
        log.info("a run of an import ended", extra={"end": end})
        if end == "handed on":
            wake(wake_up)
        return end


def _sweep() -> int:
    stalled = PostgresStalled(Transactions(database())).find(_SWEPT)
    for wake_up in stalled:
        wake(wake_up)
    return len(stalled)
