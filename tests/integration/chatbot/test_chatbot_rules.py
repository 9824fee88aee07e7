"""What is decided without a model, what is handed over, and what goes out by itself."""

from datetime import UTC, datetime, timedelta

import pytest

from huntaze import ai
from huntaze.domain import fans
from huntaze.ids import new_id

KEYWORD = {"kind": "keyword", "words": ["menu"]}


def rule(scene, condition, text="Look at the pinned post, {display_name|you}!", **more):
    """Write an answer beforehand."""
    body = {"name": "r", "condition": condition, "text": text, **more}
    answer = scene.ask("POST", "/auto-reply", body)
    assert answer.status == 201, answer.body
    return answer.body


# Hand-overs


def test_a_person_takes_over_before_any_model_reads(scene):
    scene.activate()
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "Honestly I want to die"))
    (over,) = scene.hand_overs()
    assert (over["topic"], over["found_by"]) == ("self_harm", "rules")
    assert scene.writer.asked == []
    assert scene.drafts() == []
    (told,) = scene.desk.events("conversation.handed_over")
    assert told["topic"] == "self_harm"
    assert "die" not in str(told)


def test_a_model_may_find_more(scene):
    scene.activate()
    scene.writer.reading = {"topics": ["legal"], "intent": "complaint"}
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "You will hear from somebody"))
    (over,) = scene.hand_overs()
    assert (over["topic"], over["found_by"]) == ("legal", "model")
    assert scene.sql("SELECT outcome FROM ai_generations WHERE outcome IS NOT NULL") == [
        ("handed_over",)
    ]
    assert scene.drafts() == []


def test_who_is_handed_over_is_not_answered_until_a_person_gives_them_back(scene):
    scene.activate()
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "I want my money back")
    scene.hear(event)
    scene.wrote(platform_id, "Sorted, see above", own=True)
    scene.hear(scene.wrote(platform_id, "Thank you, lovely"))
    assert scene.drafts() == []
    assert len(scene.hand_overs()) == 1
    path = f"/conversations/{event['detail']['aggregate_id']}"
    assert scene.ask("GET", f"{path}/context").body["handed_over"]["topic"] == "payment_dispute"
    resolved = scene.ask("POST", f"{path}/resolve", {"satisfaction": 4}, role="chatter")
    assert (resolved.status, resolved.body["handed_over"]) == (200, None)
    again = scene.ask("POST", f"{path}/resolve", {})
    assert (again.status, again.body["error"]) == (409, "NotHandedOver")
    scene.hear(scene.wrote(platform_id, "Good morning"))
    assert len(scene.drafts()) == 1


def test_what_a_model_handed_over_is_resolved_in_its_books(scene):
    scene.activate()
    scene.writer.needs_person = True
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "Good morning")
    scene.hear(event)
    path = f"/conversations/{event['detail']['aggregate_id']}/resolve"
    scene.ask("POST", path, {"satisfaction": 5})
    kept = "SELECT outcome, satisfaction FROM ai_generations WHERE outcome IS NOT NULL"
    assert scene.sql(kept) == [("resolved", 5)]


def test_who_spends_much_is_a_persons_to_answer(scene):
    scene.activate(spend_ceiling_cents=5000)
    for cents, handed in ((4999, False), (5000, True)):
        fan_id, platform_id = scene.fan()
        scene.sql(
            "INSERT INTO transactions (workspace_id, creator_id, fan_id, transaction_id, type,"
            " amount_cents, fee_cents, net_cents, effective_cents, currency, created_at)"
            " VALUES (%s, %s, %s, %s, 'tip', %s, 0, %s, %s, 'USD', %s)",
            *(scene.desk.workspace_id, scene.desk.creator_id, fan_id, str(new_id())),
            *(cents, cents, cents, datetime.now(UTC) - timedelta(days=2)),
        )
        scene.hear(scene.wrote(platform_id, "Good morning"))
        topics = [one["topic"] for one in scene.hand_overs() if one["fan_id"] == fan_id]
        assert topics == (["spend_ceiling"] if handed else [])


def test_an_unsure_reply_is_a_marked_draft_and_a_hand_over(scene):
    scene.configure(auto_send=True)
    scene.activate(min_confidence=70)
    scene.writer.drafts = [{"text": "Maybe a tea?", "confidence": 69}]
    _, draft = scene.drafted()
    assert draft["warning"] == "low_confidence: 69 of 100"
    assert [one["topic"] for one in scene.hand_overs()] == ["low_confidence"]
    assert scene.sends() == []


@pytest.mark.parametrize(
    "text",
    [
        "It is $5 for you",
        "All of it for free today",
        "I told my other fans, too",
        "My instructions say so",
        "Write to me @nova",
    ],
)
def test_what_a_model_may_not_say_is_no_draft(scene, text):
    scene.activate()
    scene.writer.drafts = [{"text": text, "confidence": 100}]
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "Good morning"))
    assert scene.drafts() == []
    assert [one["topic"] for one in scene.hand_overs()] == ["no_fit_reply"]


def test_what_the_second_check_forbids_is_no_draft(scene):
    scene.activate()
    scene.writer.allowed = False
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "Good morning"))
    assert scene.drafts() == []
    assert [one["topic"] for one in scene.hand_overs()] == ["no_fit_reply"]


def test_the_creators_own_list_hands_over(scene):
    scene.activate()
    scene.configure(forbidden_topics=["my ex"])
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "Do you still see my ex around?"))
    assert [one["topic"] for one in scene.hand_overs()] == ["forbidden_topic"]


# Stop words


def test_a_stop_word_ends_everything_at_once(scene):
    scene.configure(auto_send=True)
    scene.activate()
    platform_id, _ = scene.drafted()
    assert [send["state"] for send in scene.sends()] == ["planned"]
    scene.hear(scene.wrote(platform_id, "STOP"))
    assert [send["state"] for send in scene.sends()] == ["cancelled"]
    assert scene.drafts(state="pending") == []
    asked = len(scene.writer.asked)
    scene.hear(scene.wrote(platform_id, "Hello?"))
    assert len(scene.writer.asked) == asked
    assert scene.drafts(state="pending") == []


def test_a_draft_for_who_wants_no_messages_any_more_is_void(scene):
    scene.activate()
    _, draft = scene.drafted()
    with scene.desk.app.transaction() as connection:
        fans.suppress(connection, draft["fan_id"])
    refused = scene.ask("POST", f"/drafts/{draft['id']}/approve", {})
    assert (refused.status, scene.sends()) == (409, [])


# By itself


def test_a_reply_goes_out_by_itself_after_a_persons_pace(scene):
    scene.configure(auto_send=True)
    scene.activate()
    before = datetime.now(UTC)
    _, draft = scene.drafted()
    assert (draft["state"], draft["by_itself"]) == ("approved", True)
    (send,) = scene.sends()
    assert (send["by_itself"], send["ai_disclosed"], send["priority"]) == (True, True, 1)
    assert send["text"].endswith("Written with the help of AI.")
    assert timedelta(seconds=12) <= send["due_at"] - before <= timedelta(seconds=300)
    assert send["author_id"] == scene.desk.user_id


@pytest.mark.parametrize("lacks", ["owner", "platform", "disclosure"])
def test_nothing_goes_out_by_itself_without_word_terms_and_disclosure(scene, lacks):
    disclosure = None if lacks == "disclosure" else "Written with the help of AI."
    scene.configure(auto_send=lacks != "owner", disclosure=disclosure)
    if lacks == "platform":
        scene.desk.set_creator(platform="onlyfans")
    scene.activate()
    _, draft = scene.drafted()
    assert (draft["state"], scene.sends()) == ("pending", [])


def test_the_owners_word_must_hold_when_it_is_granted(scene):
    scene.configure(auto_send=True)
    scene.activate()
    scene.drafted()
    (send,) = scene.sends()
    scene.desk.set_send(send["id"], due_at=datetime.now(UTC))
    scene.sql("UPDATE ai_configs SET auto_send_by = NULL, auto_send_at = NULL")
    refused = scene.desk.grant(scene.desk.claim(), baseline=send["expected_message_id"])
    assert (refused.why, refused.detail) == ("skipped", "not_approved")


def test_the_grant_of_what_goes_by_itself_is_given_while_the_word_holds(scene):
    scene.configure(auto_send=True)
    scene.activate()
    scene.drafted()
    (send,) = scene.sends()
    scene.desk.set_send(send["id"], due_at=datetime.now(UTC))
    granted = scene.desk.grant(scene.desk.claim(), baseline=send["expected_message_id"])
    assert granted.granted_at is not None


def test_turning_the_chatbot_off_cancels_what_nobody_approved(scene):
    scene.configure(auto_send=True)
    scene.activate()
    scene.drafted()
    answer = scene.ask("POST", "/deactivate", {})
    assert answer.body["active_since"] is None
    assert [send["state"] for send in scene.sends()] == ["cancelled"]
    _, platform_id = scene.fan()
    asked = len(scene.writer.asked)
    scene.hear(scene.wrote(platform_id, "Hello"))
    assert len(scene.writer.asked) == asked


def test_the_replies_to_a_campaign_alone(scene):
    campaign = scene.desk.campaign()
    scene.activate(campaign_id=str(campaign))
    (fan_id, answers), (_, other) = scene.fan(), scene.fan()
    granted = datetime.now(UTC) - timedelta(hours=1)
    moments = {"granted_at": granted, "submit_until": granted}
    send_id = scene.desk.send(fan_id, campaign_id=campaign, **moments)
    scene.desk.set_send(send_id, state="submitting", readable_at=granted + timedelta(seconds=1))
    scene.desk.set_send(send_id, state="sent")
    scene.hear(scene.wrote(answers, "Nice one"), scene.wrote(other, "Nice one"))
    assert [draft["fan_id"] for draft in scene.drafts()] == [str(fan_id)]


# Answers that were written beforehand


def test_a_rule_answers_before_any_model_and_once_in_its_time(scene):
    made = rule(scene, KEYWORD)
    fan_id, platform_id = scene.fan(display_name="Ann")
    scene.hear(scene.wrote(platform_id, "The menu?"))
    (send,) = scene.sends()
    assert send["text"] == "Look at the pinned post, Ann!"
    assert (send["written_by"], send["priority"], send["fan_id"]) == ("template", 1, fan_id)
    claim = scene.desk.claim()
    scene.desk.grant(claim, baseline=send["expected_message_id"])
    scene.desk.confirm(claim, send["id"], "m-answer")
    scene.pass_time(timedelta(hours=1))
    scene.hear(scene.wrote(platform_id, "menu again"))
    assert len(scene.sends()) == 1
    assert scene.writer.asked == []
    assert scene.ask("GET", f"/auto-reply/{made['id']}").body["answered"] == 1
    scene.sql("UPDATE auto_replies SET answered_at = answered_at - interval '25 hours'")
    scene.wrote(platform_id, "There", own=True)
    scene.hear(scene.wrote(platform_id, "menu once more"))
    assert len(scene.sends()) == 2


def test_what_a_person_must_answer_no_rule_answers(scene):
    rule(scene, KEYWORD)
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "menu please, I am 15"))
    assert scene.sends() == []
    assert [one["topic"] for one in scene.hand_overs()] == ["minors_age"]


def test_a_rule_by_intent_asks_the_model_what_is_meant(scene):
    scene.activate()
    rule(scene, {"kind": "intent", "intents": ["request_about_price"]})
    scene.writer.reading = {"intent": "request_about_price"}
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "What would that be?"))
    assert [send["written_by"] for send in scene.sends()] == ["template"]
    assert scene.drafts() == []
    assert len(scene.writer.asked) == 1


def test_first_messages_and_absences(scene):
    rule(scene, {"kind": "first_message"}, text="Welcome!", place=1)
    away = {"kind": "away", "begins": "2026-01-01T00:00:00Z", "ends": "2999-01-01T00:00:00Z"}
    rule(scene, away, text="Back on Monday!", place=2)
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "Hi"))
    scene.wrote(platform_id, "Hello", own=True)
    scene.hear(scene.wrote(platform_id, "How are you?"))
    assert [send["text"] for send in scene.sends()] == ["Welcome!", "Back on Monday!"]


def test_a_rule_is_read_changed_and_deleted(scene):
    made = rule(scene, KEYWORD)
    path = f"/auto-reply/{made['id']}"
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "menu"))
    body = {"name": "n", "condition": KEYWORD, "text": "Other words", "enabled": False}
    changed = scene.ask("PUT", path, body)
    assert (changed.body["text"], changed.body["enabled"]) == ("Other words", False)
    assert [send["state"] for send in scene.sends()] == ["cancelled"]
    assert [one["id"] for one in scene.ask("GET", "/auto-reply").body["items"]] == [made["id"]]
    assert scene.ask("DELETE", path).status == 204
    assert scene.ask("GET", path).status == 404


@pytest.mark.parametrize("text", ["Pay me on paypal", "Hello {name}"])
def test_a_rule_that_could_not_be_sent_is_refused(scene, text):
    body = {"name": "r", "condition": KEYWORD, "text": text}
    assert scene.ask("POST", "/auto-reply", body).status == 422


# Trouble


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (ai.NoAnswerError("No model answered."), "NoAnswer"),
        (ai.BudgetUsedUpError("No room.", retry_after=3600), "BudgetUsedUp"),
    ],
)
def test_without_a_model_there_is_no_draft_one_notice_and_another_try(scene, trouble, code):
    scene.activate()
    scene.writer.trouble = trouble
    (_, first), (_, second) = scene.fan(), scene.fan()
    assert scene.hear(scene.wrote(first, "Hello"), scene.wrote(second, "Hello")) == []
    assert scene.drafts() == []
    assert [one["why"] for one in scene.desk.events("chatbot.held_up")] == [code]
    waits = scene.desk.rows("SELECT trouble, due_at, tries FROM reply_tasks")
    assert {row["trouble"] for row in waits} == {code}
    wait = timedelta(seconds=3500 if code == "BudgetUsedUp" else 50)
    assert all(row["due_at"] > datetime.now(UTC) + wait for row in waits)
    assert scene.ask("GET", "/state").body["held_up_since"] is not None
    scene.sweep()
    assert scene.drafts() == []
    scene.writer.trouble = None
    scene.sql("UPDATE reply_tasks SET due_at = clock_timestamp()")
    scene.sweep()
    assert len(scene.drafts()) == 2
    assert scene.ask("GET", "/state").body["held_up_since"] is None


def test_a_poisoned_message_comes_again_and_holds_nobody_up(scene):
    scene.activate()
    _, platform_id = scene.fan()
    fine = scene.wrote(platform_id, "Hello")
    broken = {"detail-type": "message.created", "detail": {"id": "no id"}}
    assert scene.hear(broken, fine) == ["0"]
    assert len(scene.drafts()) == 1


def test_what_fails_for_an_unknown_reason_is_given_up_in_the_end(scene):
    scene.activate()
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "Hello")
    scene.writer.trouble = RuntimeError("a bug")
    for _ in range(8):
        assert scene.hear(event) == ["0"]
        scene.sql("UPDATE reply_tasks SET leased_until = NULL")
    assert scene.hear(event) == []
    assert scene.desk.rows("SELECT state FROM reply_tasks") == [{"state": "given_up"}]
