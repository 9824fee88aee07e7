"""No order and no repetition of what is pushed matters, nor when a list was read meanwhile."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from browser_worker.sync import LISTINGS
from huntaze.db import Connection
from huntaze.domain.platform_rows import EarningRow, SubscriberRow
from tests.fakes.creator_desk import Desk
from tests.fakes.pushing import BEGAN, STORY, Pushing, at, event, message


def test_an_event_of_the_future_keeps_out_nothing_that_comes(pushing: Pushing) -> None:
    fence = "SELECT told_at FROM platform_versions WHERE kind = 'message'"
    pushing.send({**STORY[1], "occurred_at": "2999-01-01T00:00:00Z"})
    assert pushing.work() == []
    (row,) = pushing.desk.rows(fence)
    soon = datetime.now(UTC) + timedelta(minutes=6)
    assert row["told_at"] < soon
    later = message("updated", "m1", 2, 11, text="hello you")
    pushing.send({**later, "occurred_at": soon.isoformat()})
    pushing.send({**later, "id": "z", "occurred_at": (soon + timedelta(days=1)).isoformat()})
    assert pushing.work() == []
    assert [row["text"] for row in pushing.desk.rows("SELECT text FROM messages")] == ["hello you"]


def test_what_is_told_late_moves_no_message(pushing: Pushing) -> None:
    pushing.send(message("updated", "m1", 5, 11, text="hello you"))
    pushing.send(message("created", "m1", 2, 2))
    assert pushing.work() == []
    (row,) = pushing.desk.rows("SELECT text, sent_at FROM messages")
    assert (row["text"], row["sent_at"].isoformat()) == ("hello you", at(5))


def test_a_list_that_was_read_since_is_newer_than_what_is_pushed(pushing: Pushing) -> None:
    desk = pushing.desk
    desk.fan(platform_id="7", handle="bob", status="expired")
    desk.order_done("sync_subscribers", ago=timedelta(minutes=1))
    old = event("subscription.updated", 1, status="active")
    old["occurred_at"] = (datetime.now(UTC) - timedelta(minutes=9)).isoformat()
    new = {**old, "id": "new", "occurred_at": datetime.now(UTC).isoformat()}
    pushing.send(old)
    pushing.work()
    assert desk.rows("SELECT status FROM fans")[0]["status"] == "expired"
    assert pushing.journal()[0]["outcome"] == "older"
    pushing.send(new)
    pushing.work()
    assert desk.rows("SELECT status FROM fans")[0]["status"] == "active"


def test_nobody_loses_a_name_to_what_is_told_late_or_without_one(pushing: Pushing) -> None:
    def told() -> tuple[str, str]:
        assert pushing.work() == []
        (row,) = pushing.desk.rows("SELECT handle, display_name FROM fans")
        return row["handle"], row["display_name"]

    now = {"id": "7", "handle": "robert", "display_name": "Robert"}
    pushing.send(message("created", "m2", 9, 9, fan=now))
    assert told() == ("robert", "Robert")
    # Of other messages, and of before; one says nothing of how the fan is called.
    pushing.send(message("created", "m1", 8, 8))
    assert told() == ("robert", "Robert")
    pushing.send(event("subscription.created", 7, status="active"))
    assert told() == ("robert", "Robert")
    pushing.send(event("subscription.updated", 10, status="active", fan={"id": "7"}))
    assert told() == ("robert", "Robert")
    pushing.send(event("subscription.updated", 11, status="active", fan={"id": "7", "handle": "x"}))
    assert told() == ("x", "Robert")


@pytest.mark.parametrize("ago", [timedelta(hours=6), timedelta(hours=1)])
def test_a_page_that_was_long_on_its_way_overwrites_nothing_newer(
    pushing: Pushing, ago: timedelta
) -> None:
    for said in (STORY[12], STORY[6], STORY[11]):
        pushing.send(said)
    assert pushing.work() == []
    opened_at = datetime.now(UTC) - ago
    fan = SubscriberRow("7", "robert", "Bob", "active", 100, True, None, None)
    other = SubscriberRow("8", "sue", "Sue", "active", 100, True, None, None)
    paid = EarningRow("t1", "7", "tip", 900, None, None, opened_at, None, None, None)
    pages = {"sync_subscribers": [fan, other], "sync_earnings": [paid]}
    with pushing.desk.worker.transaction() as connection:
        for kind, rows in pages.items():
            LISTINGS[kind].store(connection, pushing.desk.creator_id, rows, opened_at)
    bob, sue = pushing.desk.rows("SELECT * FROM fans ORDER BY platform_id")
    (money,) = pushing.desk.rows("SELECT * FROM transactions WHERE transaction_id = 't1'")
    # The story was told five hours ago.
    if opened_at < BEGAN:
        assert (bob["handle"], bob["status"], bob["rebill_on"]) == ("bob", "expired", False)
        assert (money["type"], money["amount_cents"]) == ("message", 500)
    else:
        assert (bob["handle"], bob["status"], bob["rebill_on"]) == ("robert", "active", True)
        assert (money["type"], money["amount_cents"]) == ("tip", 900)
    assert (sue["handle"], sue["status"]) == ("sue", "active")


def state(desk: Desk) -> dict[str, Any]:
    """What is known of the creator's fans, without what says when we heard of it."""
    return {
        "messages": desk.rows(
            "SELECT platform_message_id, direction, text, price_cents, tip_cents, media, sent_at,"
            " paid_at IS NOT NULL AS paid, opened_at IS NOT NULL AS opened,"
            " unsent_at IS NOT NULL AS unsent, read_at IS NOT NULL AS read"
            " FROM messages ORDER BY platform_message_id"
        ),
        "fans": desk.rows(
            "SELECT platform_id, handle, display_name, status, price_cents, rebill_on, expires_at,"
            " value_cents, last_inbound_at, last_outbound_at FROM fans"
        ),
        "money": desk.rows(
            "SELECT transaction_id, type, amount_cents, net_cents, effective_cents, reverses"
            " FROM transactions ORDER BY transaction_id"
        ),
        "conversations": desk.rows("SELECT state, unread, last_message_at FROM conversations"),
    }


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.permutations(STORY),
    again=st.lists(st.tuples(st.sampled_from(STORY), st.booleans()), max_size=8),
)
def test_no_order_and_no_repetition_changes_where_it_ends(
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]],
    as_role: Callable[[str], Connection],
    wiring: list[str],
    api_event: Any,
    lambda_context: Any,
    order: Sequence[dict[str, Any]],
    again: Sequence[tuple[dict[str, Any], bool]],
) -> None:
    # Told again as it was, or as another event that says the same.
    repeated = [{**said, "id": f"{said['id']}-2"} if anew else said for said, anew in again]
    ends = []
    connections: dict[str, Connection] = {}

    def connect(role: str) -> Connection:
        if role not in connections:
            connections[role] = as_role(role)
        return connections[role]

    for told in (STORY, [*order, *repeated]):
        workspace_id, user_id, creator_id = tenant_factory()
        desk = Desk(connect, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
        pushing = Pushing(desk, wiring, api_event, lambda_context)
        pushing.set_secret()
        for said in told:
            assert pushing.send(said)[0] == 202
            assert pushing.work() == []
        ends.append(state(pushing.desk))
    for connection in connections.values():
        connection.close()
    assert ends[0] == ends[1]
    fan = ends[0]["fans"][0]
    assert (fan["status"], fan["rebill_on"], fan["value_cents"]) == ("expired", False, 700)
    assert [one["text"] for one in ends[0]["messages"]] == ["hello you", "look", "oops", ""]
    assert [one["unsent"] for one in ends[0]["messages"]] == [False, False, True, False]
