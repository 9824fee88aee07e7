"""Somebody may come to harm: whatever else is said and whenever it is found, a person is told."""

import json
from datetime import timedelta

import pytest

from huntaze.domain import erasure, fans


@pytest.mark.parametrize(
    "text",
    [
        *("I found your address", "j'ai trouvé ton adresse"),
        "I found your facebook, refund me",
        "What is your real name? I will call my lawyer",
    ],
)
def test_no_small_topic_hides_a_danger(scene, text):
    scene.activate()
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, text))
    (over,) = scene.hand_overs()
    assert over["topic"] == "doxxing"
    assert len(over["reasons"]) > 1


@pytest.mark.parametrize(
    ("said", "topic"),
    [
        ({"topics": ["legal", "self_harm"]}, "self_harm"),
        ({"topics": ["legal"], "intent": "distress"}, "self_harm"),
        ({"topics": ["payment_dispute"], "intent": "age_concern"}, "minors_age"),
        ({"topics": ["meeting", "doxxing"], "needs_person": True}, "doxxing"),
        ({"topics": ["injection"], "intent": "harassment"}, "injection"),
    ],
)
def test_of_what_a_model_finds_the_gravest_is_told(scene, said, topic):
    scene.activate()
    scene.writer.reading = said
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "You will hear from somebody"))
    (over,) = scene.hand_overs()
    assert (over["topic"], len(over["reasons"])) == (topic, 2 + ("needs_person" in said))


def test_a_hand_over_for_less_is_raised_by_a_danger_beside_it(scene):
    scene.activate()
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "I want my money back"))
    scene.hear(scene.wrote(platform_id, "My lawyer and I found your address"))
    (over,) = scene.hand_overs()
    assert over["topic"] == "doxxing"
    assert [one["topic"] for one in scene.desk.events("conversation.handed_over")] == [
        "payment_dispute",
        "doxxing",
    ]


# What a model alone finds, while the fan writes on


@pytest.fixture
def in_despair(scene):
    """A fan of whom a model finds a danger; returns the platform's id."""
    scene.activate()
    scene.writer.reading = {"topics": ["self_harm"]}
    return scene.fan()[1]


@pytest.mark.parametrize("own", [False, True], ids=["the fan writes on", "somebody answers"])
def test_a_danger_is_told_though_the_conversation_moves_on_meanwhile(scene, in_despair, own):
    scene.writer.meanwhile = lambda: scene.wrote(in_despair, "Anyway. Good night", own=own)
    event = scene.wrote(in_despair, "There is no morning for me")
    scene.hear(event, event)
    (over,) = scene.hand_overs()
    assert (over["topic"], over["found_by"]) == ("self_harm", "model")
    assert str(over["message_id"]) == event["detail"]["payload"]["message_id"]
    assert [one["topic"] for one in scene.desk.events("conversation.handed_over")] == ["self_harm"]
    assert scene.sql("SELECT state FROM reply_tasks") == [("done",)]
    # What comes next is the person's.
    asked = len(scene.writer.asked)
    scene.hear(scene.wrote(in_despair, "Hello?"))
    assert (len(scene.writer.asked), len(scene.hand_overs())) == (asked, 1)


def test_what_is_no_danger_is_read_again_with_what_came_after_it(scene, in_despair):
    scene.writer.reading = {"topics": ["legal"]}
    scene.writer.meanwhile = lambda: scene.wrote(in_despair, "Anyway. Good night")
    scene.hear(scene.wrote(in_despair, "You will hear from somebody"))
    assert scene.hand_overs() == []


def test_who_asks_for_a_draft_in_vain_has_the_danger_told_all_the_same(scene, in_despair):
    scene.ask("POST", "/deactivate", {})
    event = scene.wrote(in_despair, "There is no morning for me")
    scene.writer.meanwhile = lambda: scene.wrote(in_despair, "Anyway. Good night")
    answer = scene.ask("POST", f"/conversations/{event['detail']['aggregate_id']}/draft", {})
    assert (answer.status, answer.body["error"]) == (409, "NothingToAnswer")
    assert [over["topic"] for over in scene.hand_overs()] == ["self_harm"]


def test_of_who_is_forgotten_meanwhile_no_danger_is_kept(scene, in_despair):
    desk = scene.desk
    (fan,) = scene.sql("SELECT id FROM fans WHERE platform_id = %s", in_despair)

    def forget() -> None:
        with desk.app.transaction() as connection:
            erasure.erase_fan(connection, desk.workspace_id, fan[0], by=desk.user_id)

    scene.writer.meanwhile = forget
    assert scene.hear(scene.wrote(in_despair, "There is no morning for me")) == []
    assert (scene.hand_overs(), scene.desk.events("conversation.handed_over")) == ([], [])


@pytest.mark.parametrize("more", [1, 30])
def test_a_model_reads_all_that_nobody_has_answered(scene, more):
    scene.activate()
    _, platform_id = scene.fan()
    scene.wrote(platform_id, "Hello")
    scene.wrote(platform_id, "Hello you", own=True)
    scene.wrote(platform_id, "There is no morning for me")
    for _ in range(more):
        event = scene.wrote(platform_id, "Anyway")
    scene.hear(event)
    suffix = scene.writer.asked[0][1].suffix
    data = json.loads(suffix[suffix.index("{") : suffix.rindex("}") + 1])
    said = {line["number"]: line["text"] for line in data["messages"]}
    asked_about = [said[number] for number in data["unanswered"]]
    assert asked_about == ["There is no morning for me", *["Anyway"] * more]


# What an answer of ours went by


@pytest.fixture
def pass_over(scene):
    """Have a person answer, and store what the fan wrote meanwhile after that; return its event."""

    def answer(text):
        fan_id, platform_id = scene.fan()
        scene.wrote(platform_id, "Hello")
        send_id, claim = scene.desk.send(fan_id, text="Hello you"), scene.desk.claim()
        scene.desk.grant(claim)
        missed = scene.wrote(platform_id, text)
        assert scene.desk.confirm(claim, send_id, "m-answer")
        return platform_id, missed

    return answer


@pytest.mark.parametrize("is_on", [True, False])
def test_a_danger_that_our_answer_went_by_is_handed_over_once(scene, pass_over, is_on):
    if is_on:
        scene.activate()
    _, missed = pass_over("I'm 15 btw")
    scene.hear(missed, missed)
    (over,) = scene.hand_overs()
    assert over["topic"] == "minors_age"
    assert str(over["message_id"]) == missed["detail"]["payload"]["message_id"]
    assert [one["topic"] for one in scene.desk.events("conversation.handed_over")] == ["minors_age"]
    assert (scene.writer.asked, scene.drafts()) == ([], [])
    # A person has given it back: nothing is left to tell, whatever comes again.
    path = f"/conversations/{missed['detail']['aggregate_id']}/resolve"
    assert scene.ask("POST", path, {}).status == 200
    scene.hear(missed)
    assert len(scene.hand_overs()) == 1


def test_what_our_answer_went_by_is_heard_though_the_fan_writes_on(scene, pass_over):
    scene.activate()
    platform_id, missed = pass_over("I want my money back")
    scene.pass_time(timedelta(hours=1))
    scene.hear(missed, scene.wrote(platform_id, "Hello?"))
    assert [over["topic"] for over in scene.hand_overs()] == ["payment_dispute"]
    assert scene.writer.asked == []


def test_what_our_answer_went_by_is_no_hand_over_by_itself(scene, pass_over):
    scene.activate(spend_ceiling_cents=1)
    _, missed = pass_over("Long day, finally home")
    scene.sql(
        "INSERT INTO transactions (workspace_id, creator_id, fan_id, transaction_id, type,"
        " amount_cents, fee_cents, net_cents, effective_cents, currency, created_at)"
        " SELECT workspace_id, creator_id, id, 't', 'tip', 9, 0, 9, 9, 'USD', now() FROM fans"
    )
    scene.hear(missed)
    assert (scene.hand_overs(), scene.writer.asked, scene.drafts()) == ([], [], [])


def test_of_small_matters_that_our_answer_went_by_nobody_is_told_where_it_is_off(scene, pass_over):
    _, missed = pass_over("I want my money back")
    scene.hear(missed)
    assert scene.hand_overs() == []


def test_what_somebody_answered_who_had_seen_it_is_handed_over_no_more(scene, pass_over):
    scene.activate()
    platform_id, missed = pass_over("I want my money back")
    # On the platform itself everything is in sight.
    scene.pass_time(timedelta(hours=1))
    scene.wrote(platform_id, "Sorted, see above", own=True)
    scene.hear(missed)
    assert scene.hand_overs() == []


# Who wants no messages


@pytest.mark.parametrize("is_on", [True, False])
@pytest.mark.parametrize("stops", ["before", "after", "without a word"])
def test_the_danger_of_who_wants_no_messages_is_told(scene, stops, is_on):
    if is_on:
        scene.activate()
    fan_id, platform_id = scene.fan()
    if stops == "before":
        scene.hear(scene.wrote(platform_id, "STOP"))
    event = scene.wrote(platform_id, "I want to die")
    if stops == "after":
        scene.hear(scene.wrote(platform_id, "STOP"))
    if stops == "without a word":
        with scene.desk.app.transaction() as connection:
            fans.suppress(connection, fan_id)
    scene.hear(event, event)
    assert [over["topic"] for over in scene.hand_overs()] == ["self_harm"]
    assert (scene.writer.asked, scene.drafts()) == ([], [])


@pytest.mark.parametrize("text", ["I want my money back", "Please stop sending me these"])
def test_of_who_wants_no_messages_nobody_is_told_smaller_matters(scene, text):
    scene.activate()
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "STOP"), scene.wrote(platform_id, text))
    assert scene.hand_overs() == []


# What a person asks a model for meanwhile


@pytest.mark.parametrize(("action", "body"), [("approve", {}), ("edit", {"text": "Be well"})])
def test_a_models_words_are_refused_until_a_person_has_looked(scene, action, body):
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "I want to kill myself"))
    event = scene.wrote(platform_id, "Good morning to you")
    asked = scene.ask("POST", f"/conversations/{event['detail']['aggregate_id']}/draft")
    path = f"/drafts/{asked.body['draft']['id']}"
    refused = scene.ask("POST", f"{path}/{action}", body)
    assert (refused.status, refused.body["error"]) == (409, "InDanger")
    assert scene.sends() == []
    (over,) = scene.hand_overs()
    scene.ask("POST", f"/conversations/{over['conversation_id']}/resolve", {})
    assert scene.ask("POST", f"{path}/{action}", body).status == 200
