"""A campaign that an automation launches: once, whatever is lost and whoever dies on the way."""

from types import SimpleNamespace
from unittest.mock import Mock
from uuid import UUID

import pytest

from functions.automations.api import handler as door
from functions.automations.sweep import handler as automations
from functions.campaigns import gateway, service
from functions.campaigns.sweep import handler as campaigns
from huntaze.ids import new_id
from tests.fakes.automation_scene import TAGGED, AutomationScene, Killed

STATE = "SELECT status, launch, execution_arn IS NOT NULL FROM campaigns"
NEVER, LAUNCHED = ("draft", 0, False), ("preparing", 1, True)


@pytest.fixture
def aws(record_aws) -> Mock:
    return record_aws(door, automations, campaigns)


@pytest.fixture
def scene(aws, open_desk, ask_door) -> AutomationScene:  # noqa: ARG001
    return AutomationScene(open_desk(), ask_door)


@pytest.fixture
def campaign(scene) -> UUID:
    """A draft that is to be launched: a fan has come to the step."""
    made = scene.desk.campaign("draft")
    step = {"id": "s", "kind": "start_campaign", "campaign_id": str(made)}
    automation = scene.make(TAGGED, step, repeat={"kind": "each_time"})
    for _ in range(2):
        scene.tag(scene.desk.fan())
    scene.sweep()
    assert sorted(scene.taken(automation)) == [[("s", "done")], [("s", "nothing")]]
    assert len(scene.desk.events("automation.campaign_due")) == 1
    return made


def sweep(event: dict[str, str] | None = None) -> None:
    """Run the sweep of campaigns, by its schedule or by an event."""
    context = SimpleNamespace(aws_request_id=str(new_id()))
    campaigns.handler(event or {}, context)  # type: ignore[arg-type]


def started(aws: Mock, campaign: UUID) -> int:
    """How many executions of the campaign were started; a sweep may find other tests' ones."""
    return sum(str(campaign) in str(call) for call in aws.machine.start_execution.call_args_list)


@pytest.mark.parametrize("event", [None, {"detail-type": "automation.campaign_due"}])
def test_it_is_launched_once_with_its_event_or_without(scene, campaign, aws, event):
    for _ in range(2):
        sweep(event)
    assert scene.sql(STATE) == [LAUNCHED]
    assert started(aws, campaign) == 1


def test_who_dies_while_launching_leaves_it_to_the_next(scene, campaign, aws, monkeypatch):
    launch = service.launch

    def die(*facts, **more):
        launch(*facts, **more)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(service, "launch", die)
        with pytest.raises(Killed):
            sweep()
    assert scene.sql(STATE) == [NEVER]
    sweep()
    assert scene.sql(STATE) == [LAUNCHED]
    assert started(aws, campaign) == 1


def test_who_dies_before_the_execution_leaves_it_to_the_next(scene, campaign, aws, monkeypatch):
    def die(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(gateway, "start_execution", die)
        with pytest.raises(Killed):
            sweep()
    assert scene.sql(STATE) == [("preparing", 1, False)]
    earlier = "UPDATE campaigns SET launched_at = launched_at - interval '1 minute' WHERE id = %s"
    scene.sql(earlier, campaign)
    sweep()
    sweep()
    assert scene.sql(STATE) == [LAUNCHED]
    assert started(aws, campaign) == 1


def test_what_cannot_be_launched_is_not_tried_again(scene, campaign, aws, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(service.plan, "objections", lambda _: ["no"])
        sweep()
    sweep()
    assert scene.sql(STATE) == [NEVER]
    assert started(aws, campaign) == 0
    # And people are told, once.
    (told,) = scene.desk.events("campaign.not_launched")
    assert told["creator_id"] == str(scene.desk.creator_id)
    assert told["refusal"] == "NotCompliant"


def test_what_a_person_launched_meanwhile_is_launched_no_second_time(scene, campaign, aws):
    arn = "arn:aws:states:us-east-1:000000000000:execution:campaign:by-hand"
    scene.desk.set_campaign(campaign, status="scheduled", launch=1, execution_arn=arn)
    sweep()
    assert scene.sql(STATE) == [("scheduled", 1, True)]
    assert scene.desk.events("campaign.not_launched") == []
    assert scene.sql("SELECT count(*) FROM campaign_launches") == [(0,)]
    assert started(aws, campaign) == 0


def test_with_the_draft_goes_the_launch(scene, campaign, aws):
    scene.sql("DELETE FROM campaigns WHERE id = %s", campaign)
    sweep()
    assert scene.desk.events("campaign.not_launched") == []
    assert started(aws, campaign) == 0
