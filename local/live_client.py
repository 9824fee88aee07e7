"""What a front end does to hear of events: a ticket, a WebSocket, and a cursor that it keeps."""

import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError

_CHUNK = 65536


class NotAdmittedError(Exception):
    """The server refused the connection."""


class LiveSocket:
    """One WebSocket connection, read when somebody waits for something.

    Args:
        url: Where to connect, ``ws://…``.
        ticket: That opens it.
        origin: The page that connects; None is a program.
    """

    def __init__(self, url: str, ticket: str, *, origin: str | None = None) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port or 80), timeout=30)
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._heard: list[dict[str, Any]] = []
        self._partly = ""
        self.closed = False
        headers = [] if origin is None else [(b"Origin", origin.encode())]
        self._send(
            Request(
                host=parts.netloc,
                target=f"{parts.path}?ticket={quote(ticket)}",
                extra_headers=headers,
            )
        )
        self._admitted = False
        while not self._admitted and not self.closed:
            self._receive(30)
        if not self._admitted:
            self._socket.close()
            raise NotAdmittedError

    def say(self, **message: object) -> None:
        """Send a message.

        Raises:
            OSError: The other side has hung up.
        """
        self._send(TextMessage(json.dumps(message)))

    def wait_for(
        self, wanted: Callable[[dict[str, Any]], bool], *, seconds: float = 30
    ) -> dict[str, Any]:
        """Wait for a message; those before it are kept for `heard`.

        Raises:
            TimeoutError: It did not come.
        """
        looked_at = 0
        until = time.monotonic() + seconds
        while True:
            for message in self._heard[looked_at:]:
                if wanted(message):
                    return message
            looked_at = len(self._heard)
            left = until - time.monotonic()
            if left <= 0 or self.closed:
                raise TimeoutError
            self._receive(left)

    def heard(self, seconds: float = 0) -> list[dict[str, Any]]:
        """Everything that came, and what comes in a while from now."""
        until = time.monotonic() + seconds
        while not self.closed and (left := until - time.monotonic()) > 0:
            self._receive(left)
        return list(self._heard)

    def break_off(self) -> None:
        """Be gone without a word, as a train in a tunnel."""
        self._socket.close()
        self.closed = True

    def _send(self, event: Any) -> None:  # noqa: ANN401 - wsproto's events share no class
        try:
            data = self._protocol.send(event)
        except LocalProtocolError as error:
            self.closed = True
            raise ConnectionError("the other side has hung up") from error
        self._socket.sendall(data)

    def _receive(self, seconds: float) -> None:
        self._socket.settimeout(max(seconds, 0.01))
        try:
            data = self._socket.recv(_CHUNK)
        except TimeoutError:
            return
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return
        self._protocol.receive_data(data)
        for event in self._protocol.events():
            match event:
                case AcceptConnection():
                    self._admitted = True
                case RejectConnection() | CloseConnection():
                    self.closed = True
                case Ping():
                    self._send(event.response())
                case TextMessage():
                    self._partly += event.data
                    if event.message_finished:
                        self._heard.append(json.loads(self._partly))
                        self._partly = ""
