"""The WebSocket of local front ends, against a server that a test speaks for."""

import socket
import threading
from collections.abc import Iterator

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from local.live_client import LiveSocket


def _say_and_hang_up(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection:
        protocol = WSConnection(ConnectionType.SERVER)
        while not any(isinstance(event, Request) for event in protocol.events()):
            protocol.receive_data(connection.recv(65536))
        connection.sendall(protocol.send(AcceptConnection()))
        connection.sendall(protocol.send(TextMessage('{"type": "events"}')))
        connection.sendall(protocol.send(CloseConnection(code=1001)))
        # The page goes on talking for a while.
        while connection.recv(65536):
            pass


@pytest.fixture
def server() -> Iterator[str]:
    """A server that says one thing and hangs up; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_say_and_hang_up, args=(listening,), daemon=True).start()
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}/live"


def test_who_talks_to_a_server_that_has_hung_up_is_told_as_of_any_lost_connection(
    server: str,
) -> None:
    page = LiveSocket(server, "ticket")
    assert page.heard(5) == [{"type": "events"}]
    assert page.closed
    with pytest.raises(ConnectionError):
        page.say(action="ping")
    page.break_off()
