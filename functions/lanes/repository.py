"""Lanes in Postgres, seen through the one function that the role may call."""

from uuid import UUID

from huntaze.db import ConnectionSource


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
            return [row[0] for row in connection.execute("SELECT lanes_with_due_work()")]

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
