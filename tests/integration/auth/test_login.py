"""Logging in: the right password only, and waits that keep no owner out."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from functions.auth import passwords, service
from functions.auth.link_repository import PostgresLinks
from functions.auth.models import Login
from huntaze.db import SingleConnection
from huntaze.ids import new_id
from tests.fakes.auth_door import ORIGIN, PASSWORD


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
            accounts = PostgresLinks(SingleConnection(lambda: connection))
            client = service.Client(network=None, user_agent=None)
            login = Login(email=email, password=f"guess number {number}")
            try:
                service.log_in(login, accounts, client=client, now=datetime.now(UTC))
            except service.TooManyLoginsError:
                return 429
            except service.WrongCredentialsError:
                return 401
            return 200

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(guess, range(24)))
    assert statuses.count(401) <= 6
    assert statuses.count(429) >= 18


def test_a_network_that_fails_at_many_accounts_has_to_wait(log_in, address, clock):
    for number in range(50):
        status = log_in(f"{number}-{new_id()}@example.com", "wrong password").status
        assert status == 401
    assert log_in(f"{new_id()}@example.com").status == 429
    neighbour = address[:-1] + "ffff"
    assert log_in(f"{new_id()}@example.com", source_ip=neighbour).status == 429
    clock.moved += timedelta(minutes=15)
    assert log_in(f"{new_id()}@example.com").status == 401


@pytest.mark.parametrize("outdated", [False, True])
def test_an_old_password_opens_nothing_while_a_new_one_is_chosen(
    member, call, deliver, log_in, monkeypatch, outdated
):
    email = member().body["user"]["email"]
    call("POST", "/forgot-password", body={"email": email})
    chosen = {"token": deliver().token(email), "password": "a password never used before"}
    matches = passwords.matches

    def meanwhile(password: str, stored: str | None) -> bool:
        found = matches(password, stored)
        if found:
            assert call("POST", "/reset-password", body=chosen).status == 204
        return found

    with monkeypatch.context() as patched:
        patched.setattr(passwords, "matches", meanwhile)
        patched.setattr(passwords, "is_outdated", lambda _: outdated)
        assert log_in(email).status == 401
    assert log_in(email, chosen["password"]).status == 200
    assert log_in(email).status == 401
