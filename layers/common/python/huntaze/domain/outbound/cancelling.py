"""Direct messages that are called back, or taken away, before they were granted."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import kwargs_row

from huntaze.db import Connection
from huntaze.domain import audit
from huntaze.domain.outbound.grants import announce
from huntaze.domain.outbound.states import SendState

_CANCEL = (
    "UPDATE sends SET state = 'cancelled', settled_at = clock_timestamp()"
    " WHERE id = ANY (%s) AND state = 'planned' AND campaign_id IS NULL"
)


class _Cancelled(NamedTuple):
    workspace_id: UUID
    creator_id: UUID
    id: UUID


def cancel_direct(connection: Connection, send_ids: Sequence[UUID]) -> int:
    """Cancel what is still planned because a member turns off what has planned it.

    What is being submitted may still arrive.
    """
    return connection.execute(_CANCEL, (list(send_ids),)).rowcount


def take_away(connection: Connection, send_ids: Sequence[UUID]) -> int:
    """Cancel a fan's planned replies because of what has happened since; each one is told of."""
    with connection.cursor(row_factory=kwargs_row(_Cancelled)) as cursor:
        query = f"{_CANCEL} RETURNING workspace_id, creator_id, id"
        taken = cursor.execute(query.encode(), (list(send_ids),)).fetchall()
    for one in taken:
        announce(connection, one, one.id, None, SendState.CANCELLED)
    return len(taken)


def call_back(connection: Connection, send_id: UUID, *, by: UUID) -> bool:
    """Cancel a message because a member says so; False: it does not wait any more."""
    with connection.cursor(row_factory=kwargs_row(_Cancelled)) as cursor:
        query = f"{_CANCEL} RETURNING workspace_id, creator_id, id"
        lane = cursor.execute(query.encode(), ([send_id],)).fetchone()
    if lane is None:
        return False
    announce(connection, lane, send_id, None, SendState.CANCELLED, called_back=True)
    target = audit.Target("send", send_id)
    facts = {"creator_id": str(lane.creator_id)}
    audit.record(connection, "message.cancelled", target, actor_id=by, facts=facts)
    return True
