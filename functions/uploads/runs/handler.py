"""Work at files: woken by the queue for one of them, and by the clock for what is left over."""

import logging
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.uploads import service
from functions.uploads.gateway import wake
from functions.uploads.models import WakeUp
from functions.uploads.pictures import read_picture
from functions.uploads.repository import PostgresRemovals, PostgresRuns, PostgresWork
from functions.uploads.runs.gateway import S3Bucket
from huntaze import correlation
from huntaze.db import Tenant, Transactions, database
from huntaze.entry import entry

_SWEPT = 100

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
    return service.run(wake_up.id, PostgresRuns(tenant), S3Bucket(), read_picture)


def _sweep() -> int:
    found = PostgresWork(Transactions(database())).find(_SWEPT)
    for wake_up in found:
        wake(wake_up)
    return len(found)
