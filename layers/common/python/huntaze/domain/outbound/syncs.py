"""Syncs: orders that a lane carries out page by page, in the gaps between its sends.

A sync stays ``waiting`` until its last page is stored. How far it is lies in its row, moved on in
the transaction that stores a page: a crash repeats that one page at most.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from huntaze import outbox
from huntaze.db import Connection
from huntaze.domain.outbound.lanes import Claim
from huntaze.ids import new_id

# In the order in which they are requested: who the fans are comes before what they paid and said.
SYNCS = ("sync_subscribers", "sync_earnings", "sync_threads")
# A page that cannot be read so many times in a row ends the sync.
MAX_PAGE_FAILURES = 5
FIRST_DELAY = timedelta(seconds=5)
# No creator has so many: a list that leads in circles must not keep a lane reading for ever.
MOST_PAGES = 50_000


@dataclass(frozen=True)
class Sync:
    """A sync that may go on now.

    Attributes:
        cursor: The page that comes next; None is the first.
        failures: How often that page could not be read.
        pages: How many are stored.
        rows: How many rows they held.
        rejected: How many of these could not be used.
        whole: The list is read to its end; if not, as far as it says something new.
        periodic: Nobody has asked for it.
        now: By the database's clock, before the page is opened.
    """

    id: UUID
    kind: str
    cursor: str | None
    failures: int
    pages: int
    rows: int
    rejected: int
    now: datetime
    whole: bool = True
    periodic: bool = False
    # What caused it.
    correlation_id: UUID | None = None


@dataclass(frozen=True)
class Kept:
    """What became of the rows of a page.

    Attributes:
        rejected: How many could not be used.
        news: How many said something new; None where that is not asked for.
    """

    rejected: int
    news: int | None = None


def request_all(
    connection: Connection, *, workspace_id: UUID, creator_id: UUID, requested_by: UUID | None
) -> list[UUID]:
    """Request every sync of a creator; one that waits already is the one that is meant.

    The caller wakes the lane after its transaction.
    """
    return [_request(connection, workspace_id, creator_id, kind, requested_by) for kind in SYNCS]


def request_earnings(connection: Connection, *, workspace_id: UUID, creator_id: UUID) -> UUID:
    """Request that a creator's earnings be read; the caller wakes the lane afterwards."""
    return _request(connection, workspace_id, creator_id, "sync_earnings", None)


def _request(
    connection: Connection,
    workspace_id: UUID,
    creator_id: UUID,
    kind: str,
    requested_by: UUID | None,
) -> UUID:
    row = connection.execute(
        "INSERT INTO creator_commands (workspace_id, id, creator_id, kind, requested_by)"
        " VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (workspace_id, creator_id, kind)"
        "   WHERE state IN ('waiting', 'running') AND starts_with(kind, 'sync_')"
        # Whoever asks for one that trouble has put off wants it tried now, and to its end.
        " DO UPDATE SET due_at = least(creator_commands.due_at, EXCLUDED.due_at),"
        " payload = creator_commands.payload - 'full' - 'periodic' RETURNING id",
        (workspace_id, new_id(), creator_id, kind, requested_by),
    ).fetchone()
    if row is None:
        raise LookupError("an upsert returned no row")
    requested: UUID = row[0]
    return requested


_NEXT = """
  SELECT id, kind, payload, correlation_id, coalesce(result, '{}') AS progress,
         clock_timestamp() AS now
    FROM creator_commands
   WHERE creator_id = %s AND state = 'waiting' AND starts_with(kind, 'sync_')
     AND due_at <= clock_timestamp()
   ORDER BY created_at, id LIMIT 1
"""


def next_sync(connection: Connection, claim: Claim) -> Sync | None:
    """The sync of the lane that goes on first; it is not marked as taken."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_NEXT, (claim.creator_id,)).fetchone()
    if row is None:
        return None
    payload, progress = row["payload"], row["progress"]
    return Sync(
        id=row["id"],
        kind=row["kind"],
        cursor=payload.get("cursor"),
        failures=payload.get("failures", 0),
        whole=payload.get("full", True),
        periodic=payload.get("periodic", False),
        correlation_id=row["correlation_id"],
        now=row["now"],
        **{name: progress.get(name, 0) for name in ("pages", "rows", "rejected")},
    )


def has_read_since(connection: Connection, creator_id: UUID, kind: str, moment: datetime) -> bool:
    """Whether a whole list was read that was ordered after ``moment``: it knew what was so then."""
    row = connection.execute(
        "SELECT FROM creator_commands WHERE creator_id = %s AND kind = %s AND state = 'done'"
        " AND starts_with(kind, 'sync_') AND coalesce(payload ->> 'full', 'true') = 'true'"
        " AND created_at > %s LIMIT 1",
        (creator_id, kind, moment),
    ).fetchone()
    return row is not None


def hold(connection: Connection, claim: Claim, sync: Sync) -> bool:
    """Whether ``sync`` still stands where it was read; nobody else moves it until the end.

    False when it was called back, or when another worker has taken the lane and gone on.
    """
    row = connection.execute(
        "SELECT state, payload ->> 'cursor', coalesce((result ->> 'pages')::integer, 0)"
        " FROM creator_commands WHERE workspace_id = %s AND id = %s FOR UPDATE",
        (claim.workspace_id, sync.id),
    ).fetchone()
    return row == ("waiting", sync.cursor, sync.pages)


def advance(
    connection: Connection,
    claim: Claim,
    sync: Sync,
    *,
    rows: int,
    rejected: int,
    next_cursor: str | None,
) -> bool:
    """Record that a page is stored, in the transaction that stores it, which holds the sync.

    Returns:
        Whether it was the last page.
    """
    progress = {
        "pages": sync.pages + 1,
        "rows": sync.rows + rows,
        "rejected": sync.rejected + rejected,
    }
    if next_cursor is None:
        _finish(connection, claim, sync, "done", progress)
        if not sync.periodic:
            outbox.add(
                connection,
                "sync.completed",
                workspace_id=claim.workspace_id,
                aggregate=("creator", claim.creator_id),
                payload={"kind": sync.kind, "rows": progress["rows"]},
            )
        return True
    if next_cursor == sync.cursor or progress["pages"] >= MOST_PAGES:
        circles = {"detail": "the platform's list does not come to an end"}
        _finish(connection, claim, sync, "failed", progress | circles)
        return True
    connection.execute(
        # What kind of sync it is stays.
        "UPDATE creator_commands SET payload = (payload - 'cursor' - 'failures') || %s::jsonb,"
        " result = %s"
        " WHERE workspace_id = %s AND id = %s",
        (json.dumps({"cursor": next_cursor}), json.dumps(progress), claim.workspace_id, sync.id),
    )
    return False


def put_off(connection: Connection, claim: Claim, sync: Sync, *, trouble: str, detail: str) -> None:
    """Read the page later that cannot be read now; give the sync up after the last time."""
    if not hold(connection, claim, sync):
        return
    failures = sync.failures + 1
    progress = {"pages": sync.pages, "rows": sync.rows, "rejected": sync.rejected}
    if failures >= MAX_PAGE_FAILURES:
        told = {"trouble": trouble, "detail": detail}
        _finish(connection, claim, sync, "failed", progress | told)
        return
    connection.execute(
        "UPDATE creator_commands SET payload = (payload - 'cursor' - 'failures') || %s::jsonb,"
        " result = %s,"
        " due_at = clock_timestamp() + %s"
        " WHERE workspace_id = %s AND id = %s",
        (
            json.dumps({"cursor": sync.cursor, "failures": failures}),
            json.dumps(progress | {"trouble": trouble}),
            FIRST_DELAY * 2**sync.failures,
            *(claim.workspace_id, sync.id),
        ),
    )


def _finish(
    connection: Connection, claim: Claim, sync: Sync, state: str, result: dict[str, Any]
) -> None:
    connection.execute(
        "UPDATE creator_commands SET state = %s, result = %s, finished_at = clock_timestamp()"
        " WHERE workspace_id = %s AND id = %s",
        (state, json.dumps(result), claim.workspace_id, sync.id),
    )
