"""Work at the library: woken by the queue for one thing, and by the clock for what is left over."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.content.files import service
from functions.content.files.gateway import S3Bucket, wake
from functions.content.files.models import WakeUp
from functions.content.files.pictures import read_picture
from functions.content.files.repository import PostgresRemovals, PostgresRuns, PostgresWork
from functions.content.pipelines import service as pipelines
from functions.content.pipelines.gateway import start
from functions.content.pipelines.repository import PostgresPlans
from functions.content.schedule.repository import PostgresSchedule
from huntaze import correlation
from huntaze.db import Tenant, Transactions, database
from huntaze.entry import entry

_SWEPT = 100
# Longer than all retries of a step last; as `pipelines_to_take_up` has it.
_SILENCE = timedelta(minutes=30)

log = logging.getLogger(__name__)


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Work at what a message names; without messages, wake what stands still."""
    if "Records" not in event:
        return {"woken": _sweep()}
    return {
        "ends": [work_at(WakeUp.model_validate_json(record["body"])) for record in event["Records"]]
    }


def work_at(wake_up: WakeUp) -> str:
    """Do one thing, as one who may see its creator alone."""
    with correlation.within(
        wake_up.correlation_id, workspace_id=wake_up.workspace_id, content_id=wake_up.id
    ):
        tenant = Tenant(database(), wake_up.workspace_id, [wake_up.creator_id])
        end = _do(wake_up, tenant)
        log.info("a file was worked at", extra={"task": wake_up.task, "end": end})
        return end


def _do(wake_up: WakeUp, tenant: Tenant) -> str:
    if wake_up.task == "removal":
        S3Bucket().remove(wake_up.workspace_id, wake_up.id)
        PostgresRemovals(tenant).end(wake_up.id)
        return "removed"
    if wake_up.task == "schedule":
        return "due" if PostgresSchedule(tenant).tell_due(wake_up.id) else "not due"
    if wake_up.task == "pipeline":
        return _take_up(wake_up.id, PostgresPlans(tenant))
    return service.run(wake_up.id, PostgresRuns(tenant), S3Bucket(), read_picture)


def _take_up(plan_id: UUID, plans: PostgresPlans) -> str:
    lost = pipelines.take_up(plan_id, plans, silent_since=datetime.now(UTC) - _SILENCE)
    if lost is None:
        return "not lost"
    start(lost, plans.started)
    return "started"


def _sweep() -> int:
    found = PostgresWork(Transactions(database())).find(_SWEPT)
    for wake_up in found:
        wake(wake_up)
    return len(found)
