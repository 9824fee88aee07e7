"""What a fan makes of a message afterwards is heard; what was written for its old words is void."""

from uuid import UUID

import pytest

from huntaze.domain import conversations
from huntaze.domain.conversations import SeenMessage


@pytest.fixture
def edit(scene):
    """Let a fan change what an event was about; returns the event that tells of it."""

    def edited(event, text):
        message_id = event["detail"]["payload"]["message_id"]
        ((name,),) = scene.sql("SELECT platform_message_id FROM messages WHERE id = %s", message_id)
        with scene.desk.worker.transaction() as connection:
            seen = SeenMessage(name, own=False, text=text)
            conversations.correct(connection, scene.desk.creator_id, seen)
        told = scene.desk.events("message.updated")[-1]
        assert told["message_id"] == message_id
        about = UUID(event["detail"]["aggregate_id"])
        return scene.event("message.updated", ("conversation", about), **told)

    return edited


@pytest.fixture
def line(scene):
    """A fan whose message has a draft; returns the platform's id, and the event."""
    scene.activate()
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "Long day, finally home.")
    scene.hear(event)
    assert [one["state"] for one in scene.drafts()] == ["pending"]
    return platform_id, event


DANGER = "I want to kill myself"


def test_a_danger_that_is_edited_in_is_told_and_its_draft_void(scene, line, edit):
    _, event = line
    told = edit(event, DANGER)
    scene.hear(told, told)
    (over,) = scene.hand_overs()
    assert (over["topic"], over["found_by"]) == ("self_harm", "rules")
    assert str(over["message_id"]) == event["detail"]["payload"]["message_id"]
    assert len(scene.desk.events("conversation.handed_over")) == 1
    assert [one["state"] for one in scene.drafts()] == ["discarded"]


@pytest.mark.parametrize("own", [False, True], ids=["the fan wrote on", "somebody answered"])
def test_a_danger_is_told_wherever_its_message_stands(scene, line, edit, own):
    platform_id, event = line
    scene.hear(scene.wrote(platform_id, "Good night", own=own))
    scene.hear(edit(event, DANGER))
    (over,) = scene.hand_overs()
    assert over["topic"] == "self_harm"
    assert str(over["message_id"]) == event["detail"]["payload"]["message_id"]


def test_a_danger_is_told_where_the_chatbot_is_off(scene, line, edit):
    scene.ask("POST", "/deactivate", {})
    scene.hear(edit(line[1], "I will sue you"))
    assert scene.hand_overs() == []
    scene.hear(edit(line[1], DANGER))
    assert len(scene.hand_overs()) == 1


@pytest.mark.parametrize("later", [False, True], ids=["the newest", "the one before"])
def test_other_words_are_answered_anew(scene, line, edit, later):
    platform_id, event = line
    if later:
        scene.hear(scene.wrote(platform_id, "And you?"))
    asked = len(scene.writer.asked)
    assert scene.hear(edit(event, "Long week, finally home.")) == []
    newest, *older = scene.drafts()
    assert newest["state"] == "pending"
    assert {one["state"] for one in older} == {"discarded"}
    assert "Long week" in scene.writer.asked[asked][1].suffix


@pytest.mark.parametrize("decision", ["approve", "reject", None])
def test_an_edit_that_is_told_again_undoes_nothing(scene, line, edit, decision):
    told = edit(line[1], "Long week, finally home.")
    scene.hear(told)
    (draft,) = scene.drafts(state="pending")
    if decision:
        assert scene.ask("POST", f"/drafts/{draft['id']}/{decision}", {}).status == 200
    before = scene.drafts(), scene.sends(), len(scene.writer.asked)
    scene.hear(told)
    scene.sweep()
    assert (scene.drafts(), scene.sends(), len(scene.writer.asked)) == before


def test_what_is_approved_before_an_edit_is_heard_is_called_back(scene, line, edit):
    told = edit(line[1], "Long week, finally home.")
    (draft,) = scene.drafts()
    assert scene.ask("POST", f"/drafts/{draft['id']}/approve", {}).status == 200
    scene.hear(told)
    assert [send["state"] for send in scene.sends()] == ["cancelled"]
    assert [one["state"] for one in scene.drafts()] == ["pending", "approved"]


def test_a_danger_that_a_person_has_resolved_is_told_once(scene, line, edit):
    told = edit(line[1], DANGER)
    scene.hear(told)
    about = told["detail"]["aggregate_id"]
    assert scene.ask("POST", f"/conversations/{about}/resolve", {}).status == 200
    scene.hear(told)
    assert len(scene.hand_overs()) == 1
    assert len(scene.desk.events("conversation.handed_over")) == 1
    # Another edit is another matter.
    scene.hear(edit(line[1], f"{DANGER} tonight"))
    assert len(scene.hand_overs()) == 2


def test_what_was_answered_is_not_answered_again(scene, line, edit):
    platform_id, event = line
    scene.wrote(platform_id, "Sleep well", own=True)
    asked = len(scene.writer.asked)
    scene.hear(edit(event, "Long week, finally home."))
    assert len(scene.writer.asked) == asked
    assert scene.sql("SELECT state FROM reply_tasks") == [("done",)]


@pytest.mark.parametrize("later", [False, True], ids=["the newest", "the one before"])
def test_what_is_written_for_words_that_change_meanwhile_is_thrown_away(scene, edit, later):
    scene.activate()
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "Long day, finally home.")
    newest = scene.wrote(platform_id, "And you?") if later else event
    told = []

    def change() -> None:
        if not told:
            told.append(edit(event, "Long week, finally home."))
            scene.hear(*told)

    scene.writer.meanwhile = change
    scene.hear(newest)
    assert scene.drafts() == []
    asked = len(scene.writer.asked)
    scene.sweep()
    (draft,) = scene.drafts()
    assert draft["state"] == "pending"
    assert "Long week" in scene.writer.asked[asked][1].suffix


def test_who_asks_for_no_more_by_an_edit_gets_nothing_more(scene, line, edit):
    told = edit(line[1], "Stop")
    scene.hear(told)
    assert [one["state"] for one in scene.drafts()] == ["discarded"]
    assert scene.sql("SELECT reason FROM suppressions") == [("stop_word",)]
    # Nobody need look at what they say else, but at a danger.
    scene.hear(edit(line[1], "I will sue you"))
    assert scene.hand_overs() == []
    scene.hear(edit(line[1], DANGER))
    assert [over["topic"] for over in scene.hand_overs()] == ["self_harm"]
    # Of a message that nobody has.
    told["detail"]["payload"]["message_id"] = told["detail"]["id"]
    assert scene.hear(told) == []
