"""Admission: tokens, cookies, cross-site requests, policies."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from functions.authorizer import handler, service
from functions.authorizer.models import Caller, Credentials
from functions.management.models import MOST_IN_SCOPE
from huntaze import tokens
from huntaze.auth import EmailUnverifiedError, Right, principal_from
from huntaze.errors import TooManyRequestsError
from huntaze.ids import new_id
from tests.fakes import token_keys
from tests.fakes.token_keys import KEYS

SESSION = UUID("01920000-0000-7000-8000-000000000001")
CALLER = Caller(
    user_id=new_id(),
    workspace_id=new_id(),
    role="owner",
    creator_scope=None,
    plan="trial",
    email_verified=True,
    operator=False,
    csrf_token="c" * 43,
    retry_after=None,
)


class InMemorySessions:
    """One session that is alive."""

    def __init__(self, caller: Caller = CALLER) -> None:
        self.caller = caller

    def find_caller(self, session_id: UUID) -> Caller | None:
        """Find the caller of the one session."""
        return self.caller if session_id == SESSION else None


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySessions]:
    alive = InMemorySessions()
    monkeypatch.setattr(handler, "_sessions", lambda: alive)
    token_keys.use(monkeypatch)
    return alive


@pytest.fixture
def token() -> str:
    return tokens.issue(
        KEYS.current, user_id=CALLER.user_id, session_id=SESSION, now=datetime.now(UTC)
    ).text


@pytest.fixture
def request_event() -> Callable[..., dict[str, Any]]:
    def make(method: str = "GET", **headers: str) -> dict[str, Any]:
        return {
            "type": "REQUEST",
            "methodArn": f"arn:aws:execute-api:us-east-1:1:api/dev/{method}/api/crm/fans",
            "httpMethod": method,
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        }

    return make


@pytest.mark.usefixtures("sessions")
def test_a_bearer_token_is_allowed_on_the_whole_stage(request_event, token):
    answer = handler.handler(request_event("DELETE", Authorization=f"Bearer {token}"), None)
    (statement,) = answer["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:1:api/dev/*"
    principal = principal_from(answer["context"])
    assert (principal.user_id, principal.session_id) == (CALLER.user_id, SESSION)
    assert principal.creators is None
    assert principal.email_verified


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_cookie_may_read(request_event, token, method):
    cookie = f"other=1; __Host-huntaze_session={token}; more=2"
    answer = handler.handler(request_event(method, cookie=cookie), None)
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_cookie_may_write_only_with_the_sessions_csrf_token(request_event, token, method):
    cookie = f"__Host-huntaze_session={token}"

    def effect(**headers: str) -> str:
        answer = handler.handler(request_event(method, cookie=cookie, **headers), None)
        return answer["policyDocument"]["Statement"][0]["Effect"]

    assert effect(X_CSRF_Token=CALLER.csrf_token) == "Allow"
    assert effect() == "Deny"
    assert effect(X_CSRF_Token="") == "Deny"
    assert effect(X_CSRF_Token="é\ud800") == "Deny"
    assert effect(X_CSRF_Token="d" * 43) == "Deny"


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"cookie": "__Host-huntaze_session="},
        {"cookie": "__Host-huntaze_session=é"},
        {"cookie": "huntaze_session=abc"},
    ],
)
def test_without_a_valid_proof_nobody_is_logged_in(request_event, headers):
    with pytest.raises(handler.RefusedError, match=r"^Unauthorized$"):
        handler.handler(request_event(**headers), None)


def test_a_session_that_is_over_is_refused(request_event, sessions, token, monkeypatch):
    monkeypatch.setattr(sessions, "find_caller", lambda _: None)
    with pytest.raises(handler.RefusedError):
        handler.handler(request_event(Authorization=f"Bearer {token}"), None)


def test_a_token_of_another_user_is_refused(request_event, sessions, token):
    sessions.caller = CALLER.model_copy(update={"user_id": new_id()})
    with pytest.raises(handler.RefusedError):
        handler.handler(request_event(Authorization=f"Bearer {token}"), None)


@pytest.mark.parametrize(("scope", "creators"), [(None, None), ([], []), ([SESSION], [SESSION])])
def test_the_scope_survives_the_context(request_event, sessions, token, scope, creators):
    sessions.caller = CALLER.model_copy(update={"creator_scope": scope})
    answer = handler.handler(request_event(Authorization=f"Bearer {token}"), None)
    assert principal_from(answer["context"]).creators == creators


def test_the_largest_scope_fits_into_what_the_gateway_takes(request_event, sessions, token):
    scope = [new_id() for _ in range(MOST_IN_SCOPE)]
    widest = {"creator_scope": scope, "role": "manager", "plan": "x" * 40, "retry_after": 99_999}
    sessions.caller = CALLER.model_copy(update=widest)
    event = request_event(Authorization=f"Bearer {token}")
    # The partition, region, account and stage with the longest names that there may be.
    api = f"arn:aws-us-gov:execute-api:ap-southeast-99:{'1' * 12}:{'a' * 10}/{'s' * 128}"
    event["methodArn"] = f"{api}/GET/api/crm/fans"
    answer = handler.handler(event, None)
    assert len(json.dumps(answer)) < 8000
    assert len(answer["context"]["creators"].split(",")) == MOST_IN_SCOPE


@pytest.mark.usefixtures("sessions")
def test_a_missing_scope_sees_nothing(request_event, token):
    answer = handler.handler(request_event(Authorization=f"Bearer {token}"), None)
    del answer["context"]["creators"]
    assert principal_from(answer["context"]).creators == []


def test_who_is_not_verified_may_not_reach_other_people(request_event, sessions, token):
    sessions.caller = CALLER.model_copy(update={"email_verified": False})
    answer = handler.handler(request_event(Authorization=f"Bearer {token}"), None)
    principal = principal_from(answer["context"])
    principal.require(Right.MANAGE)
    with pytest.raises(EmailUnverifiedError):
        principal.require(Right.CONNECT)


def test_who_is_over_the_limit_is_told_by_the_feature(request_event, sessions, token):
    sessions.caller = CALLER.model_copy(update={"retry_after": 17})
    answer = handler.handler(request_event(Authorization=f"Bearer {token}"), None)
    with pytest.raises(TooManyRequestsError) as refusal:
        principal_from(answer["context"])
    assert refusal.value.retry_after == 17


def test_a_bearer_token_goes_before_a_cookie():
    found = service.read_credentials(
        {"authorization": "bearer abc", "cookie": "s=def"}, session_cookie="s", csrf_header="X"
    )
    assert found == Credentials("abc", from_cookie=False, csrf_token=None)
