"""What a lane does besides sending, at once: connect, unsend; one at a time, before any send.

Syncs are orders, too, but wait for the gaps between sends: see ``syncs``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from huntaze.db import Connection
from huntaze.domain.outbound.lanes import Claim
from huntaze.ids import new_id


@dataclass(frozen=True)
class Command:
    """One order to the worker."""

    id: UUID
    kind: str
    payload: dict[str, Any]
    # What caused it.
    correlation_id: UUID | None = None


def request(
    connection: Connection,
    *,
    workspace_id: UUID,
    creator_id: UUID,
    kind: str,
    payload: dict[str, Any],
    requested_by: UUID,
) -> UUID:
    """Queue an order; the caller wakes the lane after its transaction."""
    command_id = new_id()
    connection.execute(
        "INSERT INTO creator_commands (workspace_id, id, creator_id, kind, payload, requested_by)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (workspace_id, command_id, creator_id, kind, json.dumps(payload), requested_by),
    )
    return command_id


def request_unsend(
    connection: Connection,
    *,
    workspace_id: UUID,
    creator_id: UUID,
    send_ids: Sequence[UUID],
    requested_by: UUID,
) -> int:
    """Order that messages be taken back; the caller wakes the lane after its transaction.

    Returns:
        How many were not ordered before: one that is under way is not ordered again.
    """
    return connection.execute(
        "INSERT INTO creator_commands (workspace_id, creator_id, kind, payload, requested_by)"
        " SELECT %s, %s, 'unsend', jsonb_build_object('send_id', send_id), %s"
        "   FROM unnest(%s::uuid[]) send_id"
        " ON CONFLICT (workspace_id, creator_id, (payload ->> 'send_id'))"
        " WHERE kind = 'unsend' AND state IN ('waiting', 'running') DO NOTHING",
        (workspace_id, creator_id, requested_by, list(send_ids)),
    ).rowcount


def take(connection: Connection, claim: Claim) -> Command | None:
    """The oldest order of the lane; one that a crash left running is done again.

    Every kind is safe to repeat: logging in, and removing a message that may be gone already.
    """
    with connection.cursor(row_factory=class_row(Command)) as cursor:
        return cursor.execute(
            "UPDATE creator_commands SET state = 'running' WHERE (workspace_id, id) = ("
            "  SELECT workspace_id, id FROM creator_commands"
            "   WHERE creator_id = %s AND state IN ('waiting', 'running')"
            "     AND NOT starts_with(kind, 'sync_')"
            "   ORDER BY created_at LIMIT 1)"
            " RETURNING id, kind, payload, correlation_id",
            (claim.creator_id,),
        ).fetchone()


def finish(
    connection: Connection, claim: Claim, command: Command, *, done: bool, result: dict[str, Any]
) -> None:
    """Record how an order ended; a code or a password in its payload is wiped."""
    connection.execute(
        "UPDATE creator_commands SET state = %s, result = %s, payload = payload - 'code',"
        " finished_at = clock_timestamp()"
        " WHERE workspace_id = %s AND id = %s AND state = 'running'",
        ("done" if done else "failed", json.dumps(result), claim.workspace_id, command.id),
    )


def is_wanted(connection: Connection, claim: Claim, command: Command) -> bool:
    """Whether an order that was taken still stands; holds it until the transaction ends."""
    row = connection.execute(
        "SELECT state FROM creator_commands WHERE workspace_id = %s AND id = %s FOR UPDATE",
        (claim.workspace_id, command.id),
    ).fetchone()
    return row is not None and row[0] == "running"


def withdraw(connection: Connection, creator_id: UUID, *, why: str) -> None:
    """Call back every order of a creator that has not ended."""
    connection.execute(
        "UPDATE creator_commands SET state = 'failed', result = %s, payload = payload - 'code',"
        " finished_at = clock_timestamp()"
        " WHERE creator_id = %s AND state IN ('waiting', 'running')",
        (json.dumps({"detail": why}), creator_id),
    )
