"""A message to many voids what was to answer a fan, who still waits: it is written anew."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from huntaze.db import SingleConnection, Tenant

RULE = {
    "name": "r",
    "text": "See above!",
    "enabled": True,
    "condition": {"kind": "keyword", "words": ["menu"]},
}


@pytest.fixture
def campaign(scene):
    """Send a fan the message of a campaign; answers the platform's id of it."""

    def send(fan_id: UUID) -> str:
        desk = scene.desk
        now = datetime.now(UTC)
        # Planned after what waits, it goes before it.
        send_id = desk.send(
            fan_id,
            campaign_id=desk.campaign(),
            text="New set tonight!",
            granted_at=now,
            submit_until=now,
            readable_at=now + timedelta(seconds=1),
        )
        claim = desk.claim(lease=timedelta(microseconds=1))
        desk.set_send(send_id, state="submitting", fencing_token=claim.fencing_token)
        assert desk.confirm(claim, send_id, f"m-{send_id}")
        (line,) = desk.rows("SELECT automatic FROM messages WHERE send_id = %s", send_id)
        assert line["automatic"]
        return f"m-{send_id}"

    return send


@pytest.fixture
def waits(scene):
    """A fan who wrote, with what the bus says of it."""

    def write(text: str = "Long day, finally home") -> tuple[UUID, dict]:
        fan_id, platform_id = scene.fan()
        return fan_id, scene.wrote(platform_id, text)

    return write


def settled(scene, send_id: UUID) -> dict:
    """What the bus says of a planned answer that was left out."""
    (told,) = scene.desk.rows(
        "SELECT payload FROM events_outbox WHERE event_type = 'message.settled'"
        " AND aggregate_id = %s",
        send_id,
    )
    return scene.event("message.settled", ("send", send_id), **told["payload"])


def last_line(scene) -> dict:
    """The newest message."""
    (line,) = scene.desk.rows("SELECT * FROM messages ORDER BY sent_at DESC, id DESC LIMIT 1")
    return line


def waiting(scene) -> list[dict]:
    """What the workspace's sweep would take; the sweep itself counts others' as well."""
    return scene.desk.rows("SELECT message_id FROM reply_tasks WHERE state = 'waiting'")


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_a_draft_that_a_campaign_voids_is_written_anew(scene, campaign, waits, decision):
    scene.activate()
    fan_id, event = waits()
    scene.hear(event)
    campaign(fan_id)
    (draft,) = scene.drafts()
    assert scene.ask("POST", f"/drafts/{draft['id']}/{decision}", {}).status == 409
    assert len(waiting(scene)) == 1
    scene.sweep()
    (anew,) = scene.drafts(state="pending")
    assert anew["based_on"] == str(last_line(scene)["id"])
    assert scene.ask("POST", f"/drafts/{anew['id']}/approve", {}).status == 200
    assert waiting(scene) == []


@pytest.mark.parametrize("asked", [False, True], ids=["unsure", "asked for, chatbot off"])
@pytest.mark.parametrize("again", [False, True])
def test_a_draft_that_nothing_would_take_the_place_of_stands(scene, campaign, waits, asked, again):
    if not asked:
        scene.activate()
        scene.writer.drafts[0]["confidence"] = 10
    fan_id, event = waits()
    scene.hear(event)
    if asked:
        path = f"/conversations/{event['detail']['aggregate_id']}/draft"
        assert scene.ask("POST", path).status == 201
    newest = campaign(fan_id)
    if again:
        scene.hear(event)
    (draft,) = scene.drafts()
    assert scene.ask("POST", f"/drafts/{draft['id']}/approve", {}).status == 200
    assert scene.sends()[-1]["expected_message_id"] == newest
    assert waiting(scene) == []


def test_what_a_campaign_voids_after_a_day_is_written_all_the_same(scene, campaign, waits, as_role):
    scene.activate()
    fan_id, event = waits()
    scene.hear(event)
    campaign(fan_id)
    tenant = Tenant(SingleConnection(lambda: as_role("master")), scene.desk.workspace_id)
    with tenant.transaction() as connection:
        connection.execute("UPDATE messages SET created_at = created_at - interval '30 hours'")
    (draft,) = scene.drafts()
    assert scene.ask("POST", f"/drafts/{draft['id']}/approve", {}).status == 409
    scene.sweep()
    assert len(scene.drafts(state="pending")) == 1
    assert scene.desk.events("chatbot.gave_up") == []


def test_work_that_a_campaign_voids_begins_anew(scene, campaign, waits):
    scene.activate()
    fan_id, event = waits()
    sent = []
    scene.writer.meanwhile = lambda: sent or sent.append(campaign(fan_id))
    scene.hear(event)
    assert scene.drafts() == []
    assert len(waiting(scene)) == 1
    scene.sweep()
    (draft,) = scene.drafts()
    assert draft["based_on"] == str(last_line(scene)["id"])


def test_what_is_told_again_after_a_campaign_is_written_anew(scene, campaign, waits):
    scene.activate()
    fan_id, event = waits()
    scene.hear(event)
    campaign(fan_id)
    scene.hear(event)
    scene.hear(event)
    assert [draft["state"] for draft in scene.drafts()] == ["pending", "discarded"]


@pytest.mark.parametrize("by_rule", [False, True])
def test_a_planned_answer_that_a_campaign_voids_is_written_anew(scene, campaign, waits, by_rule):
    scene.activate()
    if by_rule:
        assert scene.ask("POST", "/auto-reply", RULE).status == 201
    fan_id, event = waits("The menu?")
    scene.hear(event)
    for draft in scene.drafts():
        assert scene.ask("POST", f"/drafts/{draft['id']}/approve", {}).status == 200
    (planned,) = scene.sends()
    newest = campaign(fan_id)
    refused = scene.desk.grant(scene.desk.claim(), baseline=newest)
    assert refused.detail == "moved_on"
    told = settled(scene, planned["id"])
    scene.hear(told, told)
    if by_rule:
        anew = scene.sends()[-1]
        assert (anew["state"], anew["expected_message_id"]) == ("planned", newest)
    else:
        (draft,) = scene.drafts(state="pending")
        assert draft["based_on"] == str(last_line(scene)["id"])
    # Once: told again, there is nothing that has been overtaken.
    assert len(scene.sends()) + len(scene.drafts(state="pending")) == 3
    assert waiting(scene) == []


def test_what_is_told_again_writes_nothing_that_was_rejected(scene, campaign, waits):
    scene.activate()
    fan_id, event = waits()
    scene.hear(event)
    assert scene.ask("POST", f"/drafts/{scene.drafts()[0]['id']}/approve", {}).status == 200
    (planned,) = scene.sends()
    newest = campaign(fan_id)
    scene.desk.grant(scene.desk.claim(), baseline=newest)
    told = settled(scene, planned["id"])
    scene.hear(told)
    (anew,) = scene.drafts(state="pending")
    assert scene.ask("POST", f"/drafts/{anew['id']}/reject", {}).status == 200
    scene.hear(told)
    assert (scene.drafts(state="pending"), waiting(scene)) == ([], [])


def test_what_only_the_page_shows_is_waited_for(scene, waits):
    """A sync brings it, and is told of; till then the same answer would be overtaken again."""
    scene.activate()
    _, event = waits()
    scene.hear(event)
    (draft,) = scene.drafts()
    assert scene.ask("POST", f"/drafts/{draft['id']}/approve", {}).status == 200
    scene.desk.grant(scene.desk.claim(), baseline="something newer")
    scene.hear(settled(scene, scene.sends()[0]["id"]))
    assert (scene.drafts(state="pending"), waiting(scene)) == ([], [])


def test_whom_a_person_has_answered_waits_no_more(scene, campaign):
    scene.activate()
    fan_id, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "Hello"))
    scene.wrote(platform_id, "I am here", own=True)
    campaign(fan_id)
    (draft,) = scene.drafts()
    assert scene.ask("POST", f"/drafts/{draft['id']}/approve", {}).status == 409
    assert waiting(scene) == []
