"""What campaigns promise, what became of them, and what a person does about it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest

from huntaze.domain.outbound import cancelling
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import BRIEF, Desk

BASE = "/api/marketing/campaigns"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:campaign"


def test_a_dry_run_sends_nothing_and_keeps_what_it_saw(
    call: Callable[..., Answer], draft: Callable[..., dict[str, Any]], desk: Desk
) -> None:
    for _ in range(10):
        desk.fan()
    desk.fan(consent=False)
    desk.set_lane(messages_per_minute=10, min_gap_ms=3000)
    made = draft(holdout_percent=0, message="find me on telegram")
    seen = call("POST", f"/{made['id']}/dry-run").body
    assert (seen["audience"], seen["planned"]) == (11, 10)
    assert seen["excluded"] == {"no_consent": 1}
    assert seen["eta_seconds"] == 60
    assert seen["expected_revenue"] is None
    assert seen["compliance"] == ["A: off_platform_contact: “telegram”"]
    assert seen["lane_stopped"] is None
    assert desk.rows("SELECT FROM sends") == []
    kept = call("GET", f"/{made['id']}").body["dry_run"]
    assert kept["audience_hash"] == seen["audience_hash"]
    assert call("GET", f"/{made['id']}/forecast").body["forecast"]["planned"] == 10


def test_an_eta_counts_what_is_ahead(
    call: Callable[..., Answer], draft: Callable[..., dict[str, Any]], desk: Desk
) -> None:
    desk.set_lane(messages_per_minute=10, min_gap_ms=3000)
    for _ in range(4):
        desk.send()
    seen = call("POST", f"/{draft()['id']}/dry-run").body
    # Four ahead, four fans: eight slots of six seconds.
    assert seen["eta_seconds"] == 48
    slow = call("POST", f"/{draft(messages_per_minute=2)['id']}/dry-run").body
    assert slow["eta_seconds"] == 24 + 120


def test_a_slow_campaign_ahead_leaves_the_rest_of_the_lane_to_a_new_one(
    call: Callable[..., Answer], draft: Callable[..., dict[str, Any]], desk: Desk
) -> None:
    desk.set_lane(messages_per_minute=10, min_gap_ms=3000)
    ahead = desk.campaign(messages_per_minute=1)
    for _ in range(9):
        desk.send(campaign_id=ahead)
    made = draft()
    # One of ten slots a minute is the other's.
    seen = call("POST", f"/{made['id']}/dry-run").body
    assert (seen["planned"], seen["eta_seconds"]) == (9, 60)
    # What is its own is not ahead of it.
    assert call("GET", f"/{ahead}/forecast").body["eta_seconds"] == 9 * 60


def test_expected_revenue_needs_enough_history(
    call: Callable[..., Answer], draft: Callable[..., dict[str, Any]], desk: Desk
) -> None:
    medium = desk.medium()
    fan_id = desk.fan()
    with desk.app.transaction() as connection:
        connection.execute(
            "INSERT INTO sends (workspace_id, creator_id, fan_id, state, priority, text, text_hash,"
            " price_cents, written_by) SELECT %s, %s, %s, 'sent', 3, 't', 't', 500, 'person'"
            " FROM generate_series(1, 400)",
            (desk.workspace_id, desk.creator_id, fan_id),
        )
    desk.set_fan(fan_id, consent=False)
    for _ in range(10):
        desk.fan()
    made = draft(price_cents=1000, media_ids=[str(medium)])
    expected = call("POST", f"/{made['id']}/dry-run").body["expected_revenue"]
    assert expected["cents"] == 0
    assert 0 <= expected["low_cents"] <= expected["cents"] <= expected["high_cents"] < 10_000
    assert (expected["based_on_messages"], expected["currency"]) == (400, "USD")


@pytest.fixture
def delivered(desk: Desk, at: Callable[..., str]) -> tuple[str, dict[str, UUID]]:
    """A campaign with a message in each state that a person may look at."""
    campaign_id = at("sending")
    rows = {
        name: desk.send(campaign_id=UUID(campaign_id), variant="A", due_at=f"2020-01-0{day}")
        for day, name in enumerate(("sent", "unknown", "planned"), start=1)
    }
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    desk.confirm(claim, rows["sent"])
    desk.grant(claim, deadlines=BRIEF)
    desk.set_send(rows["unknown"], state="unknown")
    return campaign_id, rows


def test_recipients_and_metrics_tell_what_became_of_each(
    call: Callable[..., Answer], delivered: tuple[str, dict[str, UUID]]
) -> None:
    campaign_id, rows = delivered
    recipients = call("GET", f"/{campaign_id}/recipients").body["items"]
    assert {one["id"]: one["state"] for one in recipients} == {
        str(row): state for state, row in rows.items()
    }
    only = call("GET", f"/{campaign_id}/recipients", query={"state": "unknown"}).body["items"]
    assert [one["id"] for one in only] == [str(rows["unknown"])]
    first = call("GET", f"/{campaign_id}/recipients", query={"limit": "2"}).body
    rest = call(
        "GET", f"/{campaign_id}/recipients", query={"limit": "2", "cursor": first["next_cursor"]}
    ).body
    assert len(first["items"]) + len(rest["items"]) == 3
    metrics = call("GET", f"/{campaign_id}/metrics").body
    states = ("planned", "submitting", "sent", "not_sent", "unknown", "cancelled", "held_out")
    assert sum(metrics[state] for state in states) == metrics["audience"] == 3
    assert metrics["variants"] == [{"label": "A", "sent": 1, "bought": 0, "unlock_ratio": None}]
    assert call("GET", f"/{campaign_id}/forecast").body["remaining"] == 1


def test_metrics_say_why_messages_were_not_sent(
    call: Callable[..., Answer], desk: Desk, at: Callable[..., str]
) -> None:
    campaign_id = at("sending")
    for reason in ("media_missing", "media_missing", "server_error"):
        desk.send(campaign_id=UUID(campaign_id), state="not_sent", reason=reason)
    metrics = call("GET", f"/{campaign_id}/metrics").body
    assert (metrics["not_sent"], metrics["skipped"]) == (3, {})
    assert metrics["not_sent_because"] == {"media_missing": 2, "server_error": 1}


def test_an_unknown_message_is_settled_by_a_person(
    call: Callable[..., Answer], desk: Desk, delivered: tuple[str, dict[str, UUID]], aws: Mock
) -> None:
    campaign_id, rows = delivered
    path = f"/{campaign_id}/recipients/{rows['unknown']}/settle"
    assert call("POST", path, {"decision": "assume_sent"}, role="chatter").status == 403
    again = call("POST", path, {"decision": "send_again"}).body
    assert again["recipient"]["state"] == "unknown"
    assert again["recipient"]["evidence"]["sent_again_as"] == again["new_send_id"]
    assert aws.queue.send_message_batch.called
    for decision in ("send_again", "assume_sent"):
        assert call("POST", path, {"decision": decision}).status == 409
    with desk.app.transaction() as connection:
        assert cancelling.call_back(connection, UUID(again["new_send_id"]), by=desk.user_id)
    assert call("POST", path, {"decision": "assume_sent"}).body["recipient"]["state"] == "sent"
    for other in ("sent", "planned"):
        path = f"/{campaign_id}/recipients/{rows[other]}/settle"
        assert call("POST", path, {"decision": "assume_sent"}).status == 409
    path = f"/{campaign_id}/recipients/{new_id()}/settle"
    assert call("POST", path, {"decision": "assume_sent"}).status == 404


def test_a_recipient_is_found_in_its_own_campaign_only(
    call: Callable[..., Answer], delivered: tuple[str, dict[str, UUID]], at: Callable[..., str]
) -> None:
    _, rows = delivered
    path = f"/{at('sending')}/recipients/{rows['unknown']}/settle"
    assert call("POST", path, {"decision": "assume_sent"}).status == 404


def test_messages_are_taken_back_once_the_campaign_rests(
    call: Callable[..., Answer], delivered: tuple[str, dict[str, UUID]], aws: Mock, desk: Desk
) -> None:
    campaign_id, rows = delivered
    assert call("POST", f"/{campaign_id}/unsend").status == 409
    call("POST", f"/{campaign_id}/pause")
    answer = call("POST", f"/{campaign_id}/unsend")
    assert (answer.status, answer.body) == (202, {"requested": 1, "paid": 0})
    (order,) = desk.rows("SELECT * FROM creator_commands")
    assert (order["kind"], order["payload"]) == ("unsend", {"send_id": str(rows["sent"])})
    assert aws.queue.send_message_batch.called


@pytest.fixture
def paid(desk: Desk) -> Callable[..., None]:
    """Record that a fan has paid for a message, or what was paid back of it."""

    def record(send_id: UUID, kind: str, amount: int, effective: int, **columns: object) -> None:
        row = desk.row(send_id)
        values = {
            "workspace_id": desk.workspace_id,
            "creator_id": desk.creator_id,
            "fan_id": row["fan_id"],
            "transaction_id": f"{kind}-{send_id}",
            "type": kind,
            "amount_cents": amount,
            "fee_cents": amount - abs(effective),
            "net_cents": abs(effective),
            "effective_cents": effective,
            "currency": "USD",
            "id": new_id(),
            "created_at": datetime.now(UTC),
            "recorded_at": datetime.now(UTC),
            **columns,
        }
        with desk.app.transaction() as connection:
            connection.execute(
                "INSERT INTO transactions SELECT * FROM jsonb_populate_record("
                "NULL::transactions, %s::jsonb)",
                (json.dumps(values, default=str),),
            )

    return record


def test_what_was_paid_for_stays_and_what_was_sent_again_goes_with_the_rest(
    call: Callable[..., Answer],
    at: Callable[..., str],
    desk: Desk,
    paid: Callable[..., None],
) -> None:
    campaign_id = at("completed")

    def sent(name: str, **columns: Any) -> UUID:
        return desk.send(state="sent", platform_message_id=name, **columns)

    bought, ignored = (sent(name, campaign_id=UUID(campaign_id)) for name in ("p1", "p2"))
    copies = [sent("p3")]
    copies.insert(
        0, desk.send(state="unknown", evidence=json.dumps({"sent_again_as": str(copies[0])}))
    )
    desk.send(
        campaign_id=UUID(campaign_id),
        state="unknown",
        evidence=json.dumps({"sent_again_as": str(copies[0])}),
    )
    sent("p4")
    paid(bought, "message", 1000, 800, platform_message_id="p1")
    answer = call("POST", f"/{campaign_id}/unsend")
    assert answer.body == {"requested": 2, "paid": 1}
    ordered = {row["payload"]["send_id"] for row in desk.rows("SELECT * FROM creator_commands")}
    assert ordered == {str(ignored), str(copies[1])}
    (entry,) = desk.rows("SELECT * FROM audit_log WHERE action = 'campaign.unsend'")
    assert (entry["actor_id"], json.loads(entry["facts"])) == (desk.user_id, answer.body)


def test_a_forecast_is_told_beside_the_money_that_came(
    call: Callable[..., Answer], at: Callable[..., str], desk: Desk, paid: Callable[..., None]
) -> None:
    campaign_id = at("completed")
    none = {"net_cents": 0, "gross_cents": 0, "bought": 0, "currency": "USD"}
    assert call("GET", f"/{campaign_id}/forecast").body["actual"] == none
    rows = [
        desk.send(state="sent", platform_message_id=f"p{n}", campaign_id=UUID(campaign_id))
        for n in range(4)
    ]
    other = desk.send(state="sent", platform_message_id="other")
    for n, send_id in enumerate(rows[:3]):
        paid(send_id, "message", 1000, 800, platform_message_id=f"p{n}")
    paid(other, "message", 5000, 4000, platform_message_id="other")
    paid(rows[3], "tip", 700, 560)
    # All of one and a quarter of another were paid back.
    for send_id, taken in ((rows[1], -800), (rows[2], -200)):
        paid(send_id, "refund", 1000, taken, reverses=f"message-{send_id}")
    actual = call("GET", f"/{campaign_id}/forecast").body["actual"]
    assert actual == {"net_cents": 1400, "gross_cents": 1750, "bought": 3, "currency": "USD"}


def test_a_sample_goes_to_one_fan_with_the_fallback_and_the_true_author(
    call: Callable[..., Answer], draft: Callable[..., dict[str, Any]], desk: Desk
) -> None:
    fan_id = desk.fan(display_name="Ann")
    made = draft()
    answer = call("POST", f"/{made['id']}/test-message", {"fan_id": str(fan_id)})
    assert (answer.status, answer.body["state"]) == (202, "planned")
    row = desk.row(UUID(answer.body["send_id"]))
    assert (row["text"], row["priority"], row["campaign_id"]) == ("Hi love", 0, None)
    assert (row["written_by"], row["price_cents"]) == ("person", 0)
    body = {"fan_id": str(fan_id), "variant": "Z"}
    assert call("POST", f"/{made['id']}/test-message", body).status == 422
    body = {"fan_id": str(new_id())}
    assert call("POST", f"/{made['id']}/test-message", body).status == 404


def test_ai_text_is_not_even_tested_before_a_person_approved_it(
    call: Callable[..., Answer], at: Callable[..., str], desk: Desk
) -> None:
    campaign_id = at("awaiting_approval", written_by="ai", model="m", ai_disclosed=True)
    body = {"fan_id": str(desk.fan())}
    assert call("POST", f"/{campaign_id}/test-message", body).status == 409
    call("POST", f"/{campaign_id}/approve", {})
    answer = call("POST", f"/{campaign_id}/test-message", body)
    row = desk.row(UUID(answer.body["send_id"]))
    assert (row["written_by"], row["model"], row["ai_disclosed"]) == ("ai", "m", True)
    assert row["approval_id"] is not None


def test_a_time_ahead_is_kept_to_the_second(
    call: Callable[..., Answer], draft: Callable[..., dict[str, Any]]
) -> None:
    at = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    made = draft(scheduled_at=at.isoformat())
    assert datetime.fromisoformat(made["scheduled_at"]) == at
    cleared = call("PATCH", f"/{made['id']}", {"scheduled_at": None}).body
    assert cleared["scheduled_at"] is None
