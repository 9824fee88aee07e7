"""Who is answered first follows from what a fan is worth now, not when they began to wait."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from huntaze.db import Tenant
from huntaze.domain import money
from huntaze.domain.money import repairing
from huntaze.domain.money.models import TransactionRow
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.talk import Talk

REFUND = {"type": "refund", "reverses": "tip", "amount_cents": 0, "fee_cents": 0, "net_cents": 0}


def pay(desk: Desk, tenant: Tenant, one: Talk, name: str = "tip", **more: object) -> None:
    row = TransactionRow(1, name, one.platform_id, "tip", 50_000, 10_000, 40_000)
    with tenant.transaction() as connection:
        money.record(connection, desk.creator_id, [row._replace(**more)])


@pytest.fixture
def first(call: Callable[..., Answer]) -> Callable[[], list[str]]:
    def listed() -> list[str]:
        items = call("GET", "/api/crm/conversations", query={"sort": "to_answer"}).body["items"]
        return [one["fan"]["id"] for one in items]

    return listed


def answer_from(desk: Desk, one: Talk) -> datetime | None:
    (row,) = desk.rows("SELECT answer_from FROM conversations WHERE fan_id = %s", one.fan_id)
    found: datetime | None = row["answer_from"]
    return found


def test_who_pays_while_they_wait_moves_ahead_and_back_again(
    desk: Desk, talk: Callable[..., Talk], first: Callable[[], list[str]]
) -> None:
    early, late, answered = talk(), talk(), talk()
    early.theirs(60)
    late.theirs(5)
    answered.theirs(30)
    answered.ours(20)
    in_turn = [str(early.fan_id), str(late.fan_id)]
    assert first() == in_turn
    before = answer_from(desk, late)
    for one in (late, answered):
        pay(desk, desk.worker, one, f"tip of {one.platform_id}")
    assert first() == in_turn[::-1]
    assert answer_from(desk, answered) is None
    moved = answer_from(desk, late)
    assert before is not None
    assert moved is not None
    # 400 is ten units forty times: more than five hours, less than six.
    assert timedelta(hours=5) < before - moved < timedelta(hours=6)
    # What is stored next of the conversation computes the same.
    late.theirs(4)
    assert answer_from(desk, late) == moved
    pay(desk, desk.worker, late, "back", **{**REFUND, "reverses": f"tip of {late.platform_id}"})
    assert first() == in_turn
    assert answer_from(desk, late) == before


def test_a_value_that_is_repaired_moves_who_waits(
    desk: Desk, talk: Callable[..., Talk], first: Callable[[], list[str]]
) -> None:
    early, late = talk(), talk(value_cents=40_000)
    early.theirs(60)
    late.theirs(5)
    assert first() == [str(late.fan_id), str(early.fan_id)]
    with desk.app.transaction() as connection:
        assert len(repairing.recompute(connection, desk.creator_id)) == 1
    assert first() == [str(early.fan_id), str(late.fan_id)]
