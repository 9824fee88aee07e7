"""What may stop a reply between its writing and the ledger, and what must not be lost by that."""

from datetime import UTC, datetime, timedelta

import pytest

from huntaze.domain import fans
from huntaze.domain.outbound import planning
from huntaze.errors import PaymentRequiredError

_RULE = {"name": "r", "condition": {"kind": "keyword", "words": ["menu"]}, "text": "See above!"}


@pytest.fixture
def plan_used_up(monkeypatch):
    """The workspace's plan includes no further message."""

    def refuse(*_: object) -> None:
        raise PaymentRequiredError("The plan includes no further message.")

    monkeypatch.setattr(planning.entitlements, "require_sending", refuse)


def test_a_plan_that_is_used_up_leaves_the_draft_to_a_person(scene, plan_used_up):  # noqa: ARG001
    scene.configure(auto_send=True)
    scene.activate()
    _, draft = scene.drafted()
    assert (draft["state"], scene.sends()) == ("pending", [])
    assert scene.ask("POST", f"/drafts/{draft['id']}/approve", {}).status == 402
    assert scene.drafts()[0]["state"] == "pending"


def test_a_rule_that_may_not_send_leaves_the_message_to_a_model(scene, plan_used_up):  # noqa: ARG001
    scene.activate()
    assert scene.ask("POST", "/auto-reply", _RULE).status == 201
    scene.drafted("The menu?")
    assert (len(scene.drafts()), scene.sends()) == (1, [])


_INTENT = {**_RULE, "condition": {"kind": "intent", "intents": ["request_about_price"]}}


def test_what_no_rule_by_intent_may_send_a_model_answers(scene, plan_used_up):  # noqa: ARG001
    scene.activate()
    assert scene.ask("POST", "/auto-reply", _INTENT).status == 201
    scene.writer.reading = {"intent": "request_about_price"}
    scene.drafted("What would that be?")
    assert (len(scene.drafts()), scene.sends(), scene.hand_overs()) == (1, [], [])


@pytest.mark.parametrize("change", ["text", "enabled"])
def test_a_rule_by_intent_that_is_changed_meanwhile_leaves_it_to_a_model(scene, change):
    scene.activate()
    made = scene.ask("POST", "/auto-reply", _INTENT).body
    changed = {**_INTENT, change: {"text": "Ask me!", "enabled": False}[change]}
    scene.writer.reading = {"intent": "request_about_price"}
    scene.writer.meanwhile = lambda: scene.ask("PUT", f"/auto-reply/{made['id']}", changed)
    scene.drafted("What would that be?")
    assert (len(scene.drafts()), scene.sends()) == (1, [])


def test_what_is_said_while_a_rule_by_intent_is_looked_at_is_answered_instead(scene):
    scene.activate()
    assert scene.ask("POST", "/auto-reply", _INTENT).status == 201
    scene.writer.reading = {"intent": "request_about_price"}
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "What would that be?")
    late = []
    scene.writer.meanwhile = lambda: late or late.append(scene.wrote(platform_id, "Well?"))
    scene.hear(event)
    assert scene.sends() == []
    scene.hear(*late)
    assert [send["text"] for send in scene.sends()] == ["See above!"]


@pytest.mark.parametrize(("away_for", "answers"), [(1, 0), (9, 1)])
def test_an_answer_that_would_come_too_late_is_a_models(scene, away_for, answers):
    """Quiet hours put an answer off; what it says of the clock must hold when they end."""
    now = datetime.now(UTC)
    begins, ends = (f"{(now + timedelta(hours=by)).hour:02}:00" for by in (-1, 4))
    scene.desk.set_creator(quiet_from=begins, quiet_until=ends, time_zone="UTC")
    scene.activate()
    away = {"kind": "away", "ends": (now + timedelta(hours=away_for)).isoformat()}
    assert scene.ask("POST", "/auto-reply", {**_RULE, "condition": away}).status == 201
    scene.hear(scene.wrote(scene.fan()[1], "Hello"))
    assert (len(scene.sends()), len(scene.drafts())) == (answers, 1 - answers)


def test_who_opens_with_several_messages_is_welcomed_once(scene):
    welcome = {**_RULE, "condition": {"kind": "first_message"}, "text": "Welcome!"}
    assert scene.ask("POST", "/auto-reply", welcome | {"every_hours": 1}).status == 201
    _, platform_id = scene.fan()
    first, second = (scene.wrote(platform_id, text) for text in ("Hi", "I am new here"))
    scene.hear(first, second)
    (send,) = scene.sends()
    assert (send["text"], send["state"]) == ("Welcome!", "planned")
    claim = scene.desk.claim()
    scene.desk.grant(claim, baseline=send["expected_message_id"])
    scene.desk.confirm(claim, send["id"], "m-welcome")
    scene.sql("UPDATE auto_replies SET answered_at = answered_at - interval '2 hours'")
    scene.pass_time(timedelta(hours=1))
    scene.hear(scene.wrote(platform_id, "Thanks"), scene.wrote(platform_id, "How are you?"))
    assert len(scene.sends()) == 1


def test_who_is_answered_by_hand_is_no_newcomer(scene):
    welcome = {**_RULE, "condition": {"kind": "first_message"}}
    assert scene.ask("POST", "/auto-reply", welcome).status == 201
    _, platform_id = scene.fan()
    scene.wrote(platform_id, "Nice to have you here", own=True)
    scene.hear(scene.wrote(platform_id, "Hi"))
    assert scene.sends() == []


def test_a_rule_whose_answer_was_cancelled_answers_the_next_message(scene):
    assert scene.ask("POST", "/auto-reply", _RULE).status == 201
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "menu"))
    scene.hear(scene.wrote(platform_id, "The menu, please"))
    assert [send["state"] for send in scene.sends()] == ["cancelled", "planned"]
    scene.hear(scene.wrote(platform_id, "Hello?"))
    assert [send["state"] for send in scene.sends()] == ["cancelled", "cancelled"]


def test_a_rule_that_has_answered_leaves_the_next_message_to_a_model(scene):
    scene.activate()
    assert scene.ask("POST", "/auto-reply", _RULE).status == 201
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "menu"))
    (send,) = scene.sends()
    claim = scene.desk.claim()
    scene.desk.grant(claim, baseline=send["expected_message_id"])
    scene.desk.confirm(claim, send["id"], "m-menu")
    scene.pass_time(timedelta(hours=1))
    scene.hear(scene.wrote(platform_id, "The other menu, I mean"))
    assert (len(scene.sends()), len(scene.drafts())) == (1, 1)


@pytest.mark.parametrize("clock", ["22:00Z", "22:00+02:00"])
def test_hours_of_a_rule_have_no_zone_of_their_own(scene, clock):
    condition = {"kind": "time", "begins": clock, "ends": "06:00"}
    answer = scene.ask("POST", "/auto-reply", {**_RULE, "condition": condition})
    assert answer.status == 422
    assert scene.ask("POST", "/auto-reply", {**_RULE, "condition": condition | {"begins": "22:00"}})


def test_an_absence_that_ends_before_it_begins_is_refused(scene):
    condition = {"kind": "away", "begins": "2026-02-01T00:00:00Z", "ends": "2026-01-01T00:00:00Z"}
    assert scene.ask("POST", "/auto-reply", {**_RULE, "condition": condition}).status == 422


def test_nothing_goes_out_by_itself_once_the_chatbot_was_turned_off(scene):
    scene.configure(auto_send=True)
    scene.activate()
    scene.writer.meanwhile = lambda: scene.ask("POST", "/deactivate", {})
    _, draft = scene.drafted()
    assert (draft["state"], scene.sends()) == ("pending", [])


def test_nothing_goes_out_by_itself_to_who_wants_no_messages_any_more(scene):
    scene.configure(auto_send=True)
    scene.activate()
    fan_id, platform_id = scene.fan()

    def stop() -> None:
        with scene.desk.app.transaction() as connection:
            fans.suppress(connection, fan_id)

    scene.writer.meanwhile = stop
    scene.hear(scene.wrote(platform_id, "Hello"))
    assert scene.sends() == []


def test_nobody_is_answered_by_itself_days_later(scene):
    """The first sync of a creator, or a long outage, brings what a fan wrote last week."""
    scene.configure(auto_send=True)
    scene.activate()
    assert scene.ask("POST", "/auto-reply", _RULE).status == 201
    scene.pass_time(-timedelta(days=3))
    for text in ("Hello", "The menu?"):
        scene.drafted(text)
    assert [draft["state"] for draft in scene.drafts()] == ["pending", "pending"]
    assert scene.sends() == []


def test_leaving_one_campaign_stops_nobody_else(scene):
    scene.configure(auto_send=True)
    scene.activate()
    campaign = scene.desk.campaign()
    scene.activate(campaign_id=str(campaign))
    scene.drafted()
    scene.ask("POST", "/deactivate", {"campaign_id": str(campaign)})
    assert [send["state"] for send in scene.sends()] == ["planned"]
    scene.ask("POST", "/deactivate", {})
    assert [send["state"] for send in scene.sends()] == ["cancelled"]
