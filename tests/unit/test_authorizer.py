"""Admission: tokens, cookies, cross-site requests, policies."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.authorizer import handler, service
from functions.authorizer.models import Caller, Credentials
from huntaze import tokens
from huntaze.auth import principal_from
from huntaze.errors import TooManyRequestsError, UnauthorizedError
from huntaze.ids import new_id
from huntaze.tokens import KeyRing, TokenKeys

KEYS = TokenKeys(kid="1", key="k" * 64)
SESSION = UUID("01920000-0000-7000-8000-000000000001")
CALLER = Caller(
    user_id=new_id(),
    workspace_id=new_id(),
    role="owner",
    creator_scope=None,
    plan="trial",
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
    monkeypatch.setattr(tokens, "key_ring", lambda: KeyRing(lambda: KEYS))
    return alive


@pytest.fixture
def token() -> str:
    return tokens.issue(
        KEYS, user_id=CALLER.user_id, session_id=SESSION, now=datetime.now(UTC)
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
    right = tokens.csrf_token(KEYS, SESSION)
    of_another = tokens.csrf_token(KEYS, new_id())

    def effect(**headers: str) -> str:
        answer = handler.handler(request_event(method, cookie=cookie, **headers), None)
        return answer["policyDocument"]["Statement"][0]["Effect"]

    assert effect(X_CSRF_Token=right) == "Allow"
    assert effect() == "Deny"
    assert effect(X_CSRF_Token="") == "Deny"
    assert effect(X_CSRF_Token="é\ud800") == "Deny"
    assert effect(X_CSRF_Token=of_another) == "Deny"


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


@pytest.mark.parametrize(
    ("changes", "algorithm", "key"),
    [
        ({"exp": time.time() - 1}, "HS256", KEYS.key),
        ({"iss": "someone"}, "HS256", KEYS.key),
        ({"aud": "another-api"}, "HS256", KEYS.key),
        ({"sid": "no uuid"}, "HS256", KEYS.key),
        ({"sid": None}, "HS256", KEYS.key),
        ({}, "HS256", "z" * 64),
        ({}, "HS512", KEYS.key),
        ({}, "none", ""),
    ],
)
def test_refuses_tokens_that_are_not_ours(changes, algorithm, key):
    claims = {
        "sub": str(CALLER.user_id),
        "sid": str(SESSION),
        "iat": time.time(),
        "exp": time.time() + 60,
        "iss": "huntaze",
        "aud": "huntaze-api",
        **changes,
    }
    forged = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "1"})
    with pytest.raises(UnauthorizedError):
        tokens.verify(KeyRing(lambda: KEYS), forged)


@pytest.mark.parametrize("claim", ["sub", "sid", "iat", "exp", "iss", "aud"])
def test_every_claim_is_required(claim):
    claims = {
        "sub": str(CALLER.user_id),
        "sid": str(SESSION),
        "iat": time.time(),
        "exp": time.time() + 60,
        "iss": "huntaze",
        "aud": "huntaze-api",
    }
    del claims[claim]
    forged = jwt.encode(claims, KEYS.key, algorithm="HS256", headers={"kid": "1"})
    with pytest.raises(UnauthorizedError):
        tokens.verify(KeyRing(lambda: KEYS), forged)


@given(st.text())
def test_no_text_is_a_token(text):
    with pytest.raises(UnauthorizedError):
        tokens.verify(KeyRing(lambda: KEYS), text)


def test_a_rotated_key_is_found_and_the_old_one_still_believed():
    clock = [1000.0]
    stored = [KEYS]
    ring = KeyRing(lambda: stored[0], clock=lambda: clock[0])
    now = datetime.now(UTC)
    old = tokens.issue(ring.keys(), user_id=CALLER.user_id, session_id=SESSION, now=now).text
    stored[0] = TokenKeys(kid="2", key="n" * 64, retired={"1": KEYS.key})
    new = tokens.issue(stored[0], user_id=CALLER.user_id, session_id=SESSION, now=now).text
    # Forged key ids must not make us read the secret for every request.
    with pytest.raises(UnauthorizedError):
        tokens.verify(ring, new)
    clock[0] += 60
    assert tokens.verify(ring, new).session_id == SESSION
    assert tokens.verify(ring, old).session_id == SESSION


def test_a_csrf_token_made_before_a_rotation_still_matches():
    rotated = TokenKeys(kid="2", key="n" * 64, retired={"1": KEYS.key})
    assert tokens.csrf_matches(rotated, SESSION, tokens.csrf_token(KEYS, SESSION))


def test_the_told_end_of_a_token_is_the_one_it_holds():
    now = datetime(2026, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC)
    token = tokens.issue(KEYS, user_id=CALLER.user_id, session_id=SESSION, now=now)
    held = jwt.decode(token.text, options={"verify_signature": False})["exp"]
    assert held == token.expires_at.timestamp()
    assert token.expires_at - now <= timedelta(minutes=15)


@pytest.mark.parametrize(("scope", "creators"), [(None, None), ([], []), ([SESSION], [SESSION])])
def test_the_scope_survives_the_context(request_event, sessions, token, scope, creators):
    sessions.caller = CALLER.model_copy(update={"creator_scope": scope})
    answer = handler.handler(request_event(Authorization=f"Bearer {token}"), None)
    assert principal_from(answer["context"]).creators == creators


@pytest.mark.usefixtures("sessions")
def test_a_missing_scope_sees_nothing(request_event, token):
    answer = handler.handler(request_event(Authorization=f"Bearer {token}"), None)
    del answer["context"]["creators"]
    assert principal_from(answer["context"]).creators == []


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
