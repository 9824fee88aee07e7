"""Orders to forget: a fan, or a whole workspace; the one writer of ``erasures`` beside its runs.

What the database holds of a fan goes in the transaction of the order. What lies elsewhere, and what
must wait, is the work of runs: the queue carries ids, and a sweep each minute finds what was lost.
"""

import logging
from datetime import datetime
from functools import partial
from uuid import UUID

from pydantic import BaseModel

from huntaze import clients, correlation
from huntaze.db import Connection, once_committed
from huntaze.domain import chats, conversations, fans, happenings, money, pushes
from huntaze.domain.outbound import commands, forgetting
from huntaze.idempotency import erase_replies
from huntaze.ids import new_id
from huntaze.settings import Settings, load

log = logging.getLogger(__name__)


class ErasureQueueSettings(Settings):
    """Where runs of erasures are woken."""

    erasures_queue_url: str


class WakeUp(BaseModel):
    """What a message of the queue says: an erasure that a run may work at."""

    workspace_id: UUID
    erasure_id: UUID
    # Of the request that it comes of.
    correlation_id: UUID | None = None


def erase_fan(connection: Connection, workspace_id: UUID, fan_id: UUID, *, by: UUID) -> WakeUp:
    """Forget a fan: money stays, without words, and nobody is brought back by an import.

    Args:
        connection: Inside a tenant's transaction.
        workspace_id: Whose fan it is.
        fan_id: Who.
        by: The member who orders it.

    Returns:
        What to wake, after the commit.

    Raises:
        NotFoundError: The caller has no such fan, or it was erased.
    """
    fan = fans.require_fan(connection, fan_id)
    forgetting.withdraw(connection, fan.creator_id, fan_id)
    fans.erase(connection, fan_id, by=by)
    money.forget_fan(connection, fan_id)
    happenings.forget_fan(connection, fan_id)
    chats.forget_fan(connection, fan_id)
    conversations.forget_fan(connection, fan_id)
    pushes.forget_fan(connection, fan.creator_id, fan.platform_id)
    forgetting.blank(connection, fan.creator_id, fan_id)
    names = [name for name in (fan.platform_id, fan.handle, fan.display_name, fan.email) if name]
    erase_replies(connection, [str(fan_id), *names])
    # What members asked the assistant about somebody of that name, and were told.
    connection.execute("SELECT forget_in_chats(%s::text[])", (names,))
    erasure_id = new_id()
    connection.execute(
        "INSERT INTO erasures (workspace_id, id, kind, creator_id, fan_id, requested_by, begins_at)"
        " VALUES (%s, %s, 'fan', %s, %s, %s, clock_timestamp())",
        (workspace_id, erasure_id, fan.creator_id, fan_id, by),
    )
    return WakeUp(workspace_id=workspace_id, erasure_id=erasure_id)


def order_workspace(
    connection: Connection, workspace_id: UUID, *, begins_at: datetime, by: UUID
) -> WakeUp:
    """Order that a workspace be forgotten, and stop what it sends with this very commit.

    Args:
        connection: Inside a tenant's transaction, with no order open.
        workspace_id: Which.
        begins_at: Until then the order may be withdrawn.
        by: The member who orders it.
    """
    erasure_id = new_id()
    connection.execute(
        "INSERT INTO erasures (workspace_id, id, kind, requested_by, begins_at)"
        " VALUES (%s, %s, 'workspace', %s, %s)",
        (workspace_id, erasure_id, by, begins_at),
    )
    for (creator_id,) in connection.execute("SELECT id FROM creators").fetchall():
        commands.withdraw(connection, creator_id, why="the workspace is to be erased")
    # Their logins are forgotten at once, whatever becomes of the order.
    connection.execute(
        "UPDATE creator_lanes SET status = 'stopped', stop_reason = 'disconnected',"
        " stopped_at = clock_timestamp() WHERE workspace_id = %s",
        (workspace_id,),
    )
    return WakeUp(workspace_id=workspace_id, erasure_id=erasure_id)


def wake_soon(wake_up: WakeUp) -> None:
    """Let a run begin after the commit; the sweep of each minute finds what is lost here."""
    once_committed(partial(_wake_soon, wake_up))


def _wake_soon(wake_up: WakeUp) -> None:
    try:
        wake(wake_up)
    except Exception:
        # The order is committed: failing now would tell the caller that it is not.
        log.warning("an erasure was not woken", exc_info=True)


def wake(wake_up: WakeUp) -> None:
    """Let a run begin."""
    work = correlation.current()
    caused = wake_up.model_copy(
        update={"correlation_id": wake_up.correlation_id or (work and work.correlation_id)}
    )
    clients.sqs().send_message(
        QueueUrl=load(ErasureQueueSettings).erasures_queue_url,
        MessageBody=caused.model_dump_json(),
    )
