"""Fans are told that AI helps: in what really goes out, and once a day."""

from datetime import UTC, datetime, timedelta

import pytest

DISCLOSURE = "Written with the help of AI."


@pytest.fixture
def answered(scene):
    """Let a fan be answered with what the chatbot drafts; returns the ledger's row."""
    scene.activate()
    scene.configure()
    _, platform_id = scene.fan()

    def answer(*, deliver: bool = True, **approval):
        scene.hear(scene.wrote(platform_id, "And you?"))
        (draft,) = scene.drafts(state="pending")
        said = scene.ask("POST", f"/drafts/{draft['id']}/approve", approval)
        assert said.status == 200, said.body
        send = scene.desk.row(said.body["send_id"])
        if deliver:
            claim = scene.desk.claim()
            scene.desk.grant(claim, baseline=send["expected_message_id"])
            scene.desk.confirm(claim, send["id"], f"m-{send['id']}")
            scene.pass_time(timedelta(hours=1))
        return send

    return answer


def test_it_is_said_once_a_day(answered):
    first, second = answered(), answered()
    assert (first["ai_disclosed"], second["ai_disclosed"]) == (True, False)
    assert first["text"].count(DISCLOSURE) == 1
    assert DISCLOSURE not in second["text"]


def test_what_never_went_out_told_nobody(answered):
    answered(deliver=False)
    assert answered()["ai_disclosed"] is True


def test_what_was_taken_back_told_nobody(scene, answered):
    send = answered()
    scene.desk.set_send(send["id"], unsent_at=datetime.now(UTC))
    assert answered()["ai_disclosed"] is True


def test_a_campaign_that_is_still_to_come_told_nobody(scene, answered):
    send = answered()
    scene.desk.set_send(send["id"], unsent_at=datetime.now(UTC))
    scene.desk.send(send["fan_id"], ai_disclosed=True, due_at=datetime.now(UTC) + timedelta(days=3))
    assert answered()["ai_disclosed"] is True


def test_who_approves_may_say_it_again_or_leave_it_out(answered):
    assert answered(disclose=False)["ai_disclosed"] is False
    assert [answered(disclose=True)["ai_disclosed"] for _ in range(2)] == [True, True]


def test_what_the_creator_has_no_words_for_cannot_be_said(scene):
    scene.activate()
    _, draft = scene.drafted()
    refused = scene.ask("POST", f"/drafts/{draft['id']}/approve", {"disclose": True})
    assert (refused.status, refused.body["fields"]) == (422, {"disclose": "no words for it"})
    assert scene.drafts()[0]["state"] == "pending"
    assert scene.ask("POST", f"/drafts/{draft['id']}/approve", {}).status == 200


def test_a_person_who_writes_it_needs_no_second_one(scene):
    scene.activate()
    scene.configure()
    _, draft = scene.drafted()
    text = f"Home. {DISCLOSURE}"
    scene.ask("POST", f"/drafts/{draft['id']}/edit", {"text": text})
    (send,) = scene.sends()
    assert (send["text"], send["ai_disclosed"]) == (text, True)
