"""A workflow from its order to a campaign that awaits its approval, however many the fans are."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest

from functions.campaigns.hybrid.models import Step
from functions.campaigns.hybrid.running import CampaignNotReady
from huntaze.db import Connection
from huntaze.domain import media as library
from huntaze.domain.media import MediaInUseError
from huntaze.domain.workflows.runs import RunRefused
from tests.fakes.creator_desk import Desk
from tests.fakes.hybrid_steps import ASKING, BEFORE_HANDOVER, task_of
from tests.fakes.speaking_writer import COST, SpeakingWriter


def test_a_workflow_ends_in_a_campaign_that_awaits_its_approval(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    prepare: Callable[[str], None],
    writer: SpeakingWriter,
    aws: Mock,
) -> None:
    desk.fan()
    media = [desk.medium()]
    began = start(price_cents=1500, media_ids=[str(media[0])], holdout_percent=10)
    assert began["forecast"]["model_calls"] == len(ASKING)
    started = aws.machine.start_execution.call_args.kwargs
    assert started["name"] == f"{began['workflow_id']}-1"
    step(began, *BEFORE_HANDOVER)
    with pytest.raises(CampaignNotReady):
        step(began, Step.HANDOVER)
    found = status(began["workflow_id"])
    assert found["status"] == "running"
    campaign_id = found["campaign_id"]
    assert aws.machine.start_execution.call_args.kwargs["name"] == f"{campaign_id}-1"
    prepare(campaign_id)
    step(began, Step.HANDOVER)

    ended = status(began["workflow_id"])
    assert (ended["status"], ended["campaign_status"]) == ("completed", "awaiting_approval")
    assert [one["status"] for one in ended["steps"]] == ["done"] * len(Step)
    assert ended["ai_cost_nano_usd"] == COST * len(ASKING)
    campaign = desk.row(UUID(campaign_id), "campaigns")
    # What was ordered, whatever the models have written.
    assert (campaign["price_cents"], campaign["media_ids"]) == (1500, media)
    assert (campaign["segment_id"], float(campaign["holdout_percent"])) == (None, 10)
    assert (campaign["written_by"], campaign["model"]) == ("ai", "gpt-6-luna")
    assert campaign["ai_cost_nanos"] == campaign["dry_run"]["ai_cost_nano_usd"]
    assert campaign["dry_run"]["ai_cost_nano_usd"] == COST * len(ASKING)
    passed = ended["steps"][7]["result"]["passed"]
    assert [one["message"] for one in campaign["variants"]] == passed
    # One thread through all of it.
    assert str(campaign["correlation_id"]) == ended["correlation_id"]
    assert {str(request.workspace_id) for request, _ in writer.asked} == {str(desk.workspace_id)}
    # What it costs is booked on the campaign from the first question on.
    assert campaign_id == began["workflow_id"]
    assert {str(request.campaign_id) for request, _ in writer.asked} == {campaign_id}
    assert all(request.prompt_version for request, _ in writer.asked)


@pytest.mark.parametrize("fans", [10, 1_000, 10_000])
def test_models_are_asked_as_often_for_ten_thousand_fans_as_for_ten(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    prepare: Callable[[str], None],
    writer: SpeakingWriter,
    fans: int,
) -> None:
    with desk.app.transaction() as connection:
        connection.execute(
            "INSERT INTO fans (workspace_id, creator_id, platform_id, platform_key, handle, status,"
            " display_name, last_seen_at)"
            " SELECT %s, %s, 'p' || n, decode(md5(n::text), 'hex'), 'fan' || n, 'active',"
            " 'Fan' || n, clock_timestamp() - n * interval '1 minute'"
            " FROM generate_series(1, %s) n",
            (desk.workspace_id, desk.creator_id, fans),
        )
    began = start()
    step(began, *BEFORE_HANDOVER)
    campaign_id = status(began["workflow_id"])["campaign_id"]
    prepare(campaign_id)
    step(began, Step.HANDOVER)
    assert desk.row(UUID(campaign_id), "campaigns")["dry_run"]["planned"] == fans
    assert writer.tasks == [task_of(one) for one in ASKING]


def test_a_campaign_is_scheduled_when_its_own_fans_are_about(
    desk: Desk, start: Callable[..., dict[str, Any]], step: Callable[..., None]
) -> None:
    # Nine in the evening in Tokyo is noon in UTC.
    yesterday = datetime.now(UTC) - timedelta(days=1)
    noon = yesterday.replace(hour=12, minute=30, second=0, microsecond=0)
    for _ in range(3):
        desk.fan(time_zone="Asia/Tokyo", last_seen_at=noon)
    desk.fan(time_zone="Asia/Tokyo", last_seen_at=noon.replace(hour=3))
    began = start()
    step(began, *BEFORE_HANDOVER)
    (campaign,) = desk.rows("SELECT scheduled_at FROM campaigns")
    assert campaign["scheduled_at"].astimezone(UTC).hour == 12
    assert campaign["scheduled_at"] > datetime.now(UTC)


def test_content_stays_while_a_campaign_with_it_is_written(
    desk: Desk, start: Callable[..., dict[str, Any]]
) -> None:
    medium = desk.medium()
    start(price_cents=1500, media_ids=[str(medium)])
    with desk.app.transaction() as connection, pytest.raises(MediaInUseError, match="written"):
        library.delete_media(connection, medium)
    with desk.app.transaction() as connection:
        connection.execute(
            "UPDATE workflows SET status = 'completed', finished_at = clock_timestamp()"
        )
        library.delete_media(connection, medium)


def test_a_time_that_has_gone_by_while_it_was_written_is_not_dropped(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    as_role: Callable[[str], Connection],
) -> None:
    desk.fan()
    began = start(scheduled_at=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    late = datetime.now(UTC) - timedelta(days=1)
    as_role("master").execute(
        "UPDATE workflows SET request = jsonb_set(request, '{scheduled_at}', to_jsonb(%s::text))",
        (late.isoformat(),),
    )
    with pytest.raises(RunRefused, match="SendTimePassed"):
        step(began, *BEFORE_HANDOVER)
    assert desk.rows("SELECT FROM campaigns") == []
    (workflow,) = desk.rows("SELECT status, halt FROM workflows")
    assert (workflow["status"], workflow["halt"]["resumable"]) == ("failed", False)
