"""Messages to one fan, through real events on real Postgres."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest

from functions.conversations import callers
from functions.conversations import handler as door
from huntaze.db import Connection
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import BRIEF, Desk


@pytest.fixture
def queue(record_aws: Callable[..., Mock]) -> Mock:
    recorder: Mock = record_aws(callers).queue
    return recorder


@pytest.fixture
def desk(queue: Mock, open_desk: Callable[..., Desk]) -> Desk:  # noqa: ARG001  (wired first)
    return open_desk()


@pytest.fixture
def call(desk: Desk, ask_door: Callable[..., Answer]) -> Callable[..., Answer]:
    return partial(ask_door, door, desk)


def test_a_message_is_queued_before_any_campaign(
    call: Callable[..., Answer], desk: Desk, queue: Mock
) -> None:
    desk.send(campaign_id=desk.campaign())
    fan_id, medium = desk.fan(), desk.medium()
    body = {
        "fan_id": str(fan_id),
        "message": "hello {you}",
        "price_cents": 500,
        "media_ids": [str(medium)],
    }
    answer = call("POST", "/api/of/send", body, role="chatter")
    assert answer.status == 202
    send = answer.body["send"]
    # A person's text is sent as it is written; braces mean nothing in it.
    assert (send["state"], send["text"]) == ("planned", "hello {you}")
    assert (send["price_cents"], send["media_ids"]) == (500, [str(medium)])
    row = desk.row(UUID(send["id"]))
    assert (row["priority"], row["written_by"], row["author_id"]) == (0, "person", desk.user_id)
    assert row["compliance_passed_at"] is not None
    due = desk.next_due(desk.claim())
    assert due is not None
    assert str(due.id) == send["id"]
    assert queue.send_message_batch.called
    assert call("GET", f"/api/of/send/{send['id']}", role="analyst").body == send


def test_line_breaks_are_stored_as_the_form_on_the_page_holds_them(
    call: Callable[..., Answer], desk: Desk
) -> None:
    body = {"fan_id": str(desk.fan()), "message": "a\rb\r\nc"}
    send = call("POST", "/api/of/send", body).body["send"]
    assert (send["text"], desk.row(UUID(send["id"]))["text"]) == ("a\nb\nc", "a\nb\nc")


def test_the_eta_counts_the_people_ahead(call: Callable[..., Answer], desk: Desk) -> None:
    desk.set_lane(messages_per_minute=10, min_gap_ms=3000)
    campaign_id = desk.campaign()
    for _ in range(20):
        desk.send(campaign_id=campaign_id)
    body = {"fan_id": str(desk.fan()), "message": "hi"}
    # At most one slot behind a running campaign, and one more for each person before.
    assert call("POST", "/api/of/send", body).body["eta_seconds"] == 6
    assert call("POST", "/api/of/send", body).body["eta_seconds"] == 12


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"message": ""}, 422),
        ({"message": "x" * 3001}, 422),
        ({"message": "a\x00b"}, 400),
        ({"message": "a\x1bb"}, 422),
        ({"message": "find me on telegram"}, 422),
        ({"message": "no bots, just me"}, 422),
        ({"price_cents": 500}, 422),
        ({"price_cents": 20_001}, 422),
        ({"media_ids": [str(new_id())]}, 422),
        ({"fan_id": str(new_id())}, 404),
        ({"fan_id": "x"}, 422),
        ({"creator_id": str(new_id())}, 404),
        ({"priority": 0}, 422),
    ],
)
def test_refuses_what_must_not_be_sent(
    call: Callable[..., Answer], desk: Desk, changes: dict[str, Any], status: int
) -> None:
    body = {"fan_id": str(desk.fan()), "message": "hi"} | changes
    answer = call("POST", "/api/of/send", body)
    assert answer.status in (status, 422 if status == 400 else status)
    assert desk.rows("SELECT FROM sends") == []


def test_nothing_is_offered_twice_in_one_message(call: Callable[..., Answer], desk: Desk) -> None:
    media = [str(desk.medium())] * 2
    body = {"fan_id": str(desk.fan()), "message": "hi", "price_cents": 500, "media_ids": media}
    refused = call("POST", "/api/of/send", body)
    assert (refused.status, refused.body["fields"]) == (422, {"media_ids": "listed twice"})
    assert call("POST", "/api/of/send", body | {"media_ids": media[:1]}).status == 202


def test_an_analyst_writes_to_nobody(call: Callable[..., Answer], desk: Desk) -> None:
    body = {"fan_id": str(desk.fan()), "message": "hi"}
    assert call("POST", "/api/of/send", body, role="analyst").status == 403


def test_a_chatter_of_another_creator_finds_no_fan(call: Callable[..., Answer], desk: Desk) -> None:
    body = {"fan_id": str(desk.fan()), "message": "hi", "creator_id": str(desk.creator_id)}
    scope = [new_id()]
    assert call("POST", "/api/of/send", body, role="chatter", creators=scope).status == 404
    send_id = desk.send()
    path = f"/api/of/send/{send_id}"
    assert call("GET", path, role="chatter", creators=scope).status == 404
    assert call("GET", path, role="chatter", creators=[desk.creator_id]).status == 200


def test_another_workspaces_message_is_not_there(
    call: Callable[..., Answer],
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]],
    as_role: Callable[[str], Connection],
) -> None:
    workspace_id, user_id, creator_id = tenant_factory()
    stranger = Desk(as_role, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
    fan_id = stranger.fan()
    send_id = stranger.send(fan_id)
    assert call("GET", f"/api/of/send/{send_id}").status == 404
    body = {"fan_id": str(fan_id), "message": "hi"}
    assert call("POST", "/api/of/send", body).status == 404


def test_a_campaigns_message_is_no_direct_one(call: Callable[..., Answer], desk: Desk) -> None:
    send_id = desk.send(campaign_id=desk.campaign())
    assert call("GET", f"/api/of/send/{send_id}").status == 404


def test_a_queue_that_is_away_does_not_make_the_caller_send_twice(
    call: Callable[..., Answer], desk: Desk, queue: Mock
) -> None:
    queue.send_message_batch.side_effect = RuntimeError("away")
    body = {"fan_id": str(desk.fan()), "message": "hi"}
    assert call("POST", "/api/of/send", body).status == 202
    assert len(desk.rows("SELECT FROM sends")) == 1


@pytest.fixture
def unknown(desk: Desk) -> str:
    """A reply that a model wrote, and of which nobody knows whether it arrived."""
    send_id = desk.send(
        desk.fan(),
        price_cents=700,
        text="hello you",
        written_by="ai",
        model="m",
        approval_id=new_id(),
    )
    desk.grant(desk.claim(), deadlines=BRIEF)
    desk.set_send(send_id, state="unknown")
    return str(send_id)


def test_an_unknown_message_is_sent_again_once(
    call: Callable[..., Answer], desk: Desk, queue: Mock, unknown: str
) -> None:
    path = f"/api/of/send/{unknown}/settle"
    assert call("POST", path, {"decision": "send_again"}, role="analyst").status == 403
    queue.send_message_batch.reset_mock()
    settled = call("POST", path, {"decision": "send_again"}, role="chatter").body
    assert (settled["send"]["id"], settled["send"]["state"]) == (unknown, "unknown")
    assert queue.send_message_batch.called
    again = desk.row(UUID(settled["new_send_id"]))
    assert (again["state"], again["text"], again["price_cents"]) == ("planned", "hello you", 700)
    # Who wrote it stays so; a member has it sent.
    assert (again["written_by"], again["model"]) == ("ai", "m")
    assert (again["author_id"], again["by_itself"]) == (desk.user_id, False)
    repeated = call("POST", path, {"decision": "send_again"})
    assert (repeated.status, repeated.body["detail"]) == (
        409,
        f"This message was sent again already, as {again['id']}; one that waits can be called"
        " back.",
    )
    (entry,) = desk.rows("SELECT * FROM audit_log WHERE action LIKE 'message.%%'")
    assert (entry["action"], entry["actor_id"]) == ("message.sent_again", desk.user_id)
    assert entry["target_id"] == UUID(unknown)
    assert json.loads(entry["facts"])["new_send_id"] == settled["new_send_id"]


def test_a_member_vouches_for_an_unknown_message(
    call: Callable[..., Answer], desk: Desk, unknown: str
) -> None:
    path = f"/api/of/send/{unknown}/settle"
    settled = call("POST", path, {"decision": "assume_sent"}).body
    assert (settled["send"]["state"], settled["new_send_id"]) == ("sent", None)
    assert call("POST", path, {"decision": "send_again"}).status == 409
    (entry,) = desk.rows("SELECT * FROM audit_log WHERE action LIKE 'message.%%'")
    assert entry["action"] == "message.assumed_sent"
    # Whoever has the conversation open is told.
    (told,) = desk.events("message.settled")
    assert told["state"] == "sent"


def test_a_message_that_waits_is_called_back(call: Callable[..., Answer], desk: Desk) -> None:
    send_id = str(desk.send(desk.fan()))
    path = f"/api/of/send/{send_id}"
    assert call("DELETE", path, role="analyst").status == 403
    for _ in range(2):
        assert call("DELETE", path, role="chatter").body["state"] == "cancelled"
    (entry,) = desk.rows("SELECT * FROM audit_log WHERE action LIKE 'message.%%'")
    assert (entry["action"], entry["actor_id"]) == ("message.cancelled", desk.user_id)
    (told,) = desk.events("message.settled")
    assert told["state"] == "cancelled"
    assert desk.next_due(desk.claim()) is None


def test_a_message_that_is_under_way_is_not_called_back(
    call: Callable[..., Answer], desk: Desk
) -> None:
    send_id = desk.send(desk.fan())
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    for state in ("submitting", "sent"):
        answer = call("DELETE", f"/api/of/send/{send_id}")
        assert (answer.status, answer.body["error"]) == (409, "NotWaiting")
        assert state in answer.body["detail"]
        desk.confirm(claim, send_id)
    assert call("DELETE", f"/api/of/send/{new_id()}").status == 404


def test_messages_of_campaigns_are_settled_among_their_recipients(
    call: Callable[..., Answer], desk: Desk
) -> None:
    send_id = desk.send(campaign_id=desk.campaign())
    for unsettled in (send_id, new_id()):
        path = f"/api/of/send/{unsettled}/settle"
        assert call("POST", path, {"decision": "assume_sent"}).status == 404
        assert call("DELETE", f"/api/of/send/{unsettled}").status == 404
    assert desk.row(send_id)["state"] == "planned"
