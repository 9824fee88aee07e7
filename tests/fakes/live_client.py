"""A client as the documentation describes it: it keeps a cursor, and comes back with it."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from functions.realtime import cursors
from functions.realtime.kinds import may_see
from functions.realtime.models import Place
from functions.realtime.repository import PostgresJournal
from functions.realtime.service import Desk, Unsent, deliver
from tests.fakes.live_scene import Connections, Sockets


class Client:
    """One member's client.

    Args:
        name: What its connections' names begin with.
        workspace_id: Where.
        session_id: The member's session.
        start: Where the journal ended when it came first.
    """

    def __init__(self, name: str, workspace_id: UUID, session_id: UUID, start: Place) -> None:
        self.name, self.workspace_id, self.session_id = name, workspace_id, session_id
        self.cursor = cursors.write(start)
        self.got: list[str] = []
        self._number = 0

    @property
    def connection(self) -> str:
        """The present connection."""
        return f"{self.name}-{self._number}"

    def resume(self, desk: Desk, sockets: Sockets, connections: Connections) -> None:
        """Leave the connection, if it is there yet, and come back with another."""
        self.read(sockets)
        sockets.close(self.connection)
        connections.items.pop(self.connection, None)
        self._number += 1
        place = cursors.read(self.cursor)
        desk.journal.require(place)  # type: ignore[attr-defined]
        connections.open(self.connection, self.workspace_id, self.session_id, place.position)
        listeners = connections.listening(self.workspace_id)
        mine = [one for one in listeners if one.connection_id == self.connection]
        deliver(mine, desk, farewell=lambda _: '{"type":"resumed"}')

    def read(self, sockets: Sockets) -> None:
        """Take in what the connection was sent."""
        for message in sockets.sent.pop(self.connection, []):
            self._take(message)

    def poll(self, journal: PostgresJournal, limit: int) -> None:
        """Go on without a connection; the member sees what their policies show."""
        place = cursors.read(self.cursor)
        viewer = journal.viewers([self.session_id])[self.session_id]
        stretch = journal.read(place.position, limit)
        journal.require(place)
        self.got += [str(one.event_id) for one in stretch.entries if may_see(viewer, one)]
        self.cursor = cursors.write(stretch.end)

    def _take(self, message: dict[str, Any]) -> None:
        for item in message.get("items", []):
            self.got.append(str(cursors.read(item["cursor"]).event_id))
            self.cursor = item["cursor"]
        self.cursor = message.get("cursor") or self.cursor


class UnsureSockets(Sockets):
    """Connections that now and then fail, before or after a message has arrived.

    Args:
        fate: Says of a message whether it arrives, and whether that is noticed.
    """

    def __init__(self, fate: Callable[[], tuple[bool, bool]]) -> None:
        super().__init__()
        self._fate = fate

    def post(self, connection_id: str, message: str) -> None:
        """Send, perhaps."""
        if connection_id in self.closed:
            raise Unsent("gone")
        arrives, noticed = self._fate()
        if arrives:
            self.sent.setdefault(connection_id, []).append(json.loads(message))
        if not noticed:
            raise Unsent("timed out")
