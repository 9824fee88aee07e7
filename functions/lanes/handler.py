"""Runs every minute: wakes a worker for each lane that has due work and no worker.

Before, it orders the syncs whose time has come, where the stage wants that. It also counts lanes
with work: workers start and leave by that figure. And it opens the conversations that were snoozed
until now.

An operator may invoke it with a :class:`KillSwitch`, or with :class:`Restored`, instead.
"""

import logging
from datetime import timedelta
from typing import Any

import psycopg
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ValidationError

from functions.lanes.models import KillSwitch, Restored
from functions.lanes.pace import paces
from functions.lanes.repository import PostgresLanes
from functions.lanes.settings import SweepSettings
from huntaze.db import database
from huntaze.domain import pushes
from huntaze.domain.outbound.wake import wake_creators
from huntaze.entry import entry
from huntaze.metrics import LANES_WITH_DUE_WORK, LANES_WITHOUT_PROGRESS, record
from huntaze.settings import load

# Longer than a worker takes to start from none and to take over a lane.
PATIENCE = timedelta(minutes=10)
# What a platform has pushed is worked on within seconds, or was lost on its way to the queue.
_LOST_AFTER = timedelta(minutes=20)

log = logging.getLogger(__name__)


class UnclearOrderError(Exception):
    """An operator's order cannot be followed; the text says what to change."""


class SyncsNotPlannedError(Exception):
    """The syncs whose time has come were not ordered."""


class PushesLostError(Exception):
    """The queue did not take every push that it had lost before."""


class WakeUpsLostError(Exception):
    """The queue did not take every wake-up; they are sent again in a minute."""


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Wake each lane with due work, or do what an operator orders."""
    if event.get("action") == "restored":
        return _hold(_order(Restored, event))
    if "action" in event:
        return _switch(_order(KillSwitch, event))
    lanes = PostgresLanes(database())
    lanes.sign_of_life()
    # Before anything can fail: without this figure no worker would start, and none would leave.
    figures = lanes.figures(PATIENCE)
    record(LANES_WITH_DUE_WORK, figures.at_work)
    record(LANES_WITHOUT_PROGRESS, figures.stalled)
    planned = _plan_syncs(lanes)
    creators = lanes.with_due_work()
    counts = {
        "due": len(creators),
        "woken": wake_creators(creators) if creators else 0,
        "syncs_planned": planned or 0,
        "held_by_restore": lanes.held_by_restore(),
        # Its minute is the only one that looks at all workspaces with the role for it.
        "conversations": lanes.wake_conversations(),
    }
    # Last: a queue of pushes that fails must keep no lane asleep.
    lost = lanes.lost_pushes(_LOST_AFTER)
    counts["pushes_lost"] = len(lost)
    counts["pushes_queued_again"] = pushes.queue_again(lost) if lost else 0
    log.info("lanes were swept", extra=counts)
    if counts["woken"] < counts["due"]:
        raise WakeUpsLostError(f"{counts['due'] - counts['woken']} wake-ups were not taken.")
    if counts["pushes_queued_again"] < len(lost):
        raise PushesLostError("Not every lost push was queued; they are once more in a while.")
    if planned is None:
        raise SyncsNotPlannedError("No sync was ordered; the next sweep tries again.")
    return counts


def _plan_syncs(lanes: PostgresLanes) -> int | None:
    """Order the syncs whose time has come; None if that cannot be done."""
    if not load(SweepSettings).periodic_sync:
        return 0
    try:
        return lanes.plan_syncs(paces())
    except psycopg.Error:
        # What people have ordered must be woken for all the same.
        log.exception("syncs cannot be planned")
        return None


def _order[Order: BaseModel](model: type[Order], event: dict[str, Any]) -> Order:
    try:
        return model.model_validate(event)
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise UnclearOrderError("; ".join(wrong)) from None


def _hold(order: Restored) -> dict[str, int]:
    held = PostgresLanes(database()).mark_restored(order.moment, by=order.by)
    log.warning(
        "the database was restored: every lane is held",
        extra={"moment": order.moment.isoformat(), "lanes": held},
    )
    return {"held": held}


def _switch(order: KillSwitch) -> dict[str, int]:
    lanes = PostgresLanes(database())
    if order.action == "stop":
        lanes.stop(order.scope, reason=order.reason, by=order.by)
    else:
        lanes.go(order.scope)
    log.warning("an operator's switch", extra={"action": order.action, "scope": order.scope})
    return {"switches": lanes.switches()}
