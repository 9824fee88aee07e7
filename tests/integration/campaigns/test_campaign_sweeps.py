"""The sweeper, which moves on what a step or a person left where it stood, on real Postgres."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock
from uuid import UUID

import pytest
from botocore.exceptions import ClientError

from functions.campaigns import service
from functions.campaigns.sweep import handler as sweep
from tests.fakes.creator_desk import Desk


def test_a_sweep_starts_what_was_launched_and_never_begun(
    desk: Desk, campaign: Callable[..., UUID], aws: Mock, lambda_context: object
) -> None:
    fresh = campaign()
    lost = campaign()
    desk.set_campaign(lost, launched_at=datetime.now(UTC) - timedelta(minutes=1))
    sweep.handler({}, lambda_context)  # type: ignore[arg-type]
    names = [call.kwargs["name"] for call in aws.machine.start_execution.call_args_list]
    assert f"{lost}-1" in names
    assert f"{fresh}-1" not in names
    assert desk.row(lost, "campaigns")["execution_arn"].endswith(f":{lost}-1")
    assert desk.row(fresh, "campaigns")["execution_arn"] is None


def test_a_sweep_keeps_a_token_that_came_while_it_released_an_older_one(
    desk: Desk, campaign: Callable[..., UUID], aws: Mock, lambda_context: object
) -> None:
    campaign_id = campaign("sending", delivery_token="T1")

    def retried_meanwhile(**call: str) -> None:
        if call["taskToken"] == "T1":
            desk.set_campaign(campaign_id, delivery_token="T2")

    aws.machine.send_task_success.side_effect = retried_meanwhile
    sweep.handler({}, lambda_context)  # type: ignore[arg-type]
    assert desk.row(campaign_id, "campaigns")["delivery_token"] == "T2"
    sweep.handler({}, lambda_context)  # type: ignore[arg-type]
    assert desk.row(campaign_id, "campaigns")["delivery_token"] is None


@pytest.mark.parametrize("state", ["planned", "submitting"])
def test_a_sweep_releases_nothing_while_something_is_left(
    desk: Desk, campaign: Callable[..., UUID], lambda_context: object, state: str
) -> None:
    campaign_id = campaign("paused", delivery_token="T")
    send_id = desk.send(
        campaign_id=campaign_id,
        granted_at="now",
        submit_until="now",
        readable_at=datetime.now(UTC) + timedelta(minutes=1),
    )
    if state == "submitting":
        desk.set_send(send_id, state=state)
    sweep.handler({}, lambda_context)  # type: ignore[arg-type]
    assert desk.row(campaign_id, "campaigns")["delivery_token"] == "T"
    if state == "submitting":
        # Unknown counts as settled: a person will look at it, the campaign need not wait.
        desk.set_send(send_id, state="unknown")
        sweep.handler({}, lambda_context)  # type: ignore[arg-type]
        assert desk.row(campaign_id, "campaigns")["delivery_token"] is None


@pytest.mark.parametrize("status", ["cancelled", "failed", "completed"])
def test_a_sweep_finishes_a_cancellation_that_was_broken_off(
    desk: Desk,
    campaign: Callable[..., UUID],
    lambda_context: object,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
) -> None:
    monkeypatch.setattr(service, "CANCELLED_AT_ONCE", 2)
    campaign_id = campaign(status, finished_at="now")
    waiting = desk.send(campaign_id=campaign("paused"))
    sends = [desk.send(campaign_id=campaign_id) for _ in range(3)]
    sweep.handler({}, lambda_context)  # type: ignore[arg-type]
    closed = "planned" if status == "completed" else "cancelled"
    assert {desk.row(one)["state"] for one in sends} == {closed}
    assert desk.row(waiting)["state"] == "planned"


def test_one_campaigns_trouble_does_not_hold_the_others(
    campaign: Callable[..., UUID], aws: Mock, lambda_context: object
) -> None:
    released = []

    def release(**call: str) -> None:
        if call["taskToken"] == "T1":
            raise ClientError({"Error": {"Code": "Throttling", "Message": ""}}, "x")
        released.append(call["taskToken"])

    aws.machine.send_task_success.side_effect = release
    campaign("sending", delivery_token="T1")
    campaign("sending", delivery_token="T2")
    with pytest.raises(sweep.CampaignsNotMovedError, match="1 of"):
        sweep.handler({}, lambda_context)  # type: ignore[arg-type]
    assert "T2" in released
