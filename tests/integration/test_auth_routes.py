"""The auth routes as API Gateway calls them, on the real database."""

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from functions.auth import handler as auth
from functions.auth.models import Registration
from functions.auth.repository import PostgresAccounts
from functions.authorizer import handler as authorizer
from functions.authorizer.repository import PostgresSessions
from huntaze.db import Connection, SingleConnection
from huntaze.ids import new_id
from huntaze.settings import load
from tests.fakes import token_keys

PASSWORD = "correct horse battery"
ORIGIN = "https://app.example.com"


class Answer(NamedTuple):
    """What API Gateway gets back."""

    status: int
    body: Any
    headers: dict[str, list[str]]

    @property
    def cookies(self) -> dict[str, str]:
        """Each Set-Cookie by the name of its cookie."""
        return {line.split("=")[0]: line for line in self.headers.get("Set-Cookie", [])}


class Clock(datetime):
    """The handler's clock, which a test may move."""

    moved = timedelta(0)

    @classmethod
    def now(cls, tz=None):  # noqa: D102
        return datetime.now(tz) + cls.moved


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Clock]]:
    monkeypatch.setattr(auth, "datetime", Clock)
    yield Clock
    Clock.moved = timedelta(0)


@pytest.fixture(autouse=True)
def wired(as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    source = SingleConnection(lambda: as_role("identity"))
    auth.app.dependency_overrides[auth.stored_accounts] = lambda: PostgresAccounts(source)
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


# Registration


def test_registration_makes_an_owner_who_is_logged_in(register, admit, call):
    email = f"{new_id()}@example.com"
    answer = register(email=f"  {email.upper()} ", name=" Ada ", workspace_name="Studio")
    assert answer.status == 201
    assert answer.body["user"]["email"] == email
    assert answer.body["user"]["name"] == "Ada"
    assert answer.body["user"]["email_verified"] is False
    assert (answer.body["workspace"]["name"], answer.body["role"]) == ("Studio", "owner")
    assert answer.headers["Cache-Control"] == ["no-store"]

    context = admit(answer.body["access_token"])
    assert context["workspace_id"] == answer.body["workspace"]["id"]
    me = call("GET", "/me", principal=context)
    assert me.status == 200
    assert me.body["user"] == answer.body["user"]
    assert me.body["csrf_token"] == answer.body["csrf_token"]


def test_the_cookies_are_kept_from_scripts_and_other_sites(register):
    cookies = register().cookies
    session = cookies["__Host-huntaze_session"].split("; ")
    assert {"Path=/", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=900"} <= set(session)
    assert not any(part.startswith("Domain") for part in session)
    refresh = set(cookies["__Secure-huntaze_refresh"].split("; "))
    assert {"Path=/api/auth/refresh", "HttpOnly", "Secure", "SameSite=Strict"} <= refresh
    assert "Max-Age=2592000" in refresh


def test_a_known_address_is_a_conflict_in_any_spelling(register):
    email = f"{new_id()}@example.com"
    assert register(email=email).status == 201
    again = register(email=email.upper())
    assert (again.status, again.body["error"]) == (409, "EmailTaken")


def test_two_registrations_at_once_make_one_account(as_role):
    def attempt(_: int) -> bool:
        with as_role("identity") as connection:
            accounts = PostgresAccounts(SingleConnection(lambda: connection))
            try:
                auth.service.register(registration, accounts, client=client, now=datetime.now(UTC))
            except auth.service.EmailTakenError:
                return False
            return True

    registration = Registration(email=f"{new_id()}@example.com", password=PASSWORD, name="Ada")
    client = auth.service.Client(network=None, user_agent=None)
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == [False, False, False, True]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": None}, "email"),
        ({"password": "too short"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"name": "   "}, "name"),
        ({"workspace_name": "w" * 121}, "workspace_name"),
    ],
)
def test_refuses_a_bad_registration_by_its_field(register, changes, field):
    answer = register(**changes)
    assert answer.status == 422
    assert list(answer.body["fields"]) == [field]


@pytest.mark.parametrize("path", ["/register", "/login"])
@pytest.mark.parametrize(("body", "status"), [("{", 400), (None, 422), ("[]", 422)])
def test_refuses_a_body_that_is_no_object(call, path, body, status):
    assert call("POST", path, body=body).status == status


def test_the_answer_to_a_bad_password_does_not_repeat_it(register):
    assert "hunter2" not in json.dumps(register(password="hunter2").body)


# Login


def test_logs_in_with_the_right_password_only(register, log_in):
    email = register().body["user"]["email"]
    right, wrong, unknown = (
        log_in(email.upper()),
        log_in(email, "wrong password"),
        log_in(f"{new_id()}@example.com"),
    )
    assert (right.status, wrong.status, unknown.status) == (200, 401, 401)
    assert wrong.body == unknown.body
    assert "Set-Cookie" not in wrong.headers


def test_a_password_is_the_same_from_every_keyboard(register, log_in):
    composed, decomposed = "caf\u00e9 cr\u00e8me brulee", "cafe\u0301 cre\u0300me brulee"
    email = register(password=composed).body["user"]["email"]
    assert log_in(email, decomposed).status == 200


@pytest.mark.parametrize("path", ["/register", "/login", "/refresh"])
def test_pages_of_other_origins_log_nobody_in(call, path):
    body = {
        "email": f"{new_id()}@example.com",
        "password": PASSWORD,
        "name": "Ada",
        "refresh_token": "x",
    }
    foreign = call("POST", path, body=body, headers={"Origin": "https://evil.example"})
    assert foreign.status == 403
    assert call("POST", path, body=body, headers={"origin": ORIGIN}).status in (200, 201, 401)


def test_failures_make_the_next_try_wait_and_longer_each_time(register, log_in, clock):
    email = register().body["user"]["email"]
    stranger = "198.51.100.1"
    for _ in range(5):
        assert log_in(email, "wrong password", stranger).status == 401
    waits = []
    for _ in range(4):
        refused = log_in(email, "wrong password", stranger)
        assert refused.status == 429
        waits.append(int(refused.headers["Retry-After"][0]))
        clock.moved += timedelta(seconds=waits[-1])
        assert log_in(email, "wrong password", stranger).status == 401
    assert waits == [1, 2, 4, 8]
    clock.moved += timedelta(seconds=16)
    assert log_in(email, PASSWORD, stranger).status == 200
    # A success starts over.
    assert log_in(email, "wrong password", stranger).status == 401


def test_a_stranger_who_guesses_does_not_keep_the_owner_out(register, log_in):
    email = register().body["user"]["email"]
    assert log_in(email).status == 200
    for _ in range(6):
        refused = log_in(email, "wrong password", "198.51.100.2")
    assert refused.status == 429
    assert log_in(email).status == 200


def test_many_tries_at_once_all_count(register, as_role):
    email = register().body["user"]["email"]

    def guess(number: int) -> int:
        with as_role("identity") as connection:
            accounts = PostgresAccounts(SingleConnection(lambda: connection))
            client = auth.service.Client(network=None, user_agent=None)
            login = auth.Login(email=email, password=f"guess number {number}")
            try:
                auth.service.log_in(login, accounts, client=client, now=datetime.now(UTC))
            except auth.service.TooManyLoginsError:
                return 429
            except auth.service.WrongCredentialsError:
                return 401
            return 200

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(guess, range(24)))
    assert statuses.count(401) <= 6
    assert statuses.count(429) >= 18


def test_a_network_that_fails_at_many_accounts_has_to_wait(log_in, register, address, clock):
    for number in range(50):
        status = log_in(f"{number}-{new_id()}@example.com", "wrong password").status
        assert status == 401
    assert log_in(f"{new_id()}@example.com").status == 429
    # Registering answers whether an address is known: the same network waits there too.
    assert register().status == 429
    neighbour = address[:-1] + "ffff"
    assert log_in(f"{new_id()}@example.com", source_ip=neighbour).status == 429
    clock.moved += timedelta(minutes=15)
    assert log_in(f"{new_id()}@example.com").status == 401


def test_registering_a_known_address_does_not_make_its_owner_wait(register, log_in):
    email = register().body["user"]["email"]
    for _ in range(8):
        assert register(email=email).status == 409
    assert log_in(email, source_ip="198.51.100.9").status == 200


# Refresh


@pytest.fixture
def refresh(call) -> Callable[..., Answer]:
    def make(token: str) -> Answer:
        return call("POST", "/refresh", body={"refresh_token": token})

    return make


def test_a_refresh_token_renews_once_and_gives_the_next(register, refresh, admit):
    first = register().body
    second = refresh(first["refresh_token"])
    assert second.status == 200
    assert second.body["refresh_token"] != first["refresh_token"]
    assert second.body["user"] == first["user"]
    assert (
        admit(second.body["access_token"])["session_id"]
        == (admit(first["access_token"])["session_id"])
    )
    assert refresh(second.body["refresh_token"]).status == 200


def test_the_cookie_renews_too(register, call):
    token = register().body["refresh_token"]
    cookie = f"a=b; __Secure-huntaze_refresh={token}"
    assert call("POST", "/refresh", headers={"Cookie": cookie}).status == 200


def test_a_replayed_token_ends_the_session(register, refresh, admit, clock):
    first = register().body
    second = refresh(first["refresh_token"]).body
    clock.moved += timedelta(seconds=11)
    replay = refresh(first["refresh_token"])
    assert (replay.status, replay.body["error"]) == (401, "SessionOver")
    assert refresh(second["refresh_token"]).status == 401
    for token in (first["access_token"], second["access_token"]):
        with pytest.raises(authorizer.RefusedError):
            admit(token)


def test_a_replay_after_the_successor_was_used_ends_the_session_at_once(register, refresh):
    first = register().body
    second = refresh(first["refresh_token"]).body
    third = refresh(second["refresh_token"]).body
    assert refresh(first["refresh_token"]).status == 401
    assert refresh(third["refresh_token"]).status == 401


def test_a_lost_reply_is_repeated_within_the_grace(register, refresh, clock):
    first = register().body
    lost = refresh(first["refresh_token"]).body
    clock.moved += timedelta(seconds=9)
    repeated = refresh(first["refresh_token"])
    assert repeated.status == 200
    # Either of the two goes on; the other has ended with it.
    clock.moved += timedelta(minutes=15)
    assert refresh(repeated.body["refresh_token"]).status == 200
    clock.moved += timedelta(minutes=15)
    assert refresh(lost["refresh_token"]).status == 401
    assert refresh(repeated.body["refresh_token"]).status == 401


def test_two_tabs_at_once_both_stay_logged_in(register, as_role):
    token = register().body["refresh_token"]

    def tab(_: int) -> str:
        with as_role("identity") as connection:
            accounts = PostgresAccounts(SingleConnection(lambda: connection))
            return auth.service.refresh(token, accounts, now=datetime.now(UTC)).refresh_token

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(tab, range(4)))) == 4


def test_a_session_sleeps_thirty_days_and_no_longer(register, refresh, clock):
    first = register().body
    clock.moved += timedelta(days=29, hours=23)
    second = refresh(first["refresh_token"])
    assert second.status == 200
    clock.moved += timedelta(days=30, seconds=1)
    assert refresh(second.body["refresh_token"]).status == 401


@pytest.mark.parametrize("body", [{}, None, {"refresh_token": "unknown"}])
def test_without_a_known_token_nothing_is_renewed(call, body):
    assert call("POST", "/refresh", body=body).status == 401


def test_only_hashes_of_tokens_are_stored(register, as_role):
    token = register().body["refresh_token"]
    rows = as_role("identity").execute("SELECT token_hash FROM refresh_tokens").fetchall()
    assert token.encode() not in {bytes(row[0]) for row in rows}
    raw = base64.urlsafe_b64decode(token + "=")
    assert raw not in {bytes(row[0]) for row in rows}


# Sessions


def test_logging_out_ends_the_session_at_once(register, admit, call, refresh):
    body = register().body
    answer = call("POST", "/logout", principal=admit(body["access_token"]))
    assert answer.status == 204
    assert "Max-Age=0" in answer.cookies["__Host-huntaze_session"]
    assert "Max-Age=0" in answer.cookies["__Secure-huntaze_refresh"]
    with pytest.raises(authorizer.RefusedError):
        admit(body["access_token"])
    assert refresh(body["refresh_token"]).status == 401


def test_lists_ones_own_sessions_page_by_page_and_ends_them(register, log_in, admit, call):
    first = register().body
    register()
    others = [log_in(first["user"]["email"]).body for _ in range(2)]
    context = admit(first["access_token"])
    seen, cursor = [], None
    for _ in range(3):
        query = {"limit": "1", **({"cursor": cursor} if cursor else {})}
        page = call("GET", "/sessions", principal=context, query=query).body
        seen += page["items"]
        cursor = page.get("next_cursor")
    assert cursor is None
    assert [s["current"] for s in seen] == [False, False, True]
    assert seen[0]["user_agent"] == "test"
    assert call("GET", f"/sessions/{seen[0]['id']}", principal=context).body == seen[0]

    assert call("DELETE", f"/sessions/{seen[0]['id']}", principal=context).status == 204
    assert call("DELETE", f"/sessions/{seen[0]['id']}", principal=context).status == 404
    with pytest.raises(authorizer.RefusedError):
        admit(others[1]["access_token"])
    assert call("DELETE", "/sessions", principal=context).status == 204
    with pytest.raises(authorizer.RefusedError):
        admit(others[0]["access_token"])
    assert admit(first["access_token"])


def test_nobody_ends_or_sees_sessions_of_another(register, admit, call):
    mine, theirs = admit(register().body["access_token"]), register().body
    their_session = admit(theirs["access_token"])["session_id"]
    assert call("GET", f"/sessions/{their_session}", principal=mine).status == 404
    assert call("DELETE", f"/sessions/{their_session}", principal=mine).status == 404
    assert call("DELETE", "/sessions", principal=mine).status == 204
    assert admit(theirs["access_token"])
    listed = call("GET", "/sessions", principal=mine).body["items"]
    assert [UUID(s["id"]) for s in listed] == [UUID(mine["session_id"])]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/me"),
        ("POST", "/logout"),
        ("GET", "/sessions"),
        ("DELETE", "/sessions"),
        ("GET", f"/sessions/{new_id()}"),
        ("DELETE", f"/sessions/{new_id()}"),
    ],
)
def test_private_routes_need_somebody(call, method, path):
    answer = call(method, path)
    assert (answer.status, answer.body["error"]) == (401, "Unauthorized")


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "201"}, {"limit": "x"}])
def test_refuses_a_bad_page_size(call, principal, query):
    assert call("GET", "/sessions", principal=principal(), query=query).status == 422


@pytest.mark.parametrize("cursor", ["x", "WyJ4Il0", "e30"])
def test_refuses_a_cursor_of_no_list(call, principal, cursor):
    answer = call("GET", "/sessions", principal=principal(), query={"cursor": cursor})
    assert answer.status == 400


def test_a_session_id_that_is_none_is_refused(call, principal):
    assert call("DELETE", "/sessions/none", principal=principal()).status == 422


@pytest.mark.parametrize(
    "path", ["/verify-email", "/magic-link", "/forgot-password", "/oauth/google/start"]
)
def test_routes_that_are_not_built_do_not_exist(call, path):
    assert call("POST", path, body={}).status == 404
