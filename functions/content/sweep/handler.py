"""Runs every minute: tells what is due in the calendar, and takes up pipelines that were lost."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.content.pipelines import service as pipelines
from functions.content.pipelines.gateway import start
from functions.content.pipelines.repository import PostgresPlans
from functions.content.schedule.repository import PostgresSchedule
from huntaze import correlation
from huntaze.db import Tenant, database
from huntaze.entry import entry

_SWEPT = 100
# Longer than all retries of a step last; as `pipelines_to_take_up` has it.
_SILENCE = timedelta(minutes=30)
# The oldest of each kind first. The other things to work at are files.
_DUE = """
  SELECT * FROM media_to_work_at(%(most)s) WHERE task = 'schedule'
  UNION ALL
  SELECT * FROM pipelines_to_take_up(%(most)s)
"""

log = logging.getLogger(__name__)


class ContentHeldError(Exception):
    """Some entries or pipelines wait for the next sweep."""


class Due(NamedTuple):
    """An entry whose moment has come, or a pipeline whose execution may have been lost."""

    task: str
    workspace_id: UUID
    creator_id: UUID
    id: UUID


@entry
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Do everything that is due."""
    due = find_due()
    failed = 0
    for one in due:
        try:
            work_at(one)
        except Exception:
            # One workspace's trouble must not hold the others; the next sweep tries again.
            failed += 1
            log.exception("content was held up", extra={"task": one.task})
    if failed:
        raise ContentHeldError(f"{failed} of {len(due)} entries and pipelines were held up.")
    return {"due": len(due)}


def find_due() -> list[Due]:
    """Find it, in all workspaces."""
    with database().connection() as connection:
        return [Due(*row) for row in connection.execute(_DUE, {"most": _SWEPT})]


def work_at(due: Due) -> str:
    """Do one thing, as one who may see its creator alone."""
    with correlation.within(None, workspace_id=due.workspace_id, content_id=due.id):
        tenant = Tenant(database(), due.workspace_id, [due.creator_id])
        if due.task == "schedule":
            end = "due" if PostgresSchedule(tenant).tell_due(due.id) else "not due"
        else:
            end = _take_up(due.id, PostgresPlans(tenant))
        log.info("content was worked at", extra={"task": due.task, "end": end})
        return end


def _take_up(plan_id: UUID, plans: PostgresPlans) -> str:
    lost = pipelines.take_up(plan_id, plans, silent_since=datetime.now(UTC) - _SILENCE)
    if lost is None:
        return "not lost"
    start(lost, plans.started)
    return "started"
