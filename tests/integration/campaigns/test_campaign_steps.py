"""The steps of the state machine, on real Postgres."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import boto3
import pytest
from moto import mock_aws

from functions.campaigns import gateway
from functions.campaigns.repository import PostgresCampaigns
from functions.campaigns.sweep import handler as sweep
from functions.campaigns.tasks import handler as tasks
from functions.campaigns.tasks import steps
from functions.campaigns.tasks.steps import CampaignOvertaken, CampaignRefused
from huntaze import clients
from huntaze.db import Connection
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import BRIEF, Desk

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:campaign"
# As the machine walks; the waits are between them.
COURSE = (
    *("prepare", "check_compliance", "dry_run", "await_approval", "freeze", "release"),
    *("await_delivery", "announce", "summarise"),
)


@pytest.fixture
def step(desk: Desk, lambda_context: object) -> Callable[..., dict[str, Any]]:
    """Run one step as the machine calls it."""

    def run(name: str, campaign_id: UUID, **payload: object) -> dict[str, Any]:
        event = {
            "step": name,
            "workspace_id": str(desk.workspace_id),
            "campaign_id": str(campaign_id),
            "launch": 1,
            **payload,
        }
        return tasks.handler(event, lambda_context)  # type: ignore[arg-type]

    return run


@pytest.fixture
def status(desk: Desk) -> Callable[[UUID], str]:
    return lambda campaign_id: str(desk.row(campaign_id, "campaigns")["status"])


def test_a_campaign_walks_its_course(
    desk: Desk,
    campaign: Callable[..., UUID],
    step: Callable[..., dict[str, Any]],
    status: Callable[[UUID], str],
    aws: Mock,
    lambda_context: object,
) -> None:
    def released() -> list[str]:
        return [one.kwargs["taskToken"] for one in aws.machine.send_task_success.call_args_list]

    fans = [desk.fan(display_name="Ann") for _ in range(2)]
    campaign_id = campaign()
    for name in ("prepare", "check_compliance", "dry_run"):
        assert step(name, campaign_id) == {}
    assert status(campaign_id) == "preparing"
    assert desk.row(campaign_id, "campaigns")["dry_run"]["planned"] == 2
    step("await_approval", campaign_id, task_token="T1")
    assert status(campaign_id) == "awaiting_approval"

    store = PostgresCampaigns(desk.app)
    with desk.app.transaction():
        locked = store.get(campaign_id, lock=True)
        store.advance(locked, steps.Move.APPROVE)
        store.approve(
            locked, decision="approved", note=None, content_hash="h", decided_by=desk.user_id
        )
    sweep.handler({}, lambda_context)  # type: ignore[arg-type]
    assert "T1" in released()

    waits_until = step("freeze", campaign_id)["scheduled_at"]
    assert abs(datetime.fromisoformat(waits_until) - datetime.now(UTC)) < timedelta(minutes=1)
    rows = desk.rows("SELECT * FROM sends")
    assert {row["fan_id"] for row in rows} == set(fans)
    assert {row["state"] for row in rows} == {"planned"}
    (approval,) = desk.rows("SELECT id FROM campaign_approvals")
    assert {row["approval_id"] for row in rows} == {approval["id"]}
    # Nothing is taken before the release.
    claim = desk.claim()
    assert desk.next_due(claim) is None
    step("release", campaign_id)
    assert status(campaign_id) == "sending"
    assert aws.queue.send_message_batch.called
    step("await_delivery", campaign_id, task_token="T2")
    sweep.handler({}, lambda_context)  # type: ignore[arg-type]
    assert "T2" not in released()

    for _ in fans:
        due = desk.next_due(claim)
        assert due is not None
        desk.grant(claim, due, deadlines=BRIEF)
        desk.confirm(claim, due.id, str(due.id))
    sweep.handler({}, lambda_context)  # type: ignore[arg-type]
    assert "T2" in released()
    step("announce", campaign_id)
    assert desk.events("campaign.delivered")[0]["sent"] == 2
    step("summarise", campaign_id)
    stored = desk.row(campaign_id, "campaigns")
    assert (stored["status"], stored["finish_reason"]) == ("completed", None)
    assert stored["finished_at"] is not None
    assert (stored["approval_token"], stored["delivery_token"]) == (None, None)


def test_every_step_may_run_twice_and_does_its_work_once(
    desk: Desk, campaign: Callable[..., UUID], step: Callable[..., dict[str, Any]]
) -> None:
    desk.fan()
    campaign_id = campaign(approved=True)
    for name in COURSE:
        if name == "freeze":
            desk.set_campaign(campaign_id, status="scheduled")
        if name == "announce":
            claim = desk.claim()
            desk.grant(claim, deadlines=BRIEF)
            (row,) = desk.rows("SELECT id FROM sends")
            desk.confirm(claim, row["id"])
        first = step(name, campaign_id, task_token="T")
        if name == "freeze":
            # Who joins between the two runs was not in what the approver saw frozen.
            desk.fan()
        assert step(name, campaign_id, task_token="T").keys() == first.keys()
    assert len(desk.rows("SELECT FROM sends")) == 1
    for told in ("awaiting_approval", "planned", "sending", "delivered", "completed"):
        assert len(desk.events(f"campaign.{told}")) == 1, told


def test_a_newer_token_takes_the_place_of_one_that_was_lost(
    desk: Desk, campaign: Callable[..., UUID], step: Callable[..., dict[str, Any]]
) -> None:
    campaign_id = campaign()
    step("await_approval", campaign_id, task_token="T1")
    step("await_approval", campaign_id, task_token="T2")
    assert desk.row(campaign_id, "campaigns")["approval_token"] == "T2"


@pytest.mark.parametrize(
    ("fans", "reason"), [([], "no_fans"), ([{"consent": False}], "all_excluded")]
)
def test_an_empty_audience_completes_at_once_and_says_why(
    desk: Desk,
    campaign: Callable[..., UUID],
    step: Callable[..., dict[str, Any]],
    aws: Mock,
    lambda_context: object,
    fans: list[dict[str, object]],
    reason: str,
) -> None:
    for columns in fans:
        desk.fan(**columns)
    campaign_id = campaign("scheduled", approved=True)
    step("freeze", campaign_id)
    step("release", campaign_id)
    step("await_delivery", campaign_id, task_token="T")
    sweep.handler({}, lambda_context)  # type: ignore[arg-type]
    assert aws.machine.send_task_success.called
    step("announce", campaign_id)
    step("summarise", campaign_id)
    stored = desk.row(campaign_id, "campaigns")
    assert (stored["status"], stored["finish_reason"]) == ("completed", reason)
    assert desk.events("campaign.completed")[0]["reason"] == reason


@pytest.mark.parametrize("name", COURSE)
def test_an_execution_of_an_earlier_launch_is_overtaken(
    desk: Desk, campaign: Callable[..., UUID], step: Callable[..., dict[str, Any]], name: str
) -> None:
    campaign_id = campaign(approved=True)
    desk.set_campaign(campaign_id, launch=2)
    with pytest.raises(CampaignOvertaken):
        step(name, campaign_id, task_token="T")
    # And its failure says nothing of the campaign as it is now.
    assert step("fail", campaign_id, failed_step=name, error={"Error": "x"}) == {}
    assert desk.row(campaign_id, "campaigns")["failure"] is None


@pytest.mark.parametrize("name", COURSE)
@pytest.mark.parametrize("over", ["draft", "cancelled", "failed"])
def test_a_person_who_was_faster_has_the_last_word(
    desk: Desk,
    campaign: Callable[..., UUID],
    step: Callable[..., dict[str, Any]],
    name: str,
    over: str,
) -> None:
    desk.fan()
    campaign_id = campaign(over, approved=True)
    with pytest.raises(CampaignOvertaken):
        step(name, campaign_id, task_token="T")
    assert step("fail", campaign_id, failed_step=name, error={"Error": "x"}) == {}
    stored = desk.row(campaign_id, "campaigns")
    assert (stored["status"], stored["failure"]) == (over, None)
    assert desk.rows("SELECT FROM sends") == []


@pytest.mark.parametrize("status", ["awaiting_approval", "scheduled", "sending", "paused"])
def test_a_launch_is_taken_up_wherever_a_restored_campaign_stands(
    desk: Desk,
    campaign: Callable[..., UUID],
    step: Callable[..., dict[str, Any]],
    aws: Mock,
    lambda_context: object,
    status: str,
) -> None:
    campaign_id = campaign(status, approved=status != "awaiting_approval")
    desk.set_campaign(campaign_id, execution_arn="arn:taken-up")
    for name in ("prepare", "check_compliance", "dry_run"):
        assert step(name, campaign_id) == {}
    step("await_approval", campaign_id, task_token="T")
    sweep.handler({}, lambda_context)  # type: ignore[arg-type]
    released = [call.kwargs["taskToken"] for call in aws.machine.send_task_success.mock_calls]
    assert ("T" in released) == (status != "awaiting_approval")
    if status == "awaiting_approval":
        return
    assert "scheduled_at" in step("freeze", campaign_id)
    step("release", campaign_id)
    step("await_delivery", campaign_id, task_token="D")
    paused = status == "paused"
    assert desk.row(campaign_id, "campaigns")["status"] == ("paused" if paused else "sending")


def test_what_cannot_go_on_is_refused_without_another_try(
    desk: Desk, campaign: Callable[..., UUID], step: Callable[..., dict[str, Any]]
) -> None:
    forbidden = campaign(variants=json.dumps([{"label": "A", "message": "find me on telegram"}]))
    with pytest.raises(CampaignRefused, match="telegram"):
        step("check_compliance", forbidden)
    unfillable = campaign(variants=json.dumps([{"label": "A", "message": "Hi {name|x}"}]))
    with pytest.raises(CampaignRefused, match="placeholder"):
        step("prepare", unfillable)
    with pytest.raises(CampaignRefused, match="not approved"):
        step("freeze", campaign("scheduled"))
    with pytest.raises(CampaignRefused, match="no such campaign"):
        step("prepare", new_id())
    assert desk.rows("SELECT FROM sends") == []


def test_a_failure_names_its_step_and_cancels_what_has_not_gone_out(
    desk: Desk, campaign: Callable[..., UUID], step: Callable[..., dict[str, Any]]
) -> None:
    campaign_id = campaign("sending", delivery_token="T")
    for _ in range(2):
        desk.send(campaign_id=campaign_id)
    desk.grant(desk.claim())
    error = {"Error": "Lambda.Timeout", "Cause": "x" * 5000}
    step("fail", campaign_id, failed_step="await_delivery", error=error)
    stored = desk.row(campaign_id, "campaigns")
    assert (stored["status"], stored["delivery_token"]) == ("failed", None)
    assert stored["failure"]["step"] == "await_delivery"
    assert stored["failure"]["reason"].startswith("Lambda.Timeout: xxx")
    assert len(stored["failure"]["reason"]) == 1000
    states = sorted(row["state"] for row in desk.rows("SELECT state FROM sends"))
    assert states == ["cancelled", "submitting"]
    assert desk.events("campaign.failed")[0]["step"] == "await_delivery"


def test_two_runs_of_a_step_at_once_take_turns(
    desk: Desk, campaign: Callable[..., UUID], as_role: Callable[[str], Connection]
) -> None:
    for _ in range(20):
        desk.fan()
    campaign_id = campaign("scheduled", approved=True)
    request = steps.StepRequest(
        step="freeze", workspace_id=desk.workspace_id, campaign_id=campaign_id, launch=1
    )
    stores = [
        PostgresCampaigns(
            Desk(
                as_role,
                workspace_id=desk.workspace_id,
                creator_id=desk.creator_id,
                user_id=desk.user_id,
            ).app
        )
        for _ in range(4)
    ]
    threads = [threading.Thread(target=steps.run, args=(request, store)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.rows("SELECT FROM sends")) == 20
    assert len(desk.events("campaign.planned")) == 1


@pytest.fixture
def segment(desk: Desk) -> tuple[UUID, Callable[[dict[str, Any]], None]]:
    """A segment of everybody, and what gives it other rules."""
    with desk.app.transaction() as connection:
        ((segment_id,),) = connection.execute(
            "INSERT INTO segments (workspace_id, creator_id, name, rules)"
            " VALUES (%s, %s, 'All', '{\"kind\": \"everyone\"}') RETURNING id",
            (desk.workspace_id, desk.creator_id),
        ).fetchall()

    def change(rules: dict[str, Any]) -> None:
        with desk.app.transaction() as connection:
            connection.execute("UPDATE segments SET rules = %s", (json.dumps(rules),))

    return segment_id, change


@pytest.mark.parametrize("named", ["segment", "variant"])
def test_nobody_approves_other_fans_than_they_were_shown(
    desk: Desk,
    draft: Callable[..., dict[str, Any]],
    call: Callable[..., Answer],
    step: Callable[..., dict[str, Any]],
    segment: tuple[UUID, Callable[[dict[str, Any]], None]],
    named: str,
) -> None:
    segment_id, change = segment
    text = {"label": "A", "message": "Hi", "segment_id": str(segment_id)}
    means: dict[str, dict[str, Any]] = {
        "segment": {"segment_id": str(segment_id)},
        "variant": {"message": None, "variants": [text]},
    }
    path = f"/{draft(**means[named])['id']}"
    campaign_id = UUID(path[1:])

    def launch(number: int) -> None:
        assert call("POST", f"{path}/launch").status == 202
        for name in ("prepare", "check_compliance", "dry_run", "await_approval"):
            step(name, campaign_id, task_token="T", launch=number)

    launch(1)
    change({"kind": "flag", "field": "rebill_on", "value": True})
    refused = call("POST", f"{path}/approve", {})
    assert (refused.status, refused.body["error"]) == (409, "AudienceChanged")
    assert call("GET", path).body["status"] == "awaiting_approval"
    assert desk.rows("SELECT FROM campaign_approvals") == []
    assert call("POST", f"{path}/reject", {}).status == 200
    launch(2)
    assert call("POST", f"{path}/approve", {}).status == 200
    # Between the approval and the plan there is a moment.
    change({"kind": "everyone"})
    with pytest.raises(CampaignRefused, match="rules of its segment have changed"):
        step("freeze", campaign_id, launch=2)
    assert desk.rows("SELECT FROM sends") == []


@pytest.fixture
def machine(
    aws: Mock,  # noqa: ARG001  (whose recorder this replaces)
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """A real client against moto's Step Functions; yields the machine's ARN."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("stepfunctions", region_name="us-east-1")
        monkeypatch.setattr(clients, "step_functions", lambda: client)
        made = client.create_state_machine(
            name="campaign",
            definition=json.dumps(
                {"StartAt": "w", "States": {"w": {"Type": "Wait", "Seconds": 900, "End": True}}}
            ),
            roleArn="arn:aws:iam::123456789012:role/machine",
        )
        yield made["stateMachineArn"]


def test_the_machine_is_started_once_and_stopped_any_number_of_times(
    machine: str, desk: Desk, campaign: Callable[..., UUID]
) -> None:
    stored = PostgresCampaigns(desk.app).get(campaign())
    arn = gateway.start_execution(stored, machine)
    assert gateway.start_execution(stored, machine) == arn
    assert arn.endswith(f":campaign:{stored.id}-1")
    gateway.stop_execution(arn, "changed")
    gateway.stop_execution(arn, "changed")
    gateway.stop_execution(None, "never began")
    gateway.stop_execution(arn.replace(str(stored.id), str(new_id())), "never began")
