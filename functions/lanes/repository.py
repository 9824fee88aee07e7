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
