"""Invitations from the first mail to the first request of the new member."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID

import pytest

from functions.auth import invitations as accepting
from functions.auth.invitation_repository import PostgresInvitations
from functions.auth.links import LinkOverError
from functions.auth.models import AcceptedInvitation
from functions.auth.service import Client
from functions.management import callers, invitations
from functions.management import handler as management
from huntaze.auth import Role
from huntaze.db import Connection, SingleConnection
from huntaze.ids import new_id
from tests.fakes.auth_door import PASSWORD, Answer, Clock

MEMBERS = "/api/management/members"
INVITATIONS = "/api/management/invitations"


@pytest.fixture(autouse=True)
def door(as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(callers, "database", lambda: source)
    monkeypatch.setattr(management, "datetime", Clock)


@pytest.fixture
def ids(tenant_factory, as_role):
    made = tenant_factory()
    as_role("master").execute(
        "UPDATE workspaces SET plan = 'agency', plan_until = NULL WHERE id = %s",
        (made.workspace_id,),
    )
    return made


@pytest.fixture
def owner(ids, principal) -> dict[str, str]:
    return principal(ids.workspace_id, user_id=ids.user_id)


@pytest.fixture
def manage(api_event, lambda_context, owner) -> Callable[..., Answer]:
    def make(method: str, path: str, body: Any = None, who: Any = None) -> Answer:
        event = api_event(method, path, body=body, principal=who or owner)
        answer = management.handler(event, lambda_context)
        text = answer.get("body")
        return Answer(answer["statusCode"], json.loads(text) if text else None, {})

    return make


@pytest.fixture
def email() -> str:
    return f"{new_id()}@example.com"


@pytest.fixture
def invite(manage, ids, email) -> Callable[..., Answer]:
    def make(who: Any = None, **changes: Any) -> Answer:
        draft = {"email": email, "role": "chatter", "creator_ids": [str(ids.creator_id)]}
        return manage("POST", MEMBERS, {**draft, **changes}, who)

    return make


@pytest.fixture
def accept(call) -> Callable[..., Answer]:
    def make(token: str, **more: Any) -> Answer:
        return call("POST", "/accept-invitation", body={"token": token, **more})

    return make


@pytest.fixture
def facts(as_role, ids) -> Callable[[], list[str]]:
    """What the audit log tells, in order."""

    def read() -> list[str]:
        rows = as_role("master").execute(
            "SET ROLE gatekeeper; SELECT action FROM audit_log WHERE workspace_id ="
            f" '{ids.workspace_id}' ORDER BY sequence"
        )
        while rows.nextset():
            pass
        return [row[0] for row in rows]

    return read


def test_a_stranger_joins_with_a_new_account(invite, deliver, email, accept, admit, ids, log_in):
    invited = invite()
    assert invited.status == 202
    assert "token" not in json.dumps(invited.body)
    token = deliver().token(email)
    lacking = accept(token)
    assert (lacking.status, sorted(lacking.body["fields"])) == (422, ["name", "password"])
    joined = accept(token, name="Grace", password=PASSWORD)
    assert (joined.status, joined.body["role"]) == (200, "chatter")
    assert joined.body["user"] == {**joined.body["user"], "email": email, "email_verified": True}
    context = admit(joined.body["access_token"])
    assert context["workspace_id"] == str(ids.workspace_id)
    assert (context["role"], context["creators"]) == ("chatter", str(ids.creator_id))
    assert accept(token, name="Grace", password=PASSWORD).status == 400
    assert log_in(email).status == 200


def test_that_somebody_has_joined_is_told_once(invite, deliver, accept, email, ids, tenant):
    invite()
    token = deliver().token(email)
    joined, again = (accept(token, name="Grace", password=PASSWORD) for _ in range(2))
    assert again.status == 400
    with tenant(ids.workspace_id).transaction() as connection:
        told = connection.execute(
            "SELECT aggregate_type, aggregate_id::text FROM events_outbox"
            " WHERE event_type = 'member.joined'"
        ).fetchall()
    assert told == [("member", joined.body["user"]["id"])]


def test_who_has_an_account_joins_with_it(invite, deliver, member, accept, admit, ids, facts):
    account = member().body
    email = account["user"]["email"]
    answer = invite(email=email, role="analyst", creator_ids=None)
    joined = accept(deliver().token(email), name="Mallory", password="another password 1")
    assert joined.status == 200
    assert joined.body["user"] == {**account["user"], "email_verified": True}
    context = admit(joined.body["access_token"])
    assert (context["workspace_id"], context["creators"]) == (str(ids.workspace_id), "*")
    assert admit(account["access_token"])["workspace_id"] == account["workspace"]["id"]
    assert answer.status == 202
    assert facts() == ["member.invited", "member.joined"]


def test_the_answer_tells_nobody_who_has_an_account(invite, member, email):
    known = invite(email=member().body["user"]["email"])
    unknown = invite(email=email)
    assert known.status == unknown.status
    assert known.body.keys() == unknown.body.keys()


def test_an_account_that_nobody_has_proven_goes_to_who_reads_the_mail(
    invite, register, deliver, accept, admit, email, log_in
):
    squatter = register(email=email).body
    invite()
    token = deliver().token(email)
    joined = accept(token, password="a brand new secret")
    assert joined.status == 200
    assert joined.body["user"]["id"] == squatter["user"]["id"]
    assert log_in(email).status == 401
    with pytest.raises(Exception, match="Unauthorized"):
        admit(squatter["access_token"])


def test_another_mail_ends_the_first_link_at_once(invite, deliver, accept, clock, email, manage):
    first_id = invite().body["id"]
    first = deliver().token(email)
    assert invite().status == 429
    clock.moved = timedelta(minutes=2)
    again = invite(role="analyst")
    assert (again.status, again.body["id"], again.body["role"]) == (202, first_id, "analyst")
    assert accept(first, name="G", password=PASSWORD).status == 400
    assert accept(deliver().token(email), name="G", password=PASSWORD).body["role"] == "analyst"
    assert manage("GET", INVITATIONS).body["items"] == []


def test_a_link_is_over_after_seven_days(invite, deliver, accept, clock, email):
    invite()
    token = deliver().token(email)
    clock.moved = timedelta(days=7, minutes=1)
    assert accept(token, name="G", password=PASSWORD).status == 400


def test_a_withdrawn_invitation_is_good_no_more(invite, manage, deliver, accept, email, facts):
    path = f"{INVITATIONS}/{invite().body['id']}"
    listed = manage("GET", INVITATIONS).body["items"]
    assert [one["email"] for one in listed] == [email]
    token = deliver().token(email)
    assert manage("DELETE", path).status == 204
    assert manage("DELETE", path).status == 404
    assert accept(token, name="G", password=PASSWORD).status == 400
    assert facts() == ["member.invited", "member.invitation_withdrawn"]


def test_an_invitation_withdrawn_before_its_mail_is_never_sent(invite, manage, deliver, email):
    manage("DELETE", f"{INVITATIONS}/{invite().body['id']}")
    assert deliver().to(email) == []


def test_mails_speak_the_language_that_was_chosen(invite, deliver, email):
    invite(language="fr")
    letter = deliver().to(email)[0]
    assert "vous invite dans" in letter.subject
    assert "/accept-invitation#token=" in letter.text


def test_only_who_has_verified_their_address_invites(invite, ids, principal, manage):
    who = principal(ids.workspace_id, user_id=ids.user_id, email_verified=False)
    refused = invite(who)
    assert (refused.status, refused.body["error"]) == (403, "EmailUnverified")
    assert manage("GET", INVITATIONS, who=who).status == 200


def test_nobody_invites_into_a_place_beyond_their_own(
    invite, ids, principal, as_role, member, manage
):
    manager = UUID(member().body["user"]["id"])
    as_role("identity").execute(
        "INSERT INTO members (workspace_id, user_id, role, creator_scope)"
        " VALUES (%s, %s, 'manager', %s)",
        (ids.workspace_id, manager, [ids.creator_id]),
    )
    who = principal(ids.workspace_id, user_id=manager, role="manager", creators=[ids.creator_id])
    for role in (Role.OWNER, Role.MANAGER):
        assert invite(who, role=role, creator_ids=None).status == 403
    assert invite(who, creator_ids=None).status == 403
    mine = invite(who)
    assert mine.status == 202
    theirs = invite(email=f"{new_id()}@example.com", role="manager")
    assert manage("DELETE", f"{INVITATIONS}/{theirs.body['id']}", who=who).status == 403
    # What somebody offered ends with their place.
    assert manage("PATCH", f"{MEMBERS}/{manager}", {"role": "chatter"}).status == 200
    open_ids = [one["id"] for one in manage("GET", INVITATIONS).body["items"]]
    assert open_ids == [theirs.body["id"]]


def test_who_is_a_member_is_not_invited(invite, ids):
    refused = invite(email=f"{ids.user_id}@example.com")
    assert (refused.status, refused.body["error"]) == (409, "AlreadyMember")


def test_a_workspace_does_not_pester_people(invite, monkeypatch):
    monkeypatch.setattr(invitations, "_MAILS_A_DAY", 2)
    found = [invite(email=f"{new_id()}@example.com").status for _ in range(3)]
    assert found == [202, 202, 429]


def test_a_plan_limits_members_and_what_was_promised(invite, as_role, ids, deliver, accept, email):
    assert invite().status == 202
    token = deliver().token(email)
    as_role("master").execute(
        "UPDATE workspaces SET plan = 'free', plan_until = NULL WHERE id = %s", (ids.workspace_id,)
    )
    assert invite(email=f"{new_id()}@example.com").status in (402, 403)
    refused = accept(token, name="G", password=PASSWORD)
    assert refused.status in (402, 403)
    as_role("master").execute(
        "UPDATE workspaces SET plan = 'agency' WHERE id = %s", (ids.workspace_id,)
    )
    assert accept(token, name="G", password=PASSWORD).status == 200


def test_a_link_that_comes_many_times_at_once_lets_one_in(invite, deliver, email, as_role):
    invite()
    body = AcceptedInvitation(token=deliver().token(email), name="G", password=PASSWORD)
    barrier = threading.Barrier(4)

    def run(_: int) -> bool:
        with as_role("identity") as connection:
            store = PostgresInvitations(SingleConnection(lambda: connection))
            barrier.wait()
            try:
                client = Client(network=None, user_agent=None)
                accepting.accept(body, store, client=client, language="en", now=Clock.now(UTC))
            except LinkOverError:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(run, range(4))) == [False, False, False, True]
    rows = as_role("identity").execute("SELECT FROM users WHERE email = %s", (email,))
    assert rows.rowcount == 1


def test_a_person_goes_on_in_another_workspace(
    invite, deliver, member, accept, admit, call, tenant_factory
):
    account = member().body
    email, home = account["user"]["email"], account["workspace"]["id"]
    invite(email=email)
    joined = accept(deliver().token(email)).body
    who = admit(joined["access_token"])
    listed = call("GET", "/workspaces", principal=who).body["items"]
    found = {one["workspace"]["id"]: one["role"] for one in listed}
    assert found == {home: "owner", joined["workspace"]["id"]: "chatter"}
    first = call("GET", "/workspaces", principal=who, query={"limit": "1"}).body
    rest = call("GET", "/workspaces", principal=who, query={"cursor": first["next_cursor"]}).body
    assert first["items"] + rest["items"] == listed
    moved = call("POST", f"/workspaces/{home}/switch", principal=who)
    assert (moved.status, moved.body["role"]) == (200, "owner")
    assert admit(moved.body["access_token"])["workspace_id"] == home
    with pytest.raises(Exception, match="Unauthorized"):
        admit(joined["access_token"])
    foreign = str(tenant_factory().workspace_id)
    who = admit(moved.body["access_token"])
    refused = call("POST", f"/workspaces/{foreign}/switch", principal=who)
    assert refused.status == 404
    assert admit(moved.body["access_token"])["workspace_id"] == home
