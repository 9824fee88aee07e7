"""The auth routes as API Gateway calls them, on the real database, with letters that are kept."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC
from typing import Any
from uuid import UUID

import pytest

from functions.auth import handler as auth
from functions.auth.invitation_repository import PostgresInvitations
from functions.auth.link_repository import PostgresLinks
from functions.authorizer import handler as authorizer
from functions.authorizer.repository import PostgresSessions
from functions.notifications import service as sending
from functions.notifications.rendering import render
from functions.notifications.repository import PostgresMails
from huntaze.db import Connection, SingleConnection
from huntaze.domain import mails
from huntaze.ids import new_id
from huntaze.settings import load
from tests.fakes import token_keys
from tests.fakes.auth_door import ORIGIN, PASSWORD, Answer, Clock, LetterBox


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Clock]]:
    monkeypatch.setattr(auth, "datetime", Clock)
    yield Clock
    Clock.moved = type(Clock.moved)(0)


@pytest.fixture(autouse=True)
def wired(as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    source = SingleConnection(lambda: as_role("identity"))
    auth.app.dependency_overrides[auth.stored_accounts] = lambda: PostgresLinks(source)
    auth.app.dependency_overrides[auth.stored_invitations] = lambda: PostgresInvitations(source)
    token_keys.use(monkeypatch)
    monkeypatch.setenv("ALLOWED_ORIGINS", ORIGIN)
    load.cache_clear()
    yield
    auth.app.dependency_overrides.clear()
    load.cache_clear()


@pytest.fixture
def call(api_event, lambda_context) -> Callable[..., Answer]:
    def make(method: str, path: str, **more: Any) -> Answer:
        answer = auth.handler(api_event(method, f"/api/auth{path}", **more), lambda_context)
        body = json.loads(answer["body"]) if answer.get("body") else None
        return Answer(answer["statusCode"], body, answer["multiValueHeaders"])

    return make


@pytest.fixture
def address() -> str:
    """An address of a network where no other test has been."""
    return f"2001:db8:{new_id().hex[-4:]}:{new_id().hex[-4:]}::1"


@pytest.fixture
def register(call, address) -> Callable[..., Answer]:
    def make(**changes: Any) -> Answer:
        person = {"email": f"{new_id()}@example.com", "password": PASSWORD, "name": "Ada"}
        return call("POST", "/register", body={**person, **changes}, source_ip=address)

    return make


@pytest.fixture
def log_in(call, address) -> Callable[..., Answer]:
    def make(email: str, password: str = PASSWORD, source_ip: str = address) -> Answer:
        body = {"email": email, "password": password}
        return call("POST", "/login", body=body, source_ip=source_ip)

    return make


@pytest.fixture
def admit(as_role, lambda_context, monkeypatch) -> Callable[..., dict[str, str]]:
    """Ask the authorizer with a token; returns the context of the request that it lets pass."""
    source = SingleConnection(lambda: as_role("authorizer"))
    sessions = PostgresSessions(source, per_principal=600, per_workspace=3000)
    monkeypatch.setattr(authorizer, "_sessions", lambda: sessions)

    def make(token: str) -> dict[str, str]:
        event = {
            "httpMethod": "GET",
            "methodArn": "arn:aws:execute-api:r:1:api/dev/GET/x",
            "headers": {"Authorization": f"Bearer {token}"},
        }
        return authorizer.handler(event, lambda_context)["context"]

    return make


@pytest.fixture(autouse=True)
def queued(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The mails that the queue was told of and nobody has delivered yet."""
    waiting: list[UUID] = []
    monkeypatch.setattr(mails, "enqueue", lambda ids: waiting.extend(ids) or len(waiting))
    return waiting


@pytest.fixture
def deliver(as_role: Callable[[str], Connection], queued: list[UUID]) -> Callable[[], LetterBox]:
    """Deliver what is queued into one letter box."""
    box = LetterBox()
    store = PostgresMails(SingleConnection(lambda: as_role("mailer")))
    tokens = iter(f"{'t' * 20}{new_id().hex}" for _ in range(100))
    office = sending.Office(store, box, render, ORIGIN, lambda: next(tokens))

    def make() -> LetterBox:
        while queued:
            sending.deliver(queued.pop(0), office, now=Clock.now(UTC))
        return box

    return make


@pytest.fixture
def member(register, deliver, call) -> Callable[..., Answer]:
    """Register somebody and follow the link of the mail."""

    def make(**changes: Any) -> Answer:
        answer = register(**changes)
        token = deliver().token(answer.body["user"]["email"])
        assert call("POST", "/verify-email", body={"token": token}).status == 200
        return answer

    return make


@pytest.fixture
def refresh(call) -> Callable[..., Answer]:
    def make(token: str) -> Answer:
        return call("POST", "/refresh", body={"refresh_token": token})

    return make
