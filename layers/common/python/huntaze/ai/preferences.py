"""What a workspace wants otherwise than the router: the economy model for some kinds of work."""

import time
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from huntaze.db import ConnectionSource

# How long a function believes what it read: what a workspace changes arrives within it.
BELIEVED = 30.0
_MOST_KNOWN = 1000


class Preferences(Protocol):
    """What workspaces want."""

    def economy_tasks(self, workspace_id: UUID) -> frozenset[str]:
        """The kinds of work that the economy model does for a workspace."""
        ...


class NoPreferences:
    """Nobody wants anything otherwise."""

    def economy_tasks(self, _workspace_id: UUID) -> frozenset[str]:
        """None."""
        return frozenset()


NO_PREFERENCES = NoPreferences()


class PostgresPreferences:
    """What workspaces have chosen, read at most every half a minute.

    Args:
        source: Lends a connection with the role ``app`` that nobody else uses meanwhile.
        clock: Seconds that only grow.
    """

    def __init__(
        self, source: ConnectionSource, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._clock = clock
        self._known: dict[UUID, tuple[float, frozenset[str]]] = {}

    def economy_tasks(self, workspace_id: UUID) -> frozenset[str]:
        """The kinds of work that the economy model does for a workspace."""
        now = self._clock()
        known = self._known.get(workspace_id)
        if known is not None and now - known[0] < BELIEVED:
            return known[1]
        with self._source.connection() as connection:
            rows = connection.execute("SELECT ai_economy_tasks_of(%s)", (workspace_id,)).fetchall()
        tasks = frozenset(row[0] for row in rows)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[workspace_id] = (now, tasks)
        return tasks
