"""Lanes in Postgres, seen through the one function that the role may call."""

from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.lanes.models import LaneFigures
from functions.lanes.pace import Paces
from huntaze.db import ConnectionSource
from huntaze.domain.conversations.desk import wake_snoozed

# The first silence of a day that is longer than a sweep or two may be the one of a restore.
_ALIVE = """
  UPDATE database_life SET
    (silent_from, silent_until) = (
      SELECT CASE WHEN fresh THEN alive_at ELSE silent_from END,
             CASE WHEN fresh THEN clock_timestamp() ELSE silent_until END
        FROM (SELECT alive_at < clock_timestamp() - interval '3 minutes'
                     AND coalesce(silent_until < clock_timestamp() - interval '1 day', true)
                     AS fresh) silence),
    alive_at = clock_timestamp()
"""

# More wait for the next minute; whoever was read longest ago is first.
_MOST_SYNCS = 2000
_MOST_PUSHES = 500


class PostgresLanes:
    """The lanes of all workspaces.

    Args:
        source: Lends a connection with the role ``relay``.
    """

    def __init__(self, source: ConnectionSource) -> None:
        self._source = source

    def with_due_work(self) -> list[UUID]:
        """The creators that a worker could do something for now."""
        with self._source.connection() as connection:
            rows = connection.execute(
                "SELECT lanes_with_due_work() UNION SELECT lanes_to_reconcile()"
            )
            return [row[0] for row in rows]

    def plan_syncs(self, paces: Paces) -> int:
        """Order the syncs whose time has come; returns how many."""
        with self._source.connection() as connection:
            row = connection.execute(
                "SELECT plan_syncs(%s, %s, %s)",
                (
                    Jsonb({kind: pace.model_dump() for kind, pace in paces.kinds.items()}),
                    timedelta(seconds=paces.active_for),
                    _MOST_SYNCS,
                ),
            ).fetchone()
        return 0 if row is None else int(row[0])

    def lost_pushes(self, after: timedelta) -> list[tuple[UUID, UUID, str]]:
        """What platforms have pushed and the queue has lost: workspace, creator, event."""
        with self._source.connection() as connection:
            rows = connection.execute(
                "SELECT workspace_id, creator_id, event_id FROM platform_events_to_queue(%s, %s)",
                (after, _MOST_PUSHES),
            )
            return [(row[0], row[1], row[2]) for row in rows]

    def figures(self, patience: timedelta) -> LaneFigures:
        """How many lanes have work, and how many of them got nowhere for ``patience``."""
        with (
            self._source.connection() as connection,
            connection.cursor(row_factory=class_row(LaneFigures)) as cursor,
        ):
            cursor.execute("SELECT * FROM lane_figures(%s)", (patience,))
            (found,) = cursor.fetchall()
        return found

    def sign_of_life(self) -> None:
        """Note that the database is at work now; a backup keeps the last note before it."""
        with self._source.connection() as connection:
            connection.execute(_ALIVE)

    def held_by_restore(self) -> int:
        """How many lanes still wait for what was sent before a restore."""
        with self._source.connection() as connection:
            row = connection.execute("SELECT lanes_held_by_restore()").fetchone()
        return 0 if row is None else int(row[0])

    def wake_conversations(self) -> int:
        """Open the conversations that were snoozed until now; how many there were."""
        with self._source.connection() as connection:
            return wake_snoozed(connection)

    def mark_restored(self, moment: datetime, *, by: str) -> int:
        """Say that the database came back from a backup; returns how many lanes are held."""
        with self._source.connection() as connection:
            row = connection.execute("SELECT mark_restored(%s, %s)", (moment, by)).fetchone()
        return 0 if row is None else int(row[0])

    def stop(self, scope: str, *, reason: str, by: str) -> None:
        """Hold every lane of a scope from its next grant on."""
        with self._source.connection() as connection:
            connection.execute(
                "INSERT INTO kill_switches (scope, reason, set_by) VALUES (%s, %s, %s)"
                " ON CONFLICT (scope) DO UPDATE SET reason = excluded.reason,"
                " set_by = excluded.set_by, set_at = clock_timestamp()",
                (scope, reason, by),
            )

    def go(self, scope: str) -> None:
        """Let a scope go again; the sweep wakes its lanes."""
        with self._source.connection() as connection:
            connection.execute("DELETE FROM kill_switches WHERE scope = %s", (scope,))

    def switches(self) -> int:
        """How many switches are on."""
        with self._source.connection() as connection:
            row = connection.execute("SELECT count(*) FROM kill_switches").fetchone()
        return 0 if row is None else int(row[0])
