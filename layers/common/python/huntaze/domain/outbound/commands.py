"""What a lane does besides sending, one at a time: connect, at once; unsend, in turn with the rest.

Syncs are orders, too, but wait for the gaps between sends: see ``syncs``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from huntaze import outbox
from huntaze.db import Connection
from huntaze.domain.outbound.lanes import Claim
from huntaze.ids import new_id

# A message that cannot be taken back is tried again ever later, for about ten minutes in all: a fan
# may read it any moment, and whoever wants it gone must hear in time that it is not.
MAX_FAILURES = 8
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True)
class Command:
    """One order to the worker."""

    id: UUID
    kind: str
    payload: dict[str, Any]
    # What caused it.
    correlation_id: UUID | None = None
    # Why nobody could take the message back for a day: the creator has to log in.
    waits_for: str | None = None


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


# A login goes first. No message is taken back while the creator has to log in: after a day of that
# an order is only there to be given up.
_NEXT = """
  SELECT o.id, o.kind, o.payload, o.correlation_id, o.waits_for FROM (
    (SELECT c.*, NULL::text AS waits_for FROM creator_commands c
      WHERE c.creator_id = %(creator)s AND c.state IN ('waiting', 'running')
        AND c.kind <> 'unsend' AND NOT starts_with(c.kind, 'sync_')
        AND c.due_at <= statement_timestamp()
      ORDER BY c.created_at, c.id LIMIT 1)
    UNION ALL
    (SELECT c.*, CASE WHEN NOT l.moves THEN l.stop_reason END
       FROM (SELECT stop_reason, stopped_at,
                    -- As lanes_with_due_work has it: a page that has changed needs no new login.
                    status = 'active' OR stop_reason = 'selector_drift' AS moves
               FROM creator_lanes WHERE creator_id = %(creator)s) l
      CROSS JOIN LATERAL (
        SELECT u.* FROM creator_commands u
         WHERE u.creator_id = %(creator)s AND u.state IN ('waiting', 'running')
           AND u.kind = 'unsend' AND u.due_at <= statement_timestamp()
           AND (l.moves OR l.stopped_at <= statement_timestamp() - interval '1 day')
           AND (l.moves OR u.created_at <= statement_timestamp() - interval '1 day')
         ORDER BY u.due_at, u.id LIMIT 1) c)
  ) o ORDER BY o.kind = 'unsend' LIMIT 1
"""


def next_order(connection: Connection, claim: Claim) -> Command | None:
    """The order of the lane that is carried out next; it is not marked as taken.

    One that a crash left running is done again. Every kind is safe to repeat: logging in, and
    removing a message that may be gone already.
    """
    with connection.cursor(row_factory=class_row(Command)) as cursor:
        return cursor.execute(_NEXT, {"creator": claim.creator_id}).fetchone()


def take(connection: Connection, claim: Claim, command: Command) -> bool:
    """Mark an order as being carried out; False when it was called back."""
    return (
        connection.execute(
            "UPDATE creator_commands SET state = 'running'"
            " WHERE workspace_id = %s AND id = %s AND state IN ('waiting', 'running')",
            (claim.workspace_id, command.id),
        ).rowcount
        == 1
    )


def finish(
    connection: Connection, claim: Claim, command: Command, *, done: bool, result: dict[str, Any]
) -> None:
    """Record how an order ended; a code or a password in its payload is wiped.

    Of messages that could not be taken back, whoever ordered it is told, once for all that they
    ordered together.
    """
    connection.execute(
        "UPDATE creator_commands SET state = %s, result = %s, payload = payload - 'code',"
        " finished_at = clock_timestamp()"
        " WHERE workspace_id = %s AND id = %s AND state = 'running'",
        ("done" if done else "failed", json.dumps(result), claim.workspace_id, command.id),
    )
    if command.kind == "unsend":
        _tell_of_failures(connection, claim.workspace_id, claim.creator_id, command)


def put_off(
    connection: Connection,
    claim: Claim,
    command: Command,
    *,
    trouble: str,
    detail: str,
) -> None:
    """Carry an order out later that cannot be carried out now; give it up after the last time."""
    failures = command.payload.get("failures", 0) + 1
    if failures >= MAX_FAILURES:
        told = {"trouble": trouble, "detail": detail}
        finish(connection, claim, command, done=False, result=told)
        return
    connection.execute(
        "UPDATE creator_commands SET state = 'waiting', payload = payload || %s::jsonb,"
        " result = %s, due_at = clock_timestamp() + %s"
        " WHERE workspace_id = %s AND id = %s AND state = 'running'",
        (
            json.dumps({"failures": failures}),
            json.dumps({"trouble": trouble}),
            min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1)),
            *(claim.workspace_id, command.id),
        ),
    )


_FAILED_TOGETHER = """
  WITH together AS NOT MATERIALIZED (
    SELECT state, result, finished_at FROM creator_commands
     WHERE workspace_id = %(workspace)s AND creator_id = %(creator)s AND kind = 'unsend'
       AND (id = %(id)s OR correlation_id = %(cause)s))
  SELECT count(*), (array_agg(result ->> 'trouble' ORDER BY finished_at DESC))[1]
    FROM together
   WHERE state = 'failed'
     -- Found at once as long as there is one: of many thousands, the last one alone is counted at.
     AND NOT EXISTS (SELECT FROM together WHERE state IN ('waiting', 'running'))
"""


def _tell_of_failures(
    connection: Connection, workspace_id: UUID, creator_id: UUID, command: Command
) -> None:
    """Tell of messages that stay where they are, when the last of those ordered together ends."""
    together = {
        "workspace": workspace_id,
        "creator": creator_id,
        "id": command.id,
        "cause": command.correlation_id,
    }
    row = connection.execute(_FAILED_TOGETHER, together).fetchone()
    if row is None or not row[0]:
        return
    messages, trouble = row
    send = connection.execute(
        "SELECT campaign_id, fan_id FROM sends WHERE workspace_id = %s AND id = %s",
        (workspace_id, UUID(command.payload["send_id"])),
    ).fetchone()
    campaign_id, fan_id = send or (None, None)
    outbox.add(
        connection,
        "message.not_taken_back",
        workspace_id=workspace_id,
        aggregate=("order", command.id),
        payload={
            "creator_id": str(creator_id),
            "campaign_id": campaign_id and str(campaign_id),
            "fan_id": str(fan_id) if fan_id and not campaign_id else None,
            "messages": messages,
            "reason": trouble,
        },
    )


def is_wanted(connection: Connection, claim: Claim, command: Command) -> bool:
    """Whether an order that was taken still stands; holds it until the transaction ends."""
    row = connection.execute(
        "SELECT state FROM creator_commands WHERE workspace_id = %s AND id = %s FOR UPDATE",
        (claim.workspace_id, command.id),
    ).fetchone()
    return row is not None and row[0] == "running"


_WITHDRAW = """
  WITH ended AS (
    UPDATE creator_commands
       SET state = 'failed', payload = payload - 'code', finished_at = clock_timestamp(),
           result = jsonb_build_object('detail', %(why)s::text)
             || CASE WHEN kind = 'unsend' THEN '{"trouble": "not_connected"}' ELSE '{}' END::jsonb
     WHERE creator_id = %(creator)s AND state IN ('waiting', 'running')
    RETURNING workspace_id, id, kind, payload, correlation_id)
  SELECT DISTINCT ON (coalesce(correlation_id, id)) workspace_id, id, kind, payload, correlation_id
    FROM ended WHERE kind = 'unsend' ORDER BY coalesce(correlation_id, id), id
"""


def withdraw(connection: Connection, creator_id: UUID, *, why: str) -> None:
    """Call back every order of a creator that has not ended.

    Whoever wanted messages taken back is told that they stay where they are.
    """
    called_back = connection.execute(_WITHDRAW, {"creator": creator_id, "why": why}).fetchall()
    for workspace_id, *one_of_them in called_back:
        _tell_of_failures(connection, workspace_id, creator_id, Command(*one_of_them))
