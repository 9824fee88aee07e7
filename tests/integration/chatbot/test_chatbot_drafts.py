"""From a fan's message to a draft, and from a draft to the ledger."""

import pytest

from huntaze import ai
from huntaze.domain import audit


def test_a_message_becomes_a_draft_and_an_approved_draft_a_row_of_the_ledger(scene):
    scene.activate()
    scene.configure()
    _, draft = scene.drafted()
    assert (draft["state"], draft["confidence"], draft["model"]) == ("pending", 80, "gpt-6-luna")
    assert draft["prompt_version"] == "chat-3/common-1"
    assert draft["review"]["approved"] is True
    (told,) = scene.desk.events("draft.created")
    assert told == {
        "draft_id": draft["id"],
        "conversation_id": draft["conversation_id"],
        "creator_id": str(scene.desk.creator_id),
        "fan_id": draft["fan_id"],
    }
    assert scene.sends() == []
    answer = scene.ask("POST", f"/drafts/{draft['id']}/approve", {}, role="chatter")
    assert (answer.status, answer.body["state"]) == (200, "approved")
    (send,) = scene.sends()
    assert str(send["id"]) == answer.body["send_id"]
    assert (send["state"], send["priority"], send["written_by"]) == ("planned", 1, "ai")
    assert (str(send["approval_id"]), send["model"]) == (draft["id"], "gpt-6-luna")
    assert send["text"] == f"{draft['text']}\n\nWritten with the help of AI."
    assert send["ai_disclosed"] is True
    assert (send["price_cents"], send["media_ids"]) == (0, [])
    newest = scene.desk.rows("SELECT platform_message_id FROM messages")[0]
    assert send["expected_message_id"] == newest["platform_message_id"]


def test_an_event_that_comes_again_drafts_once(scene):
    scene.activate()
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "Hello")
    scene.hear(event, event)
    scene.hear(event)
    assert len(scene.drafts()) == 1
    assert len(scene.writer.asked) == 3


@pytest.mark.parametrize("own", [False, True])
def test_a_draft_is_discarded_when_the_conversation_moves_on(scene, own):
    scene.activate()
    platform_id, draft = scene.drafted()
    # Nobody has told the chatbot yet: the approval itself looks.
    event = scene.wrote(platform_id, "Or not", own=own)
    refused = scene.ask("POST", f"/drafts/{draft['id']}/approve", {})
    assert (refused.status, refused.body["error"]) == (409, "DraftOver")
    assert scene.sends() == []
    (stored,) = scene.drafts(state="discarded")
    assert stored["why"] == "the conversation moved on"
    scene.hear(event)
    assert len(scene.drafts(state="pending")) == (0 if own else 1)


def test_what_was_approved_is_cancelled_when_the_fan_writes_again(scene):
    scene.activate()
    platform_id, draft = scene.drafted()
    scene.ask("POST", f"/drafts/{draft['id']}/approve", {})
    scene.hear(scene.wrote(platform_id, "Wait"))
    assert [send["state"] for send in scene.sends()] == ["cancelled"]
    assert len(scene.drafts(state="pending")) == 1


def test_the_grant_looks_at_the_page_itself(scene):
    scene.activate()
    platform_id, draft = scene.drafted()
    scene.ask("POST", f"/drafts/{draft['id']}/approve", {})
    claim = scene.desk.claim()
    refused = scene.desk.grant(claim, baseline="something newer")
    assert (refused.why, refused.detail) == ("skipped", "moved_on")
    assert platform_id


def test_a_message_that_comes_while_the_model_works_voids_the_answer(scene):
    scene.activate()
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "Hello")
    late = []
    scene.writer.meanwhile = lambda: late or late.append(scene.wrote(platform_id, "Are you there?"))
    scene.hear(event)
    assert scene.drafts() == []
    scene.writer.meanwhile = lambda: None
    scene.hear(*late)
    (draft,) = scene.drafts()
    assert draft["based_on"] == late[0]["detail"]["payload"]["message_id"]


def test_what_a_person_answered_meanwhile_waits_for_nobody(scene):
    """Tasks that stayed due for ever would keep the sweep from those that can be done."""
    scene.activate()
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "Hello")
    scene.writer.meanwhile = lambda: scene.wrote(platform_id, "I am here", own=True)
    scene.hear(event)
    assert scene.drafts() == []
    scene.sql("UPDATE reply_tasks SET leased_until = NULL")
    scene.sweep()
    assert scene.desk.rows("SELECT state FROM reply_tasks") == [{"state": "done"}]


def test_an_older_message_does_not_end_the_work_on_a_newer_one(scene):
    scene.activate()
    _, platform_id = scene.fan()
    older = scene.wrote(platform_id, "Hello")
    newer = scene.wrote(platform_id, "And how are you?")
    scene.writer.meanwhile = lambda: scene.hear(older)
    scene.hear(newer)
    assert len(scene.drafts(state="pending")) == 1
    assert scene.desk.rows("SELECT state FROM reply_tasks") == [{"state": "done"}]


def test_an_edit_passes_the_rules_again_and_its_distance_is_kept(scene):
    scene.activate()
    _, draft = scene.drafted()
    path = f"/drafts/{draft['id']}/edit"
    refused = scene.ask("POST", path, {"text": "Find me on telegram"})
    assert (refused.status, refused.body["error"]) == (422, "NotCompliant")
    assert scene.drafts()[0]["state"] == "pending"
    text = draft["text"].replace("long", "short")
    edited = scene.ask("POST", path, {"text": text})
    assert (edited.status, edited.body["state"]) == (200, "edited")
    assert (edited.body["final_text"], edited.body["edit_distance"]) == (text, 4)
    assert scene.sends()[0]["text"] == text
    (row,) = scene.sql("SELECT outcome FROM ai_generations WHERE outcome IS NOT NULL")
    assert row == ("edited",)


def test_nobody_decides_twice(scene):
    scene.activate()
    _, draft = scene.drafted()
    path = f"/drafts/{draft['id']}"
    rejected = scene.ask("POST", f"{path}/reject", {"why": "too dry"})
    assert (rejected.body["state"], rejected.body["why"]) == ("rejected", "too dry")
    for action, body in (("approve", {}), ("edit", {"text": "x"}), ("reject", {})):
        again = scene.ask("POST", f"{path}/{action}", body)
        assert (again.status, again.body["error"]) == (409, "DraftOver")
    assert scene.sends() == []


def test_a_person_asks_for_a_draft_where_the_chatbot_is_off(scene):
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "Hello")
    scene.hear(event)
    assert scene.writer.asked == []
    path = f"/conversations/{event['detail']['aggregate_id']}/draft"
    answer = scene.ask("POST", path, role="chatter")
    assert (answer.status, answer.body["draft"]["state"]) == (201, "pending")
    again = scene.ask("POST", path)
    assert [one["state"] for one in scene.drafts()] == ["pending", "discarded"]
    assert again.body["draft"]["id"] == scene.drafts()[0]["id"]
    scene.wrote(platform_id, "Hi", own=True)
    refused = scene.ask("POST", path)
    assert (refused.status, refused.body["error"]) == (409, "NothingToAnswer")


def test_a_person_is_told_why_there_is_no_draft(scene):
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "I want a refund now")
    answer = scene.ask("POST", f"/conversations/{event['detail']['aggregate_id']}/draft")
    assert answer.body["draft"] is None
    assert answer.body["handed_over"]["topic"] == "payment_dispute"
    assert scene.writer.asked == []
    assert len(scene.hand_overs()) == 1


def test_every_decision_stands_in_the_audit_log(scene):
    scene.activate()
    _, draft = scene.drafted()
    scene.ask("POST", f"/drafts/{draft['id']}/approve", {})
    rows = scene.desk.rows(
        "SELECT workspace_id, sequence, at, actor_kind, actor_id, action, target_kind, target_id,"
        " facts, encode(previous_hash, 'hex') AS previous_hash, encode(hash, 'hex') AS hash"
        " FROM audit_log ORDER BY sequence"
    )
    entries = [audit.Entry.model_validate(row) for row in rows]
    assert audit.verify(entries).intact
    assert [entry.action for entry in entries] == ["chatbot.activated", "reply.approved"]
    assert draft["text"] not in entries[1].facts


def test_the_model_says_words_alone():
    """No answer has a field for a price, a medium or a recipient."""
    fields = set(ai.agents.outputs.Replies.model_fields) | set(ai.agents.outputs.Reply.model_fields)
    assert fields == {"needs_person", "why", "drafts", "text", "confidence"}
