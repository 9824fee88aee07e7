"""A front end that listens: it comes back from where it was whenever its connection is lost."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chaos.evening.cloud import Cloud
from chaos.evening.people import Person, Routine
from local.live_client import LiveSocket, NotAdmittedError

_PING_SECONDS = 20
_READ_SECONDS = 0.5
# A copy of all that was heard is made at each look: a connection of some thousands is enough.
_MOST_HEARD = 2_000


@dataclass(frozen=True)
class Heard:
    """A live event, and when it came."""

    cursor: str
    kind: str
    data: dict[str, str]
    at: datetime


class Listener(Routine):
    """Somebody who hears of everything.

    Args:
        name: Of the thread.
        person: Who listens.
        creators: Whom they see.
    """

    def __init__(self, name: str, person: Person, creators: list[str]) -> None:
        super().__init__(name, self._listen)
        self._person = person
        self.creators = creators
        self._socket: LiveSocket | None = None
        self._cursor: str | None = None
        self._read = 0
        self._pinged_at = 0.0
        self.connections = 0
        self.heard: list[Heard] = []

    @property
    def cursor(self) -> str | None:
        """Up to where all has come; None before the first connection."""
        return self._cursor

    def behind(self, cloud: Cloud) -> int:
        """How many events stand in the journal behind what has come."""
        place = int((self._cursor or "0").partition(".")[0])
        with cloud.connect() as connection:
            row = connection.execute(
                "SELECT max(e.position) FROM live_events e WHERE e.type = 'message.created'"
                " AND e.creator_id = ANY (%s)",
                (self.creators,),
            ).fetchone()
        return max(0, (row[0] if row and row[0] else 0) - place)

    def _listen(self) -> None:
        try:
            if self._socket is None or self._socket.closed or self._read > _MOST_HEARD:
                self._connect()
            self._take()
        except (NotAdmittedError, TimeoutError, ValueError, OSError) as trouble:
            # A function that dies is answered for by the gateway, in words of its own.
            self._socket = None
            raise ConnectionError(f"{type(trouble).__name__} {trouble}") from trouble

    def _connect(self) -> None:
        if self._socket is not None:
            self._take()
            self._socket.break_off()
        ticket = self._person.post("/api/realtime/ticket")
        self._socket = LiveSocket(ticket["url"], ticket["ticket"])
        self._socket.say(action="resume", cursor=self._cursor or ticket["cursor"])
        self._cursor = self._cursor or ticket["cursor"]
        self._read = 0
        self._pinged_at = time.monotonic()
        self.connections += 1

    def _take(self) -> None:
        socket = self._socket
        if socket is None:
            return
        if time.monotonic() - self._pinged_at > _PING_SECONDS:
            socket.say(action="ping")
            self._pinged_at = time.monotonic()
        messages = socket.heard(_READ_SECONDS)
        now = datetime.now(UTC)
        for message in messages[self._read :]:
            self._keep(message, now)
        self._read = len(messages)

    def _keep(self, message: dict[str, Any], now: datetime) -> None:
        if message.get("type") not in ("events", "resumed", "pong"):
            raise ConnectionError(str(message)[:200])
        for item in message.get("items", []):
            self.heard.append(Heard(item["cursor"], item["type"], item["data"], now))
        if message.get("cursor"):
            self._cursor = message["cursor"]
