"""Registering: an account, a workspace and a session, whoever has the address."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from functions.auth import links, service, throttle
from functions.auth.link_repository import PostgresLinks
from huntaze.db import SingleConnection
from huntaze.ids import new_id
from tests.fakes.auth_door import PASSWORD


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


def test_an_address_that_somebody_has_makes_no_difference(register, member, log_in, admit):
    free = register()
    taken = register(email=member().body["user"]["email"])
    assert (free.status, taken.status) == (201, 201)
    assert _shape(free) == _shape(taken)
    for answer in (free, taken):
        email = answer.body["user"]["email"]
        assert log_in(email).status == log_in(email.upper()).status == 200
        assert admit(answer.body["access_token"])["email_verified"] == "false"


def _shape(answer):
    """Everything of an answer but ids, names, moments and secrets."""
    return (
        answer.status,
        sorted(answer.headers),
        {name: sorted(v) if isinstance(v, dict) else type(v) for name, v in answer.body.items()},
        answer.body["user"]["email_verified"],
        {name: line.split("; ")[1:] for name, line in answer.cookies.items()},
    )


def test_the_owner_of_an_address_is_told_and_keeps_it(register, member, log_in, deliver, call):
    owner = member(password="the owner's own password")
    email = owner.body["user"]["email"]
    stranger = register(email=email, password="the stranger's password")
    assert deliver().to(email)[-1].subject == "You already have a Huntaze account"
    # Each password leads to its own account, and the owner's mails to the owner's.
    mine = log_in(email, "the owner's own password").body
    assert mine["workspace"] == owner.body["workspace"]
    theirs = log_in(email, "the stranger's password").body
    assert theirs["workspace"] == stranger.body["workspace"]
    call("POST", "/magic-link", body={"email": email})
    token = deliver().token(email)
    followed = call("POST", "/magic-link/consume", body={"token": token}).body
    assert followed["workspace"] == owner.body["workspace"]


def test_who_registers_before_the_owner_gains_nothing(register, deliver, call, log_in, admit):
    email = f"{new_id()}@example.com"
    attacker = register(email=email, password="the attacker's password")
    owner = register(email=email, password="the owner's own password")
    for_attacker, for_owner = deliver().to(email)
    token = re.search(r"#token=([\w-]+)", for_owner.text)[1]
    assert call("POST", "/verify-email", body={"token": token}).status == 200
    assert log_in(email, "the owner's own password").body["workspace"] == owner.body["workspace"]
    assert admit(owner.body["access_token"])["email_verified"] == "true"
    assert admit(attacker.body["access_token"])["email_verified"] == "false"
    # The other link is too late: one address, one owner.
    token = re.search(r"#token=([\w-]+)", for_attacker.text)[1]
    late = call("POST", "/verify-email", body={"token": token})
    assert (late.status, late.body["error"]) == (409, "EmailTaken")


def test_two_links_at_once_make_one_owner(register, deliver, as_role):
    email = f"{new_id()}@example.com"
    for _ in range(4):
        register(email=email)
    tokens = [re.search(r"#token=([\w-]+)", mail.text)[1] for mail in deliver().to(email)]

    def follow(token: str) -> bool:
        with as_role("identity") as connection:
            store = PostgresLinks(SingleConnection(lambda: connection))
            try:
                links.verify_email(token, store, now=datetime.now(UTC))
            except service.EmailTakenError:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(follow, tokens)) == [False, False, False, True]


def test_many_accounts_from_one_network_have_to_wait(register, clock, monkeypatch):
    monkeypatch.setattr(
        throttle, "ACCOUNTS_FROM_NETWORK", throttle.Allowance(3, timedelta(hours=1))
    )
    assert [register().status for _ in range(4)] == [201, 201, 201, 429]
    clock.moved += timedelta(hours=1)
    assert register().status == 201


@pytest.mark.parametrize(
    ("password", "email"),
    [
        ("huntaze huntaze", None),
        ("HUNTAZE-2026!!", None),
        ("adalovelace1815", "ada.lovelace@example.com"),
        ("lovelace-lovelace", "ada.lovelace@example.com"),
    ],
)
def test_refuses_a_password_that_anyone_could_guess_of_its_owner(register, password, email):
    answer = register(password=password, email=email or f"{new_id()}@example.com")
    assert answer.status == 422
    assert list(answer.body["fields"]) == ["password"]


@pytest.mark.parametrize(
    ("header", "given", "subject"),
    [
        ("", None, "Confirm your e-mail address"),
        ("fr-CA,fr;q=0.9", None, "Confirmez votre adresse e-mail"),
        ("fr", "en", "Confirm your e-mail address"),
        ("de", "fr", "Confirmez votre adresse e-mail"),
    ],
)
def test_writes_in_the_language_of_the_person(call, address, deliver, header, given, subject):
    email = f"{new_id()}@example.com"
    body = {"email": email, "password": PASSWORD, "name": "Ada", "language": given}
    headers = {"Accept-Language": header}
    assert call("POST", "/register", body=body, headers=headers, source_ip=address).status == 201
    assert deliver().to(email)[0].subject == subject


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


def test_refuses_a_password_that_is_little_more_than_a_name(register):
    for changes in (
        {"name": "Alexandrina Montgomery", "password": "alexandrina montgomery"},
        {"workspace_name": "Moonlight Agency", "password": "MoonlightAgency1"},
    ):
        refused = register(**changes)
        assert (refused.status, list(refused.body["fields"])) == (422, ["password"])
