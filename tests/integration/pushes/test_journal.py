"""The journal of pushes: what one push costs does not grow with what others have pushed."""

from collections.abc import Callable
from uuid import UUID

import psycopg

from huntaze.db import Connection

# More than what is cheaper to read whole.
MANY = 5_000


def test_a_push_reads_no_other_events(
    as_role: Callable[[str], Connection], tenant_factory: Callable[..., tuple[UUID, UUID, UUID]]
) -> None:
    workspace_id, user_id, creator_id = tenant_factory()
    master = as_role("master")
    with master.transaction():
        for table in ("platform_webhooks", "platform_events"):
            master.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY".encode())
        values = {"workspace": workspace_id, "creator": creator_id, "user": user_id, "many": MANY}
        master.execute(
            "INSERT INTO platform_webhooks (workspace_id, creator_id, sealed_key, sealed, set_by)"
            " VALUES (%(workspace)s, %(creator)s, 'k', 's', %(user)s)",
            values,
        )
        master.execute(
            "INSERT INTO platform_events (workspace_id, creator_id, id, kind, occurred_at)"
            " SELECT %(workspace)s, %(creator)s, n::text, 'message.created', clock_timestamp()"
            "   FROM generate_series(1, %(many)s) n",
            values,
        )
        master.execute("ANALYZE platform_events")
        before = _rows_read(master)
        assert _take(master, creator_id, "new") is True
        assert _take(master, creator_id, "new") is True
        assert _rows_read(master) - before < MANY / 10
        raise psycopg.Rollback


def _take(connection: Connection, creator_id: UUID, event_id: str) -> object:
    (waits,) = connection.execute(
        "SELECT take_platform_event(%s, %s, 'message.created', clock_timestamp(), '{}', NULL)",
        (creator_id, event_id),
    ).fetchone() or (None,)
    return waits


def _rows_read(connection: Connection) -> int:
    """Rows of the journal that this transaction has looked at."""
    (rows,) = connection.execute(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
        " WHERE relname = 'platform_events'"
    ).fetchone() or (0,)
    return int(rows)
