"""Requests made from the OpenAPI document: no answer of 5xx, no status that it does not name."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core import NOT_SET
from schemathesis.generation import GenerationMode

from functions.auth import handler as auth
from functions.auth.invitation_repository import PostgresInvitations
from functions.auth.link_repository import PostgresLinks
from functions.management import callers
from functions.management import handler as management
from huntaze import outbox
from huntaze.db import Connection, SingleConnection
from huntaze.ids import new_id
from huntaze.settings import load
from local import openapi
from tests.fakes import token_keys

DOCUMENT = json.loads(openapi.DOCUMENT.read_text())
HANDLERS = {"auth": auth.handler, "management": management.handler}
OPERATIONS = [
    (method, path)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if set(operation["tags"]) & set(HANDLERS)
]


@pytest.fixture(autouse=True)
def wired(as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The features on the test's database."""
    identity = SingleConnection(lambda: as_role("identity"))
    app = SingleConnection(lambda: as_role("app"))
    auth.app.dependency_overrides[auth.stored_accounts] = lambda: PostgresLinks(identity)
    auth.app.dependency_overrides[auth.stored_invitations] = lambda: PostgresInvitations(identity)
    monkeypatch.setattr(callers, "database", lambda: app)
    monkeypatch.setattr(outbox, "nudge", lambda: None)
    token_keys.use(monkeypatch)
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://app.example.com")
    load.cache_clear()
    yield
    auth.app.dependency_overrides.clear()
    load.cache_clear()


@pytest.fixture
def caller(tenant_factory, principal) -> dict[str, str]:
    ids = tenant_factory()
    return principal(ids.workspace_id, user_id=ids.user_id)


@pytest.fixture
def sent() -> Callable[[Any], str | None]:
    """Make the text of a body as it goes over the wire."""

    def make(body: Any) -> str | None:
        if isinstance(body, bytes):
            return body.decode("latin-1")
        return None if body is NOT_SET else json.dumps(body)

    return make


# What takes nothing can be given nothing wrong.
CASES = [
    pytest.param(*operation, mode, id=f"{mode.value}-{' '.join(operation)}")
    for operation in OPERATIONS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or operation != ("get", "/api/auth/jwks.json")
]


@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_answers_as_documented(method, path, mode, caller, sent, api_event, lambda_context):
    operation = schemathesis.openapi.from_dict(DOCUMENT)[path][method.upper()]
    documented = DOCUMENT["paths"][path][method]
    public = path in openapi.PUBLIC

    @settings(
        max_examples=30,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        event = api_event(
            method.upper(),
            case.formatted_path,
            body=sent(case.body),
            query={name: str(value) for name, value in (case.query or {}).items()},
            principal=None if public else caller,
            # Nobody is made to wait for what others have tried.
            source_ip=f"2001:db8:{new_id().hex[-4:]}:{new_id().hex[-4:]}::1",
        )
        answer = HANDLERS[documented["tags"][0]](event, lambda_context)
        assert str(int(answer["statusCode"])) in documented["responses"], answer["body"]
        if answer["statusCode"] >= 400:
            assert {"error", "detail"} <= set(json.loads(answer["body"]))

    ask()
