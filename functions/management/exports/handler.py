"""Runs of exports: woken by the queue for one, and by the clock for those that nobody works at."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.management.exports import service
from functions.management.exports.beside import MediaObjects, browser_sessions
from functions.management.exports.gateway import S3Exports, wake
from functions.management.exports.models import WakeUp
from functions.management.exports.repository import PostgresExportRuns, PostgresStalledExports
from functions.management.exports.sources import ListSource
from huntaze import correlation
from huntaze.db import EVERY_MEMBER, Tenant, Transactions, database
from huntaze.entry import entry

_SWEPT = 100

log = logging.getLogger(__name__)


@entry
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work at the export that a message names; without messages, wake those that stand still."""
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
    """Work at one export, with the eyes of its workspace."""
    with correlation.within(
        wake_up.correlation_id, workspace_id=wake_up.workspace_id, export_id=wake_up.export_id
    ):
        tenant = Tenant(database(), wake_up.workspace_id, member=EVERY_MEMBER)
        store = PostgresExportRuns(tenant)

        def sources(claim: service.Claim) -> Sequence[service.Source]:
            tables = store.sources(claim)
            if claim.fan_id is not None:
                return tables
            sessions = ListSource("browser_sessions", browser_sessions(store.creators()))
            return [*tables, sessions, MediaObjects(wake_up.workspace_id)]

        end = service.run(
            wake_up.export_id,
            store,
            sources,
            S3Exports(),
            now=lambda: datetime.now(UTC),
            seconds_left=seconds_left,
        )
        log.info("a run of an export ended", extra={"end": end})
        if end == "handed on":
            wake(wake_up)
        return end


def _sweep() -> int:
    stalled = PostgresStalledExports(Transactions(database())).find(_SWEPT)
    for wake_up in stalled:
        wake(wake_up)
    return len(stalled)
