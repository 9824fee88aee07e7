"""The campaigns API on real Postgres, AWS being recorders: drafts, launches and moves."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest
from botocore.exceptions import ClientError

from functions.campaigns.api import handler as door
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk

BASE = "/api/marketing/campaigns"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:campaign"


def test_a_draft_is_stored_and_found_again(
    call: Callable[..., Answer], draft: Callable[..., dict[str, Any]], desk: Desk, aws: Mock
) -> None:
    made = draft(holdout_percent="12.5", messages_per_minute=5)
    assert (made["status"], made["version"], made["written_by"]) == ("draft", 1, "person")
    assert made["creator_id"] == str(desk.creator_id)
    text = {"label": "A", "message": "Hi {display_name|love}", "weight": 1, "segment_id": None}
    assert made["variants"] == [text]
    assert made["holdout_percent"] == "12.50"
    assert call("GET", f"/{made['id']}").body == made
    assert call("GET").body["items"] == [made]
    assert aws.relay.invoke.called
    # Tokens, execution and workspace are the machinery's own.
    assert not {"approval_token", "delivery_token", "execution_arn", "workspace_id"} & made.keys()


def test_the_older_path_leads_to_the_same_campaigns(
    draft: Callable[..., dict[str, Any]],
    desk: Desk,
    api_event: Callable[..., dict[str, Any]],
    principal: Callable[..., dict[str, str]],
    lambda_context: object,
) -> None:
    made = draft()
    who = principal(desk.workspace_id)
    event = api_event("GET", f"/api/of/campaigns/{made['id']}", principal=who)
    answer = door.handler(event, lambda_context)  # type: ignore[arg-type]
    assert json.loads(answer["body"]) == made


def test_a_list_goes_on_where_its_page_ended(
    call: Callable[..., Answer], draft: Callable[..., dict[str, Any]]
) -> None:
    ids = [draft(name=f"c{n}")["id"] for n in range(5)]
    seen, cursor = [], None
    for _ in range(3):
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = call("GET", query=query).body
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ids[::-1]
    assert cursor is None
    assert call("GET", query={"status": "sending"}).body["items"] == []


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJ4Il0", "!!!"])
def test_refuses_a_cursor_that_no_list_gave(call: Callable[..., Answer], cursor: str) -> None:
    assert call("GET", query={"cursor": cursor}).status == 400


def test_templates_are_offered_and_used(
    call: Callable[..., Answer], draft: Callable[..., dict[str, Any]]
) -> None:
    offered = call("GET", "/templates", query={"niche": "gaming"}).body["items"]
    assert {one["niche"] for one in offered} == {"gaming"}
    answer = call("POST", body={"name": "n", "template_id": offered[0]["id"]})
    assert answer.body["variants"][0]["message"] == offered[0]["message"]
    assert answer.body["written_by"] == "template"
    # Who rewrites the text has written it.
    changed = call("PATCH", f"/{answer.body['id']}", {"message": "my own words"}).body
    assert changed["written_by"] == "person"
    assert call("POST", body={"name": "n", "template_id": "none"}).status == 422
    assert draft(template_id=offered[0]["id"])["written_by"] == "person"


@pytest.mark.parametrize(
    "body",
    [
        {"name": "n"},
        {"name": "n", "message": "Hi {name}"},
        {"name": "n", "message": "Hi {display_name}"},
        {"name": "n", "message": "hi\x00"},
        {"name": "n\x00", "message": "hi"},
        {"name": "n", "message": "hi", "segment_id": str(new_id())},
        {"name": "n", "message": "hi", "media_ids": [str(new_id())]},
        {"name": "n", "message": "hi", "scheduled_at": "2020-01-01T00:00:00Z"},
        {"name": "n", "message": "hi", "scheduled_at": "9999-12-31T23:59:59-14:00"},
        {"name": "n", "message": "hi", "surprise": 1},
    ],
)
def test_refuses_a_draft_that_could_not_be_sent(
    call: Callable[..., Answer], body: dict[str, Any]
) -> None:
    assert call("POST", body=body).status in (400, 422)
    assert call("GET").body["items"] == []


def test_a_creator_of_another_workspace_is_not_there(call: Callable[..., Answer]) -> None:
    body = {"name": "n", "message": "hi", "creator_id": str(new_id())}
    assert call("POST", body=body).status == 404


def test_launching_starts_the_state_machine_once_under_a_name_of_its_own(
    call: Callable[..., Answer], draft: Callable[..., dict[str, Any]], aws: Mock, desk: Desk
) -> None:
    made = draft()
    answer = call("POST", f"/{made['id']}/launch")
    assert (answer.status, answer.body["status"]) == (202, "preparing")
    (started,) = aws.machine.start_execution.call_args_list
    assert started.kwargs["name"] == f"{made['id']}-1"
    assert json.loads(started.kwargs["input"]) == {
        "workspace_id": str(desk.workspace_id),
        "campaign_id": made["id"],
        "launch": 1,
        "correlation_id": answer.headers["X-Correlation-Id"][0],
    }
    stored = desk.row(UUID(made["id"]), "campaigns")
    assert stored["execution_arn"] == f"{MACHINE}:{made['id']}-1"
    assert call("POST", f"/{made['id']}/launch").status == 409


def test_a_launch_that_aws_did_not_hear_of_is_left_to_the_sweeper(
    call: Callable[..., Answer], draft: Callable[..., dict[str, Any]], aws: Mock, desk: Desk
) -> None:
    aws.machine.start_execution.side_effect = ClientError(
        {"Error": {"Code": "ThrottlingException", "Message": ""}}, "StartExecution"
    )
    made = draft()
    assert call("POST", f"/{made['id']}/launch").status == 202
    assert desk.row(UUID(made["id"]), "campaigns")["execution_arn"] is None


@pytest.mark.parametrize(
    "values",
    [
        {"message": "find me on telegram"},
        {"message": "new set", "price_cents": 500},
        {"message": "new set", "price_cents": 100, "media_ids": "one"},
    ],
)
def test_a_text_that_the_rules_forbid_is_not_launched(
    call: Callable[..., Answer],
    draft: Callable[..., dict[str, Any]],
    desk: Desk,
    values: dict[str, Any],
) -> None:
    if "media_ids" in values:
        values = values | {"media_ids": [str(desk.medium())]}
    made = draft(**values)
    answer = call("POST", f"/{made['id']}/launch")
    assert (answer.status, answer.body["error"]) == (422, "NotCompliant")
    assert call("GET", f"/{made['id']}").body["status"] == "draft"


ALLOWED = {
    "launch": {"draft"},
    "approve": {"awaiting_approval"},
    "reject": {"awaiting_approval"},
    "pause": {"sending"},
    "resume": {"paused"},
    # Once more is no harm: it finishes what was broken off.
    "cancel": {
        *("draft", "preparing", "awaiting_approval", "scheduled", "sending", "paused"),
        "cancelled",
    },
}
STATUSES = sorted(ALLOWED["cancel"] | {"completed", "failed"})


@pytest.mark.parametrize("move", ALLOWED)
@pytest.mark.parametrize("status", STATUSES)
def test_a_move_is_made_where_it_is_legal_and_409_elsewhere(
    call: Callable[..., Answer], at: Callable[..., str], move: str, status: str
) -> None:
    campaign_id = at(status)
    body = {} if move in ("approve", "reject") else None
    answer = call("POST", f"/{campaign_id}/{move}", body)
    if status in ALLOWED[move]:
        assert answer.status in (200, 202)
        return
    assert (answer.status, answer.body["error"]) == (409, "IllegalMove")
    assert call("GET", f"/{campaign_id}").body["status"] == status


@pytest.mark.parametrize("status", STATUSES)
def test_only_what_does_not_send_yet_can_be_changed_or_deleted(
    call: Callable[..., Answer], at: Callable[..., str], status: str
) -> None:
    campaign_id = at(status)
    changed = call("PATCH", f"/{campaign_id}", {"name": "other"})
    open_still = status in ("draft", "preparing", "awaiting_approval", "scheduled")
    assert changed.status == (200 if open_still else 409)
    if open_still:
        assert (changed.body["status"], changed.body["version"]) == ("draft", 2)
    deleted = call("DELETE", f"/{campaign_id}")
    assert deleted.status == (204 if open_still else 409)


def test_a_change_voids_the_approval_and_stops_the_execution(
    call: Callable[..., Answer], at: Callable[..., str], aws: Mock, desk: Desk
) -> None:
    campaign_id = at("awaiting_approval", execution_arn="arn:run", approval_token="t")
    assert call("POST", f"/{campaign_id}/approve", {"version": 1}).body["approved_version"] == 1
    desk.fan()
    desk.send(campaign_id=UUID(campaign_id))
    changed = call("PATCH", f"/{campaign_id}", {"price_cents": None, "message": "new words"}).body
    assert (changed["status"], changed["approved_version"]) == ("draft", None)
    aws.machine.stop_execution.assert_called_once()
    assert aws.machine.stop_execution.call_args.kwargs["executionArn"] == "arn:run"
    # What was frozen under the old approval is gone; nothing of it may go out.
    assert desk.rows("SELECT FROM sends WHERE campaign_id = %s", UUID(campaign_id)) == []
    stored = desk.row(UUID(campaign_id), "campaigns")
    assert (stored["approval_token"], stored["execution_arn"]) == (None, None)


def test_an_approval_is_of_the_version_that_was_seen(
    call: Callable[..., Answer], at: Callable[..., str], desk: Desk
) -> None:
    campaign_id = at("awaiting_approval", version=3)
    assert call("POST", f"/{campaign_id}/approve", {"version": 2}).status == 409
    approved = call("POST", f"/{campaign_id}/approve", {"version": 3, "note": "nice"})
    assert (approved.body["status"], approved.body["approved_version"]) == ("scheduled", 3)
    (kept,) = desk.rows("SELECT * FROM campaign_approvals")
    assert (kept["version"], kept["decision"], kept["note"]) == (3, "approved", "nice")
    assert kept["decided_by"] == desk.user_id
    assert len(kept["content_hash"]) == 64
    assert desk.events("campaign.decided") == [{"decision": "approved"}]


def test_a_rejection_sends_it_back_to_its_author(
    call: Callable[..., Answer], at: Callable[..., str], aws: Mock, desk: Desk
) -> None:
    campaign_id = at("awaiting_approval", execution_arn="arn:run", approval_token="t")
    rejected = call("POST", f"/{campaign_id}/reject", {"note": "too pushy"}).body
    assert rejected["status"] == "draft"
    aws.machine.stop_execution.assert_called_once()
    # It can be launched again, as the same version, and then be approved.
    assert call("POST", f"/{campaign_id}/launch").status == 202
    desk.set_campaign(UUID(campaign_id), status="awaiting_approval")
    assert call("POST", f"/{campaign_id}/approve", {}).body["approved_version"] == 1


def test_resuming_wakes_the_lane_even_if_the_queue_is_away(
    call: Callable[..., Answer], at: Callable[..., str], aws: Mock
) -> None:
    aws.queue.send_message_batch.side_effect = ClientError(
        {"Error": {"Code": "ServiceUnavailable", "Message": ""}}, "SendMessageBatch"
    )
    assert call("POST", f"/{at('paused')}/resume").body["status"] == "sending"
    assert aws.queue.send_message_batch.called


def test_cancelling_tells_what_may_still_arrive(
    call: Callable[..., Answer], at: Callable[..., str], aws: Mock, desk: Desk
) -> None:
    campaign_id = at("sending", execution_arn="arn:run", delivery_token="t")
    for _ in range(3):
        desk.send(campaign_id=UUID(campaign_id))
    desk.grant(desk.claim())
    answer = call("POST", f"/{campaign_id}/cancel").body
    assert (answer["cancelled"], answer["may_still_arrive"]) == (2, 1)
    assert answer["campaign"]["status"] == "cancelled"
    assert answer["campaign"]["finished_at"] is not None
    aws.machine.stop_execution.assert_called_once()


def test_a_cancellation_that_was_broken_off_is_finished_by_the_next(
    call: Callable[..., Answer], at: Callable[..., str], desk: Desk
) -> None:
    campaign_id = at("cancelled", finished_at="2026-01-01")
    for _ in range(2):
        desk.send(campaign_id=UUID(campaign_id))
    for left in (2, 0):
        answer = call("POST", f"/{campaign_id}/cancel")
        assert (answer.status, answer.body["cancelled"]) == (200, left)
    assert answer.body["campaign"]["finished_at"].startswith("2026-01-01")


@pytest.mark.parametrize(
    ("move", "status"), [("launch", "draft"), ("approve", "awaiting_approval")]
)
def test_what_is_late_does_not_go_out_at_once(
    call: Callable[..., Answer], at: Callable[..., str], desk: Desk, move: str, status: str
) -> None:
    campaign_id = at(status, scheduled_at=datetime.now(UTC) - timedelta(days=3))
    refused = call("POST", f"/{campaign_id}/{move}", {} if move == "approve" else None)
    assert (refused.status, refused.body["error"]) == (422, "SendTimePassed")
    assert refused.body["fields"] == {"scheduled_at": "in the past"}
    assert call("GET", f"/{campaign_id}").body["status"] == status
    assert desk.rows("SELECT FROM campaign_approvals") == []
    if move == "approve":
        assert call("POST", f"/{campaign_id}/reject", {}).status == 200
    assert call("PATCH", f"/{campaign_id}", {"scheduled_at": None}).status == 200
    assert call("POST", f"/{campaign_id}/launch").status == 202
