"""What members and workspaces choose, and that what they choose is what is read."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from functions.management import callers
from functions.management import handler as door
from functions.notifications import service
from functions.notifications.rendering import render
from functions.notifications.repository import PostgresMails
from huntaze import http, outbox
from huntaze.db import SingleConnection
from huntaze.domain import mails
from huntaze.domain.mails import Template
from huntaze.domain.notices.kinds import Kind
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.auth_door import ORIGIN, LetterBox

PROFILE, SETTINGS = "/api/management/profile", "/api/management/settings"
NOTIFICATIONS = "/api/management/notifications"
ADA = {
    "display_name": "Ada",
    "bio": "I draw.",
    "time_zone": "Europe/Paris",
    "language": "fr",
    "niche": "art",
    "goals": ["more regulars"],
}
STUDIO = {
    "name": "Studio",
    "time_zone": "America/New_York",
    "language": "fr",
    "cap_messages": None,
    "cap_hours": 48,
    "quiet_from": "22:30:00",
    "quiet_until": "07:00:00",
    "recent_chat_minutes": 30,
}


@pytest.fixture
def ids(tenant_factory, as_role):
    made = tenant_factory()
    as_role("identity").execute(
        "UPDATE users SET email_verified_at = now() WHERE id = %s", (made.user_id,)
    )
    return made


@pytest.fixture
def ask(ids, as_role, monkeypatch, api_event, principal, lambda_context) -> Callable[..., Answer]:
    source = SingleConnection(lambda: as_role("app"))
    for module in (callers, http):
        monkeypatch.setattr(module, "database", lambda: source)
    monkeypatch.setattr(outbox, "nudge", lambda: None)
    monkeypatch.setattr(mails, "enqueue", lambda ids: len(list(ids)))

    def make(
        method: str, path: str, body: Any = None, who: dict[str, str] | None = None, **event: Any
    ) -> Answer:
        caller = who or principal(ids.workspace_id, user_id=ids.user_id)
        sent = api_event(method, path, body=body, principal=caller, **event)
        return Answer.of(door.handler(sent, lambda_context))

    return make


@pytest.fixture
def colleague(ids, as_role, principal) -> Callable[..., dict[str, str]]:
    """Let somebody join, and answer how they call."""

    def make(role: str = "chatter", creators: list[UUID] | None = None) -> dict[str, str]:
        user_id, identity = new_id(), as_role("identity")
        identity.execute(
            "INSERT INTO users (id, email, name, language) VALUES (%s, %s, 'Grace', 'fr')",
            (user_id, f"{user_id}@example.com"),
        )
        identity.execute(
            "INSERT INTO members (workspace_id, user_id, role, creator_scope)"
            " VALUES (%s, %s, %s, %s)",
            (ids.workspace_id, user_id, role, creators),
        )
        return principal(ids.workspace_id, user_id=user_id, role=role, creators=creators)

    return make


def test_a_profile_begins_with_the_account_and_the_workspace(ask, colleague):
    assert ask("PUT", SETTINGS, STUDIO).status == 200
    read = ask("GET", PROFILE, who=colleague("analyst", [])).body
    assert (read["display_name"], read["language"]) == ("Grace", "fr")
    assert (read["time_zone"], read["updated_at"]) == ("America/New_York", None)


def test_a_profile_is_ones_own_whatever_the_role(ask, colleague):
    grace = colleague("analyst", [])
    saved = ask("PUT", PROFILE, ADA, who=grace)
    assert (saved.status, {name: saved.body[name] for name in ADA}) == (200, ADA)
    assert ask("GET", PROFILE, who=grace).body == saved.body
    mine = ask("GET", PROFILE).body
    assert (mine["display_name"], mine["language"]) == ("Test", "en")


def test_mails_speak_the_language_of_the_profile(ask, ids, as_role):
    ask("PUT", PROFILE, ADA)
    box = LetterBox()
    mail_id = mails.add(as_role("identity"), Template.WELCOME, user_id=ids.user_id)
    store = PostgresMails(SingleConnection(lambda: as_role("mailer")))
    office = service.Office(store, box, render, ORIGIN, lambda: "token")
    service.deliver(mail_id, office, now=datetime.now(UTC))
    assert box.letters[0].subject == "Bienvenue chez Huntaze"


def test_nobody_changes_the_language_of_another(tenant, ids, tenant_factory):
    other = tenant_factory()
    with tenant(ids.workspace_id).transaction() as connection:
        update = "UPDATE users SET language = 'fr' WHERE id = %s"
        for user_id in (ids.user_id, other.user_id):
            # Not even one's own, as long as it is not said who asks.
            assert connection.execute(update, (user_id,)).rowcount == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"display_name": " "},
        {"time_zone": "Mars/Olympus"},
        {"language": "de"},
        {"goals": ["x"] * 11},
        {"email": "new@example.com"},
    ],
)
def test_refuses_profiles_that_are_none(ask, changes):
    answer = ask("PUT", PROFILE, {**ADA, **changes})
    assert (answer.status, next(iter(answer.body["fields"])).split(".")[0]) == (422, *changes)


# The workspace


def test_settings_are_those_of_a_new_workspace_until_somebody_writes_them(ask):
    assert ask("GET", SETTINGS).body == {
        "name": "Test",
        "time_zone": "UTC",
        "language": "en",
        "cap_messages": 2,
        "cap_hours": 24,
        "quiet_from": None,
        "quiet_until": None,
        "recent_chat_minutes": 0,
    }


def test_settings_are_replaced_whole_and_the_log_tells_who_did_it(ask, ids):
    assert ask("PUT", SETTINGS, STUDIO).body == ask("GET", SETTINGS).body == STUDIO
    assert ask("PUT", SETTINGS, {"name": "Other"}).body["cap_messages"] == 2
    entries = ask("GET", "/api/management/audit-log").body["items"]
    assert [one["action"] for one in entries] == ["workspace.settings_changed"] * 2
    assert {one["actor_id"] for one in entries} == {str(ids.user_id)}


def test_new_creators_begin_with_the_settings_and_old_ones_keep_theirs(ask, ids):
    before = ask("GET", f"/api/management/creators/{ids.creator_id}").body
    ask("PUT", SETTINGS, STUDIO)
    draft = {"platform": "fan_platform", "handle": "new", "cap_hours": 12}
    made = ask("POST", "/api/management/creators", draft)
    assert made.status == 201
    shared = ("time_zone", "cap_messages", "quiet_from", "quiet_until", "recent_chat_minutes")
    assert {name: made.body[name] for name in shared} == {name: STUDIO[name] for name in shared}
    # What the draft says counts.
    assert made.body["cap_hours"] == 12
    assert ask("GET", f"/api/management/creators/{ids.creator_id}").body == before


@pytest.mark.parametrize(("named", "language"), [({}, "fr"), ({"language": "en"}, "en")])
def test_invitations_speak_the_workspaces_language_unless_they_name_one(
    ask, as_role, named, language
):
    ask("PUT", SETTINGS, STUDIO)
    email = f"{new_id()}@example.com"
    draft = {"email": email, "role": "analyst", "creator_ids": None, **named}
    assert ask("POST", "/api/management/members", draft).status == 202
    ((facts,),) = as_role("master").execute(
        "SELECT parameters FROM mails WHERE address = %s", (email,)
    )
    assert (facts["language"], facts["workspace"]) == (language, "Studio")


@pytest.mark.parametrize(
    "changes",
    [{"name": ""}, {"quiet_until": None}, {"cap_messages": 0}, {"time_zone": "x"}, {"plan": "pro"}],
)
def test_refuses_settings_that_are_none(ask, changes):
    assert ask("PUT", SETTINGS, {**STUDIO, **changes}).status == 422


def test_settings_are_for_those_who_manage_every_creator(ask, colleague, ids):
    for who in (colleague("chatter"), colleague("manager", [ids.creator_id])):
        assert ask("PUT", SETTINGS, STUDIO, who=who).status == 403
        assert ask("GET", SETTINGS, who=who).body["name"] == "Test"


# Preferences


def test_preferences_are_ones_own_and_replaced_whole(ask, colleague):
    channels = {"campaign_failed": {"in_app": False, "email": False}}
    wanted = {"channels": channels, "digest": "weekly", "digest_hour": 18}
    saved = ask("PUT", NOTIFICATIONS, wanted).body
    assert saved["channels"]["campaign_failed"] == channels["campaign_failed"]
    assert set(saved["channels"]) == {kind.value for kind in Kind}
    assert (saved["emails"], saved["digest"], saved["digest_hour"]) == (True, "weekly", 18)
    assert ask("GET", NOTIFICATIONS).body == saved
    other = ask("GET", NOTIFICATIONS, who=colleague()).body
    assert (other["digest"], other["channels"]["campaign_failed"]["email"]) == ("off", True)
    assert ask("PUT", NOTIFICATIONS, {}).body["channels"]["campaign_failed"]["in_app"] is True


def test_preferences_follow_the_zone_and_tell_of_a_mailbox_that_takes_nothing(ask, ids, as_role):
    ask("PUT", PROFILE, ADA)
    assert ask("GET", NOTIFICATIONS).body["time_zone"] == "Europe/Paris"
    as_role("mailer").execute(
        "INSERT INTO undeliverable_addresses (address_hash, bounced_at, detail)"
        " VALUES (sha256(%s), now(), 'x')",
        (f"{ids.user_id}@example.com".encode(),),
    )
    assert ask("GET", NOTIFICATIONS).body["mail_trouble"] == "bounced"


@pytest.mark.parametrize(
    "body",
    [
        {"channels": {"unheard_of": {"in_app": True, "email": True}}},
        {"channels": {"campaign_failed": {"in_app": True}}},
        {"digest": "hourly"},
        {"digest_hour": 24},
    ],
)
def test_refuses_preferences_that_are_none(ask, body):
    assert ask("PUT", NOTIFICATIONS, body).status == 422


def test_a_repeated_request_has_its_first_reply(ask):
    headers = {"Idempotency-Key": str(new_id())}
    first = ask("PUT", SETTINGS, STUDIO, headers=headers)
    assert ask("PUT", SETTINGS, STUDIO, headers=headers).body == first.body
    assert len(ask("GET", "/api/management/audit-log").body["items"]) == 1
    assert ask("PUT", SETTINGS, {"name": "x"}, headers=headers).status == 422
