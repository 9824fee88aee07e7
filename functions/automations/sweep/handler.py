"""Runs every minute: begins runs for what happened and for whom it is time, and takes their steps.

Nothing waits in memory: a run's next step is a row with its moment, which neither a deploy nor a
crash takes away.
"""

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.automations.running import PostgresRuns
from huntaze import correlation, outbox
from huntaze.db import Tenant, database
from huntaze.domain.outbound.wake import wake_soon
from huntaze.entry import entry

_WORKSPACES = 500
# A round that has begun must be able to end.
_RESERVE_MS = 15_000

log = logging.getLogger(__name__)


class AutomationsHeldError(Exception):
    """Some workspaces could not be worked on; the next sweep tries them again."""


@entry
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Work on each workspace in turn, a round at a time, as long as there is time."""
    with database().connection() as connection:
        rows = connection.execute("SELECT automations_due(%s)", (_WORKSPACES,)).fetchall()
    waiting = [row[0] for row in rows]
    failed = 0

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() > _RESERVE_MS

    while waiting and has_time():
        left = []
        for workspace_id in waiting:
            try:
                if has_time() and _round(workspace_id):
                    left.append(workspace_id)
            except Exception:
                failed += 1
                log.exception("automations were held up", extra={"workspace_id": str(workspace_id)})
        waiting = left
    counts = {"workspaces": len(rows), "failed": failed}
    if rows:
        log.info("automations were swept", extra=counts)
    if failed:
        raise AutomationsHeldError(f"{failed} of {len(rows)} workspaces were held up.")
    return counts


def _round(workspace_id: UUID) -> bool:
    """Work on one workspace for a while; return whether there may be more to do."""
    with correlation.within(None, workspace_id=workspace_id):
        runs = PostgresRuns(Tenant(database(), workspace_id))
        work: tuple[Callable[[], int | bool], ...] = (runs.hear, runs.look, runs.go_on)
        try:
            did = [one() for one in work]
        finally:
            for creator_id in runs.woken:
                wake_soon(creator_id)
            if runs.told:
                outbox.nudge()
        return any(did)
