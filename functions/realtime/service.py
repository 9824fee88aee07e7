"""Rules of delivery: in order, nothing twice, nothing left out, and nobody waits for another.

A connection is sent what the journal says after the place that it has reached. One call at a
time holds a connection; whoever comes meanwhile leaves a note, and the holder looks again before
it lets go. What cannot be sent, or may have been, ends the connection: its client comes back with
the cursor of what it has really got, and goes on from there.
"""

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

from functions.realtime import cursors
from functions.realtime.kinds import may_see
from functions.realtime.models import (
    Entry,
    Listener,
    LiveEvent,
    Place,
    Stretch,
    Ticket,
    Viewer,
)
from functions.realtime.turns import Turns
from huntaze.errors import ForbiddenError

TICKET_LIFE = timedelta(seconds=30)
# Longer than a function may run: who holds a connection for so long has died.
HELD_FOR = timedelta(seconds=45)
# A frame stays below 128 KB, the most that API Gateway takes.
FRAME_EVENTS = 100
_READ_AT_ONCE = 500
# So much that is not for a member may pass before their connection's place is moved.
_SILENT = 200

log = logging.getLogger(__name__)


class Hold(StrEnum):
    """What came of trying to hold a connection."""

    HELD = "held"
    # Somebody else holds it and has been told to look again.
    NOTED = "noted"
    # Whoever held it has died, perhaps in the midst of a message.
    BROKEN = "broken"
    # It has gone, or has not said yet from where it listens.
    NONE = "none"


class Unsent(Exception):  # noqa: N818 - it is told, not handled as a defect
    """A message that a connection did not take, or perhaps did."""


class Journal(Protocol):
    """What has happened in a workspace."""

    def read(self, after: int, most: int) -> Stretch:
        """Read on behind a position."""
        ...

    def viewers(self, sessions: Collection[UUID]) -> dict[UUID, Viewer]:
        """Who listens with these sessions, as they are members now."""
        ...


class Connections(Protocol):
    """Who is connected, and how far each has got."""

    def hold(self, listener: Listener, end: int) -> tuple[Hold, int]:
        """Hold a connection, or leave a note that the journal has reached ``end``."""
        ...

    def let_go(self, listener: Listener, place: int) -> int | None:
        """Let go of it at ``place``; None if a note says further, where it stays held."""
        ...

    def forget(self, listener: Listener) -> None:
        """Forget a connection."""
        ...


class Sockets(Protocol):
    """The ends of connections at API Gateway."""

    def post(self, connection_id: str, message: str) -> None:
        """Send a message.

        Raises:
            Unsent: The connection has gone, or does not take it in time.
        """
        ...

    def close(self, connection_id: str) -> None:
        """Close a connection, if it is there."""
        ...


def check_origin(origin: str | None, allowed: Iterable[str]) -> None:
    """Refuse pages that are not ours; programs have no origin.

    Raises:
        ForbiddenError: It is another's page.
    """
    if origin is not None and origin not in allowed:
        raise ForbiddenError("Pages of this origin may not listen.")


def admits(
    ticket: Ticket | None, origin: str | None, allowed: Iterable[str], now: datetime
) -> bool:
    """Whether a ticket that was just taken lets a connection in."""
    if ticket is None or ticket.expires_at <= now:
        return False
    # What a browser asked for is of use to the same page alone.
    return origin == ticket.origin if ticket.origin else origin is None or origin in allowed


def as_event(entry: Entry) -> LiveEvent:
    """An event as clients get it, by whatever way."""
    return LiveEvent(
        cursor=cursors.write(entry.place),
        type=entry.type,
        occurred_at=entry.occurred_at,
        workspace_id=entry.workspace_id,
        creator_id=entry.creator_id,
        data=entry.data,
    )


def frames(entries: Sequence[Entry], end: Place) -> list[str]:
    """Events as messages, each with the cursor from which to go on after it."""
    parts = [entries[at : at + FRAME_EVENTS] for at in range(0, len(entries), FRAME_EVENTS)]
    ends = [part[-1].place for part in parts[:-1]] + [end]
    return [
        json.dumps(
            {
                "type": "events",
                "items": [as_event(entry).model_dump(mode="json") for entry in part],
                "cursor": cursors.write(upto),
            },
            separators=(",", ":"),
        )
        for part, upto in zip(parts, ends, strict=False)
    ]


class Part(NamedTuple):
    """What stands behind a position, where it and the journal end, and who may still hear of it."""

    entries: list[Entry]
    end: Place
    head: int
    viewers: dict[UUID, Viewer]


class Feed:
    """A part of the journal that several threads read, and the first who needs it fetches.

    Members are read after what they are to hear: whoever was sent away, or sees less, before
    something happened is not told of it, though somebody has been sending to them since before.
    """

    def __init__(self, journal: Journal, start: int, sessions: Collection[UUID]) -> None:
        self._journal = journal
        self._sessions = sessions
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._end = Place(start, None)
        self._head = start
        self._viewers: dict[UUID, Viewer] | None = None

    def after(self, position: int) -> Part:
        """What stands behind a position; of much, the beginning."""
        with self._lock:
            more = self._viewers is None or self._end.position <= position
            while more:
                stretch = self._journal.read(self._end.position, _READ_AT_ONCE)
                # What one client has been sent, nobody else asks for.
                kept = [] if len(self._sessions) == 1 else self._entries
                self._entries = [*kept, *stretch.entries]
                self._end, self._head = stretch.end, stretch.head
                self._viewers = self._journal.viewers(self._sessions)
                more = stretch.more and self._end.position <= position
            entries = [one for one in self._entries if one.position > position]
            return Part(entries, self._end, self._head, self._viewers or {})


class _PatientSockets:
    """Sockets for which others do not wait."""

    def __init__(self, sockets: Sockets, turns: Turns) -> None:
        self._sockets, self._turns = sockets, turns

    def post(self, connection_id: str, message: str) -> None:
        with self._turns.waiting():
            self._sockets.post(connection_id, message)

    def close(self, connection_id: str) -> None:
        with self._turns.waiting():
            self._sockets.close(connection_id)


class Desk(NamedTuple):
    """What one call delivers with."""

    journal: Journal
    connections: Connections
    sockets: Sockets


def deliver(
    listeners: Sequence[Listener],
    desk: Desk,
    *,
    farewell: Callable[[Place | None], str] | None = None,
) -> Counter[str]:
    """Send each connection of a workspace what it has not got; answer what came of them.

    Args:
        listeners: Connections of one workspace.
        desk: What to deliver with.
        farewell: What each is told at the end, where it has got then; None: somebody else sends it
            more.
    """
    if not listeners:
        return Counter()
    turns = Turns()
    desk = desk._replace(sockets=_PatientSockets(desk.sockets, turns))
    sessions = [one.session_id for one in listeners]
    feed = Feed(desk.journal, min(one.position for one in listeners), sessions)
    entries, end, head, viewers = feed.after(0)

    def serve(listener: Listener) -> str:
        viewer = viewers.get(listener.session_id)
        if viewer is None:
            # The session is over, or its member or workspace has gone: they hear no more.
            return _end(listener, desk)
        is_near = end.position == head and head - listener.position < _SILENT
        silent = is_near and not any(
            may_see(viewer, entry) for entry in entries if entry.position > listener.position
        )
        if silent and farewell is None:
            return "silent"
        return _serve(listener, feed, head, desk, farewell)

    return Counter(turns.serve(serve, listeners))


def _serve(
    listener: Listener,
    feed: Feed,
    end: int,
    desk: Desk,
    farewell: Callable[[Place | None], str] | None,
) -> str:
    held, position = desk.connections.hold(listener, end)
    if held is Hold.BROKEN:
        return _end(listener, desk)
    try:
        if held is Hold.HELD:
            _send(listener._replace(position=position), feed, end, desk, farewell)
        elif farewell is not None and held is Hold.NOTED:
            desk.sockets.post(listener.connection_id, farewell(None))
    except Unsent:
        return _end(listener, desk)
    return held.value


def _send(
    listener: Listener,
    feed: Feed,
    end: int,
    desk: Desk,
    farewell: Callable[[Place | None], str] | None,
) -> None:
    """Send a held connection everything, and what comes meanwhile, and let go of it.

    Of much that it has missed, each part is sent before the next is read: a client that is cut off
    in between comes back from there.

    Raises:
        Unsent: The connection did not take it, or its session is over.
    """
    position, wanted = listener.position, end
    while True:
        position, part = _send_part(listener, position, feed, desk)
        if position < min(wanted, part.head):
            continue
        if farewell is not None:
            desk.sockets.post(listener.connection_id, farewell(part.end))
            farewell = None
        further = desk.connections.let_go(listener, position)
        if further is None:
            return
        wanted = further


def _send_part(listener: Listener, position: int, feed: Feed, desk: Desk) -> tuple[int, Part]:
    part = feed.after(position)
    viewer = part.viewers.get(listener.session_id)
    if viewer is None:
        raise Unsent("the session is over")
    for frame in frames([one for one in part.entries if may_see(viewer, one)], part.end):
        desk.sockets.post(listener.connection_id, frame)
    return max(position, part.end.position), part


def _end(listener: Listener, desk: Desk) -> str:
    # First of all nobody else delivers to it any more.
    desk.connections.forget(listener)
    desk.sockets.close(listener.connection_id)
    return "ended"
