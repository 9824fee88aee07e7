"""Links that come by mail: single-use, hashed, over in time, silent about who has an account."""

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from functions.auth import links, throttle
from functions.auth.link_repository import PostgresLinks
from functions.authorizer import handler as authorizer
from huntaze.db import SingleConnection
from huntaze.http import CORRELATION_HEADER
from huntaze.ids import new_id
from tests.fakes.auth_door import ORIGIN, PASSWORD

NEW = "a password never used before"
ASKING = ["/forgot-password", "/magic-link", "/resend-verification"]
FOLLOWING = {
    "/verify-email": {},
    "/reset-password": {"password": NEW},
    "/magic-link/consume": {},
}
LIVES = {
    "/verify-email": timedelta(days=1),
    "/reset-password": timedelta(minutes=30),
    "/magic-link/consume": timedelta(minutes=15),
}
ASKED_AT = {"/reset-password": "/forgot-password", "/magic-link/consume": "/magic-link"}


@pytest.fixture
def link(register, deliver, call):
    """Have a fresh account be mailed the link that a route takes; answers address and token."""

    def make(path: str) -> tuple[str, str]:
        email = register().body["user"]["email"]
        if path in ASKED_AT:
            assert call("POST", ASKED_AT[path], body={"email": email}).status == 202
        return email, deliver().token(email)

    return make


@pytest.fixture
def follow(call):
    """Bring a token to a route."""
    return lambda path, token: call("POST", path, body={"token": token, **FOLLOWING[path]})


# Who has an account


@pytest.mark.parametrize("path", ASKING)
def test_the_answer_is_the_same_whether_or_not_the_address_exists(call, register, member, path):
    known = [member().body["user"]["email"], register().body["user"]["email"]]
    strangers = [f"{new_id()}@example.com" for _ in range(2)]
    answers = [call("POST", path, body={"email": email}) for email in (*known, *strangers)]
    assert {answer.status for answer in answers} == {202}
    assert all(answer.body == answers[0].body for answer in answers)
    for answer in answers:
        # The one header that is another for every request.
        assert answer.headers.pop(CORRELATION_HEADER)
        assert answer.headers == answers[0].headers


@pytest.mark.parametrize("path", ASKING)
def test_the_database_does_the_same_work_whether_or_not_the_address_exists(
    call, member, as_role, queued, path
):
    """The one row that is written says nothing; who has the address is asked when it is sent."""
    known, stranger = member().body["user"]["email"], f"{new_id()}@example.com"
    queued.clear()
    for email in (known, stranger):
        assert call("POST", path, body={"email": email}).status == 202
    rows = as_role("master").execute(
        "SELECT address, template, user_id, state FROM mails WHERE id = ANY (%s) ORDER BY id",
        (queued,),
    )
    (one, other) = rows.fetchall()
    assert (one[0], other[0]) == (known, stranger)
    assert one[1:] == other[1:]


def test_nobody_is_written_to_who_has_no_account(call, deliver, as_role, queued):
    email = f"{new_id()}@example.com"
    for path in ASKING:
        assert call("POST", path, body={"email": email}).status == 202
    ids = list(queued)
    assert deliver().to(email) == []
    states = as_role("master").execute("SELECT state FROM mails WHERE id = ANY (%s)", (ids,))
    assert {row[0] for row in states} == {"dropped"}


@pytest.mark.parametrize("path", ASKING)
def test_an_address_is_sent_a_few_mails_an_hour_whoever_has_it(call, member, clock, path):
    emails = (member().body["user"]["email"], f"{new_id()}@example.com")
    clock.moved += timedelta(hours=1)
    for email in emails:
        answers = [call("POST", path, body={"email": email}) for _ in range(6)]
        assert [answer.status for answer in answers] == [202] * 5 + [429]
        assert 0 < int(answers[-1].headers["Retry-After"][0]) <= 3600
    clock.moved += timedelta(hours=1)
    assert call("POST", path, body={"email": emails[0]}).status == 202


def test_a_network_asks_for_so_many_mails_and_no_more(call, address, monkeypatch):
    monkeypatch.setattr(throttle, "MAILS_FROM_NETWORK", throttle.Allowance(3, timedelta(hours=1)))

    def ask() -> int:
        body = {"email": f"{new_id()}@example.com"}
        return call("POST", "/magic-link", body=body, source_ip=address).status

    assert [ask() for _ in range(4)] == [202, 202, 202, 429]


# What a link is


@pytest.mark.parametrize("path", FOLLOWING)
def test_a_link_is_good_once(link, follow, path):
    _, token = link(path)
    assert follow(path, token).status in (200, 204)
    again = follow(path, token)
    assert (again.status, again.body["error"]) == (400, "LinkOver")


@pytest.mark.parametrize("path", FOLLOWING)
def test_of_many_who_bring_a_link_at_once_one_is_let_in(link, as_role, path):
    _, token = link(path)
    rules = {
        "/verify-email": lambda store: links.verify_email(token, store, now=datetime.now(UTC)),
        "/reset-password": lambda store: links.reset_password(
            token, NEW, store, now=datetime.now(UTC)
        ),
        "/magic-link/consume": lambda store: links.log_in_by_link(
            token, store, client=links.service.Client(None, None), now=datetime.now(UTC)
        ),
    }

    def bring(_: int) -> bool:
        with as_role("identity") as connection:
            try:
                rules[path](PostgresLinks(SingleConnection(lambda: connection)))
            except links.LinkOverError:
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(bring, range(16))) == 1


@pytest.mark.parametrize("path", FOLLOWING)
def test_a_link_is_over_in_time(link, follow, clock, path):
    _, token = link(path)
    clock.moved += LIVES[path]
    assert follow(path, token).status == 400


@pytest.mark.parametrize("path", FOLLOWING)
def test_a_link_is_good_until_then(link, follow, clock, path):
    _, token = link(path)
    clock.moved += LIVES[path] - timedelta(seconds=20)
    assert follow(path, token).status in (200, 204)


@pytest.mark.parametrize("path", FOLLOWING)
def test_a_link_is_good_for_nothing_else(link, follow, path):
    _, token = link(path)
    for other in FOLLOWING.keys() - {path}:
        assert follow(other, token).status == 400
    assert follow(path, token).status in (200, 204)


@pytest.mark.parametrize("path", FOLLOWING)
@pytest.mark.parametrize("token", ["x", "é", "' OR ''='", "A" * 43])
def test_no_other_text_is_a_link(follow, path, token):
    assert follow(path, token).status == 400


@pytest.mark.parametrize("path", FOLLOWING)
@pytest.mark.parametrize("token", [None, "", "x" * 201, 1, ["x"]])
def test_refuses_what_cannot_be_a_token(follow, path, token):
    assert follow(path, token).status == 422


def test_a_used_link_takes_the_others_of_its_kind_along(link, follow, call, deliver):
    email, first = link("/magic-link/consume")
    call("POST", "/magic-link", body={"email": email})
    second = deliver().token(email)
    assert follow("/magic-link/consume", second).status == 200
    assert follow("/magic-link/consume", first).status == 400


def test_only_hashes_of_links_are_stored(link, as_role):
    _, token = link("/verify-email")
    connection = as_role("master")
    stored = connection.execute("SELECT token_hash FROM account_tokens").fetchall()
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert not {token.encode(), raw} & {bytes(row[0]) for row in stored}
    for table in ("mails", "account_tokens", "events_outbox", "identity_requests"):
        rows = connection.execute(f"SELECT t::text FROM {table} t").fetchall()
        assert not any(token in row[0] for row in rows), table


@pytest.mark.parametrize("path", [*ASKING, *FOLLOWING])
def test_pages_of_other_origins_may_not_ask(call, path):
    body = {"email": "a@example.com", "token": "x", "password": NEW}
    assert call("POST", path, body=body, headers={"Origin": "https://evil.example"}).status == 403


# What each of them does


def test_verifying_lets_one_reach_other_people(register, deliver, call, admit):
    answer = register()
    email = answer.body["user"]["email"]
    verified = call("POST", "/verify-email", body={"token": deliver().token(email)})
    assert verified.body == {**answer.body["user"], "email_verified": True}
    context = admit(answer.body["access_token"])
    assert context["email_verified"] == "true"
    assert call("GET", "/me", principal=context).body["user"]["email_verified"] is True
    assert [letter.subject for letter in deliver().to(email)] == [
        *("Confirm your e-mail address", "Welcome to Huntaze"),
    ]


def test_who_is_verified_is_sent_no_second_welcome(member, call, deliver):
    email = member().body["user"]["email"]
    before = len(deliver().to(email))
    assert call("POST", "/resend-verification", body={"email": email}).status == 202
    (letter,) = deliver().to(email)[before:]
    assert letter.subject == "You already have a Huntaze account"


def test_a_new_password_ends_the_old_one_and_every_session(member, call, deliver, log_in, admit):
    owner = member().body
    email = owner["user"]["email"]
    call("POST", "/forgot-password", body={"email": email})
    token = deliver().token(email)
    assert call("POST", "/reset-password", body={"token": token, "password": NEW}).status == 204
    with pytest.raises(authorizer.RefusedError):
        admit(owner["access_token"])
    assert call("POST", "/refresh", body={"refresh_token": owner["refresh_token"]}).status == 401
    assert log_in(email).status == 401
    assert log_in(email, NEW).body["workspace"] == owner["workspace"]
    assert deliver().to(email)[-1].subject == "Your password was changed"


def test_a_bad_new_password_leaves_the_link_good(link, call):
    email, token = link("/reset-password")
    for bad in ("short", email, "huntaze huntaze"):
        refused = call("POST", "/reset-password", body={"token": token, "password": bad})
        assert refused.status == 422
        assert list(refused.body["fields"]) == ["password"]
    assert call("POST", "/reset-password", body={"token": token, "password": NEW}).status == 204


def test_an_owner_who_was_kept_waiting_gets_in_by_mail(member, call, deliver, log_in):
    email = member().body["user"]["email"]
    stranger = "198.51.100.77"
    for _ in range(12):
        log_in(email, "wrong password", stranger)
    assert log_in(email, PASSWORD, stranger).status == 429
    call("POST", "/magic-link", body={"email": email})
    token = deliver().token(email)
    assert call("POST", "/magic-link/consume", body={"token": token}).status == 200


def test_a_login_link_opens_a_session_with_cookies(member, call, deliver, admit):
    owner = member().body
    email = owner["user"]["email"]
    call("POST", "/magic-link", body={"email": email})
    answer = call("POST", "/magic-link/consume", body={"token": deliver().token(email)})
    assert answer.status == 200
    assert answer.body["workspace"] == owner["workspace"]
    assert {"__Host-huntaze_session", "__Secure-huntaze_refresh"} <= set(answer.cookies)
    assert answer.headers["Cache-Control"] == ["no-store"]
    assert admit(answer.body["access_token"])["user_id"] == owner["user"]["id"]
    # The password of a verified account is its owner's: it stays.
    assert admit(owner["access_token"])


@pytest.mark.parametrize("path", ["/magic-link/consume", "/reset-password"])
def test_who_registered_another_persons_address_is_out_when_they_come(
    register, call, deliver, log_in, admit, follow, path
):
    attacker = register(password="the attacker's password").body
    email = attacker["user"]["email"]
    call("POST", ASKED_AT[path], body={"email": email})
    assert follow(path, deliver().token(email)).status in (200, 204)
    with pytest.raises(authorizer.RefusedError):
        admit(attacker["access_token"])
    assert log_in(email, "the attacker's password").status == 401
    refreshed = call("POST", "/refresh", body={"refresh_token": attacker["refresh_token"]})
    assert refreshed.status == 401


def test_links_lead_to_our_own_pages_and_to_no_log(link, deliver):
    email, token = link("/reset-password")
    letter = deliver().to(email)[-1]
    assert f"{ORIGIN}/reset-password#token={token}" in letter.text
    assert f'href="{ORIGIN}/reset-password#token={token}"' in letter.html
