"""What the tests of what is told live share: the table on moto, and sockets that note."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from moto import mock_aws

from functions.realtime.gateway import DynamoConnections
from huntaze import clients
from huntaze.db import Connection
from huntaze.ids import new_id
from huntaze.settings import load

TABLE = "huntaze-connections"


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The table of connections, and the settings of its functions."""
    for name, value in (
        *(("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")),
        *(("AWS_DEFAULT_REGION", "us-east-1"), ("CONNECTIONS_TABLE", TABLE)),
        *(("ALLOWED_ORIGINS", "https://app.example.com"), ("REALTIME_URL", "wss://live.example")),
        *(("SOCKETS_ENDPOINT", "https://live.example"), ("REALTIME_QUEUE_URL", "https://queue")),
    ):
        monkeypatch.setenv(name, value)
    caches = (clients._client, load)
    for one in caches:
        one.cache_clear()
    with mock_aws():
        clients.dynamodb().create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "owner", "KeyType": "HASH"},
                {"AttributeName": "connection_id", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "owner", "AttributeType": "S"},
                {"AttributeName": "connection_id", "AttributeType": "S"},
            ],
        )
        yield TABLE
    for one in caches:
        one.cache_clear()


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connections(table: str, clock: Clock) -> DynamoConnections:
    return DynamoConnections(table, clock)


@pytest.fixture
def log_in(as_role: Callable[[str], Connection]) -> Callable[[Any, UUID | None], UUID]:
    """Open a session of a member; of the owner unless told otherwise."""
    identity = as_role("identity")

    def make(ids: Any, user_id: UUID | None = None) -> UUID:
        session_id = new_id()
        identity.execute(
            "INSERT INTO sessions (id, user_id, workspace_id, expires_at)"
            " VALUES (%s, %s, %s, now() + interval '1 day')",
            (session_id, user_id or ids.user_id, ids.workspace_id),
        )
        return session_id

    return make


@pytest.fixture
def join(as_role: Callable[[str], Connection]) -> Callable[..., UUID]:
    """Let somebody join a workspace."""
    identity = as_role("identity")

    def make(ids: Any, role: str = "chatter", creators: list[UUID] | None = None) -> UUID:
        user_id = new_id()
        identity.execute(
            "INSERT INTO users (id, email, name) VALUES (%s, %s, 'Colleague')",
            (user_id, f"{user_id}@example.com"),
        )
        identity.execute(
            "INSERT INTO members (workspace_id, user_id, role, creator_scope)"
            " VALUES (%s, %s, %s, %s)",
            (ids.workspace_id, user_id, role, creators),
        )
        return user_id

    return make


class Gateway:
    """The management API of connections, in memory."""

    def __init__(self) -> None:
        self.sent: dict[str, list[str]] = {}
        self.closed: set[str] = set()
        self.gone: set[str] = set()

    def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:  # noqa: N803 - boto3's
        """Send."""
        if ConnectionId in self.gone:
            raise clients.aws_errors()[1]({"Error": {"Code": "GoneException"}}, "PostToConnection")
        self.sent.setdefault(ConnectionId, []).append(Data.decode())

    def delete_connection(self, ConnectionId: str) -> None:  # noqa: N803 - boto3's
        """Close."""
        self.closed.add(ConnectionId)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    made = Gateway()
    monkeypatch.setattr(clients, "sockets", lambda _endpoint: made)
    return made


@pytest.fixture
def tenant_ids(tenant_factory: Callable[..., Any]) -> SimpleNamespace:
    made = tenant_factory()
    return SimpleNamespace(**made._asdict())
