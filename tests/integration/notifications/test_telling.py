"""From an event of the outbox to those whom it concerns: once, and as each of them wants."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from functions.content.schedule.models import EntryDraft
from functions.content.schedule.repository import PostgresSchedule
from functions.notifications.events import handler as door
from huntaze.ai.agents.outputs import Topic
from huntaze.db import SingleConnection
from huntaze.domain import mails, media
from huntaze.domain.dangers import GRAVE
from huntaze.domain.mails import Template
from huntaze.domain.media import MediaDraft
from huntaze.domain.notices.kinds import EVENTS, RULES, Kind
from huntaze.ids import new_id
from stacks.messaging import TOLD_TO_MEMBERS


def test_what_the_bus_brings_is_what_members_are_told_of():
    assert set(TOLD_TO_MEMBERS) == EVENTS
    assert set(RULES) == set(Kind)
    assert {topic.value for topic in Topic} >= GRAVE
    assert {kind.value for kind in Kind} == {one.value for one in mails.NOTICES - {Template.DIGEST}}


def test_an_event_becomes_a_notification_a_mail_and_an_event_of_its_own(office, ask, queue, mailed):
    owner = office.ids.user_id
    (event,) = office.happens("creator.stopped", reason="session_expired")
    office.tell(event)
    (answer,) = ask(owner).body["items"]
    assert answer["kind"] == "creator_stopped"
    assert (answer["about"], answer["facts"]) == ("Test", {"reason": "session_expired"})
    assert answer["target_id"] == answer["creator_id"] == str(office.ids.creator_id)
    assert mailed() == [("creator_stopped", owner)]
    assert len(queue) == 1
    ((mail_id,),) = office.rows("SELECT mail_id FROM notifications")
    assert queue == [str(mail_id)]
    (told,) = office.on_the_bus()
    assert told["detail-type"] == "notification.created"
    assert told["detail"]["aggregate_id"] == answer["id"]
    assert told["detail"]["payload"]["user_id"] == str(owner)
    assert told["detail"]["correlation_id"] == event["detail"]["correlation_id"]


def test_an_event_that_comes_again_tells_nobody_twice(office, ask, queue, mailed):
    (event,) = office.happens("creator.stopped", reason="challenge")
    office.tell(event, event)
    # Not even those who had turned it off meanwhile, or on.
    office.wants(office.ids.user_id, emails=False)
    office.tell(event)
    assert len(ask(office.ids.user_id).body["items"]) == len(queue) == len(mailed()) == 1
    assert len(office.on_the_bus()) == 1


def test_many_at_once_tell_each_member_once(office, as_role, mailed, monkeypatch):
    people = {office.member("manager") for _ in range(4)} | {office.ids.user_id}
    (event,) = office.happens("creator.stopped", reason="challenge")
    connections = [as_role("app") for _ in range(8)]
    sources = [SingleConnection(lambda c=connection: c) for connection in connections]
    monkeypatch.setattr(door, "database", sources.pop)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: office.tell(event), range(8)))
    assert office.told() == dict.fromkeys(people, 1)
    assert sorted(mailed()) == sorted(("creator_stopped", one) for one in people)
    assert len(office.on_the_bus()) == len(people)


@pytest.mark.parametrize(
    ("event_type", "roles"),
    [
        ("creator.stopped", {"owner", "manager", "chatter", "analyst"}),
        ("billing.payment_failed", {"owner"}),
        ("member.joined", {"owner", "manager"}),
    ],
)
def test_who_may_see_it_is_told(office, event_type, roles):
    people = {"owner": office.ids.user_id}
    people |= {role: office.member(role) for role in ("manager", "chatter", "analyst")}
    joined = office.member("manager")
    aggregate = {
        "creator.stopped": ("creator", office.ids.creator_id),
        "billing.payment_failed": ("workspace", office.ids.workspace_id),
        # Who joined knows it.
        "member.joined": ("member", joined),
    }[event_type]
    office.tell(*office.happens(event_type, aggregate))
    told = {role for role, user_id in people.items() if user_id in office.told()}
    assert told == roles
    assert (joined in office.told()) == (event_type == "creator.stopped")


def test_a_scope_narrows_who_is_told_and_what_is_shown(office, ask):
    of_another = office.member("chatter", [new_id()])
    of_this = office.member("chatter", [office.ids.creator_id])
    office.tell(*office.happens("creator.stopped"))
    assert set(office.told()) == {office.ids.user_id, of_this}
    # A scope that was narrowed since hides what was told before.
    assert len(ask(of_this, creators=[office.ids.creator_id], role="chatter").body["items"]) == 1
    answer = ask(of_this, creators=[new_id()], role="chatter").body
    assert (answer["items"], answer["unread"]) == ([], 0)
    assert ask(of_another, creators=[new_id()], role="chatter").body["items"] == []


@pytest.mark.parametrize(
    ("channels", "emails", "shown", "sent"),
    [
        ({}, True, 1, 1),
        ({"in_app": False, "email": True}, True, 0, 1),
        ({"in_app": True, "email": False}, True, 1, 0),
        ({"in_app": False, "email": False}, True, 0, 0),
        ({"in_app": True, "email": True}, False, 1, 0),
    ],
)
def test_each_is_told_as_they_want(office, ask, mailed, channels, emails, shown, sent):
    wanted = {"creator_stopped": channels} if channels else {}
    office.wants(office.ids.user_id, channels=wanted, emails=emails)
    office.tell(*office.happens("creator.stopped"))
    assert len(ask(office.ids.user_id).body["items"]) == shown
    assert len(mailed()) == sent
    assert len(office.on_the_bus()) == shown


@pytest.mark.parametrize(("role", "alone"), [("manager", True), ("analyst", False)])
def test_whoever_planned_a_post_hears_of_its_moment(office, mailed, role, alone):
    planner, other = office.member(role), office.member("manager")
    with office.everybody.transaction() as connection:
        item = media.add_media(
            connection, office.ids.creator_id, MediaDraft(kind="text", title="Greeting", body="Hi")
        )
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    schedule = PostgresSchedule(office.everybody, planner)
    draft = EntryDraft(media_id=item.id, local_at=at.replace(tzinfo=None), time_zone="UTC")
    entry = schedule.add(draft, at, new_id())
    assert schedule.tell_due(entry.id)
    office.tell(*office.on_the_bus())
    # Who plans no posts any more cannot be waited for.
    told = [planner] if alone else [office.ids.user_id, other]
    assert office.told() == dict.fromkeys(told, 1)
    assert sorted(mailed()) == sorted(("content_due", one) for one in told)
    assert office.rows("SELECT DISTINCT kind, about, target_id FROM notifications") == [
        ("content_due", "Greeting", entry.id)
    ]


def test_what_somebody_did_on_purpose_or_is_gone_is_not_told(office):
    office.tell(*office.happens("creator.stopped", reason="disconnected"))
    office.tell(*office.happens("campaign.failed", ("campaign", new_id())))
    office.tell({**office.happens("creator.stopped")[0], "detail-type": "creator.unheard_of"})
    assert office.told() == {}


def test_one_bad_message_comes_back_alone(office, lambda_context):
    (event,) = office.happens("creator.stopped")
    records = [
        {"messageId": "bad", "body": "{}"},
        {"messageId": "good", "body": json.dumps(event)},
    ]
    answer = door.handler({"Records": records}, lambda_context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert len(office.told()) == 1
