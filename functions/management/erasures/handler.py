"""Runs of erasures: woken by the queue for one, and by the clock for those that wait."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.management.erasures import service
from functions.management.erasures.gateway import AwsStores
from functions.management.erasures.repository import PostgresErasures, PostgresWaitingErasures
from huntaze import correlation
from huntaze.db import Tenant, Transactions, database
from huntaze.domain.erasure import WakeUp, wake
from huntaze.entry import entry

_SWEPT = 100

log = logging.getLogger(__name__)


@entry
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work at the erasure that a message names; without messages, wake those that wait."""
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
    """Work at one erasure."""
    with correlation.within(
        wake_up.correlation_id, workspace_id=wake_up.workspace_id, erasure_id=wake_up.erasure_id
    ):
        end = service.run(
            wake_up.erasure_id,
            PostgresErasures(Tenant(database(), wake_up.workspace_id)),
            AwsStores(),
            now=lambda: datetime.now(UTC),
            seconds_left=seconds_left,
        )
        log.info("a run of an erasure ended", extra={"end": end})
        if end == "handed on":
            wake(wake_up)
        return end


def _sweep() -> int:
    waiting = PostgresWaitingErasures(Transactions(database())).find(_SWEPT)
    for wake_up in waiting:
        wake(wake_up)
    return len(waiting)
