"""A campaign is launched, approved and delivered; the chatbot takes what fans answer to it."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import pytest

from functions.campaigns.api import handler as campaigns_door
from functions.campaigns.sweep import handler as sweep
from functions.campaigns.tasks import handler as tasks
from functions.chatbot.api import handler as door
from functions.chatbot.replies import handler as replies

BASE = "/api/marketing/campaigns"


class Delivered(NamedTuple):
    """A campaign that went out."""

    id: UUID
    fans: list[tuple[UUID, str]]


@pytest.fixture
def campaign(scene, record_aws, ask_door, lambda_context):
    """Send a campaign to two fans; ``beforehand`` is told its id before it goes out."""
    record_aws(door, replies, campaigns_door, tasks, sweep)
    desk = scene.desk

    def ask(method, path="", body=None):
        answer = ask_door(campaigns_door, desk, method, BASE + path, body)
        assert answer.status < 300, answer.body
        return answer.body

    def step(name, campaign_id, **payload):
        event = {"step": name, "workspace_id": str(desk.workspace_id), "launch": 1}
        tasks.handler({**event, "campaign_id": campaign_id, **payload}, lambda_context)

    def deliver(beforehand=lambda _: None) -> Delivered:
        fans = [scene.fan() for _ in range(2)]
        campaign_id = ask("POST", body={"name": "Spring", "message": "New set tonight!"})["id"]
        beforehand(campaign_id)
        ask("POST", f"/{campaign_id}/launch")
        for name in ("prepare", "check_compliance", "dry_run", "await_approval"):
            step(name, campaign_id, task_token="T")
        ask("POST", f"/{campaign_id}/approve", {"version": 1})
        for name in ("freeze", "release", "await_delivery"):
            step(name, campaign_id, task_token="T")
        claim = desk.claim()
        for _ in fans:
            due = desk.next_due(claim)
            desk.grant(claim, due)
            desk.confirm(claim, due.id, f"m-{due.id}")
        for name in ("announce", "summarise"):
            step(name, campaign_id)
        scene.pass_time(timedelta(hours=1))
        return Delivered(UUID(campaign_id), fans)

    return deliver


def test_who_answers_a_campaign_is_answered_as_it_is_set(scene, campaign):
    sent = campaign(lambda campaign_id: scene.activate(campaign_id=campaign_id))
    (fan_id, answers), _ = sent.fans
    _, stranger = scene.fan()
    scene.hear(scene.wrote(answers, "Show me more of it"), scene.wrote(stranger, "Hello"))
    (draft,) = scene.drafts()
    assert draft["fan_id"] == str(fan_id)
    # The model was shown what the fan answers.
    prompts = [prompt.suffix for _, prompt in scene.writer.asked]
    assert "New set tonight!" in prompts[0]
    approved = scene.ask("POST", f"/drafts/{draft['id']}/approve", {}, role="chatter")
    assert approved.body["send_state"] == "planned"
    claim = scene.desk.claim()
    send = scene.desk.row(UUID(approved.body["send_id"]))
    assert (send["campaign_id"], send["priority"]) == (None, 1)
    scene.desk.grant(claim, baseline=send["expected_message_id"])
    scene.desk.confirm(claim, send["id"], "m-reply")
    # The conversation goes on.
    scene.pass_time(timedelta(minutes=1))
    scene.hear(scene.wrote(answers, "Lovely"))
    assert len(scene.drafts(state="pending")) == 1


def test_a_campaign_that_is_not_set_is_answered_by_nobody(scene, campaign):
    sent = campaign()
    scene.hear(scene.wrote(sent.fans[0][1], "Show me more of it"))
    assert scene.writer.asked == []
    # Setting it afterwards is soon enough for who has not answered yet.
    scene.activate(campaign_id=str(sent.id))
    scene.hear(scene.wrote(sent.fans[1][1], "Show me, too"))
    assert [draft["fan_id"] for draft in scene.drafts()] == [str(sent.fans[1][0])]
    state = scene.ask("GET", "/state").body
    assert (state["active_since"], state["campaigns"]) == (None, [str(sent.id)])


def test_a_campaign_of_last_week_is_answered_no_more(scene, campaign):
    sent = campaign(lambda campaign_id: scene.activate(campaign_id=campaign_id))
    long_ago = datetime.now(UTC) - timedelta(days=8)
    (row,) = scene.desk.rows("SELECT id FROM sends WHERE fan_id = %s", sent.fans[0][0])
    scene.desk.set_send(row["id"], granted_at=long_ago, submit_until=long_ago)
    scene.hear(scene.wrote(sent.fans[0][1], "What was that?"))
    assert scene.drafts() == []


def test_leaving_a_campaign_leaves_its_fans(scene, campaign):
    sent = campaign(lambda campaign_id: scene.activate(campaign_id=campaign_id))
    off = scene.ask("POST", "/deactivate", {"campaign_id": str(sent.id)})
    assert off.body["campaigns"] == []
    scene.hear(scene.wrote(sent.fans[0][1], "Show me more of it"))
    assert scene.drafts() == []


def test_by_itself_goes_what_the_owner_lets_go_to_who_answered(scene, campaign):
    scene.configure(auto_send=True)
    sent = campaign(lambda campaign_id: scene.activate(campaign_id=campaign_id))
    scene.hear(scene.wrote(sent.fans[0][1], "Show me more of it"))
    planned = "SELECT by_itself FROM sends WHERE state = 'planned' AND campaign_id IS NULL"
    assert scene.desk.rows(planned) == [{"by_itself": True}]
    scene.ask("POST", "/deactivate", {"campaign_id": str(sent.id)})
    assert scene.desk.rows(planned) == []
