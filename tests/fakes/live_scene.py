"""A workspace whose members listen: journal in Postgres, connections and sockets in memory."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from functions.realtime.models import Listener
from functions.realtime.service import HELD_FOR, Hold, Unsent


class Sockets:
    """Connections that note what they are sent, or do not take it."""

    def __init__(self) -> None:
        self.sent: dict[str, list[dict[str, Any]]] = {}
        self.closed: set[str] = set()
        # What happens when something is posted to a connection.
        self.trouble: dict[str, Callable[[], None]] = {}

    def post(self, connection_id: str, message: str) -> None:
        """Send a message."""
        if connection_id in self.closed:
            raise Unsent("gone")
        self.trouble.get(connection_id, lambda: None)()
        self.sent.setdefault(connection_id, []).append(json.loads(message))

    def close(self, connection_id: str) -> None:
        """Close a connection."""
        self.closed.add(connection_id)

    def types(self, connection_id: str) -> list[str]:
        """What kinds of events a connection was sent."""
        return [item["type"] for item in self.items(connection_id)]

    def items(self, connection_id: str) -> list[dict[str, Any]]:
        """The events that a connection was sent."""
        frames = [one for one in self.sent.get(connection_id, []) if one["type"] == "events"]
        return [item for frame in frames for item in frame["items"]]


class Connections:
    """The rules of the table, in memory and under one lock."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)
        self._lock = threading.Lock()

    def open(self, connection_id: str, workspace_id: UUID, session_id: UUID, place: int) -> None:
        """Let a connection listen."""
        self.items[connection_id] = {
            "workspace": workspace_id,
            "session": session_id,
            "place": place,
            "held": None,
            "wanted": None,
        }

    def listening(self, workspace_id: UUID) -> list[Listener]:
        """The connections of a workspace that listen."""
        with self._lock:
            return [
                Listener(workspace_id, name, item["session"], item["place"])
                for name, item in self.items.items()
                if item["workspace"] == workspace_id
            ]

    def hold(self, listener: Listener, end: int) -> tuple[Hold, int]:
        """Hold a connection, or leave a note."""
        with self._lock:
            item = self.items.get(listener.connection_id)
            if item is None:
                return Hold.NONE, 0
            if item["held"] is None:
                item["held"] = self.now + HELD_FOR
                return Hold.HELD, item["place"]
            if item["held"] < self.now:
                return Hold.BROKEN, 0
            item["wanted"] = max(item["wanted"] or 0, end)
            return Hold.NOTED, 0

    def let_go(self, listener: Listener, place: int) -> int | None:
        """Let go, unless a note says further."""
        with self._lock:
            item = self.items.get(listener.connection_id)
            if item is None:
                return None
            if item["wanted"] is not None and item["wanted"] > place:
                return item["wanted"]
            item.update(place=place, held=None, wanted=None)
            return None

    def forget(self, listener: Listener) -> None:
        """Forget a connection."""
        with self._lock:
            self.items.pop(listener.connection_id, None)

    def pass_time(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by
