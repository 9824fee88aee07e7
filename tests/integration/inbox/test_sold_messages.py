"""A payment that names its message shows what was bought."""

from collections.abc import Callable
from uuid import UUID

import pytest

from huntaze.domain import conversations, erasure, fans, money
from huntaze.domain.conversations import SeenMessage
from huntaze.domain.fans import FanRow
from huntaze.domain.money.models import TransactionRow
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.talk import NOW, Talk


def pay(desk: Desk, talk: Talk, name: str = "t1", **more: object) -> money.RecordOutcome:
    row = TransactionRow(1, name, talk.platform_id, "message", 1000, 200, 800)
    with desk.worker.transaction() as connection:
        return money.record(connection, desk.creator_id, [row._replace(**more)])


@pytest.fixture
def sold(desk: Desk, talk: Callable[..., Talk]) -> tuple[Talk, UUID, UUID]:
    """An offer that was sent, and its row of the ledger and item of the vault."""
    one, medium = talk(), desk.medium()
    send_id = desk.send(one.fan_id, price_cents=1000, media_ids=[medium])
    claim = desk.claim()
    desk.grant(claim)
    desk.confirm(claim, send_id, "pm-9")
    return one, send_id, medium


def test_what_was_offered_is_bought_once_its_payment_arrives(
    desk: Desk, sold: tuple[Talk, UUID, UUID]
) -> None:
    one, send_id, _ = sold

    def state() -> list[str]:
        rows = desk.rows("SELECT state FROM media_grants WHERE send_id = %s", send_id)
        return [row["state"] for row in rows]

    def paid() -> bool:
        (row,) = desk.rows("SELECT paid_at FROM messages WHERE send_id = %s", send_id)
        return row["paid_at"] is not None

    assert pay(desk, one, "t0").created == 1
    assert pay(desk, one, "t2", type="tip", message_id="pm-9").created == 1
    assert pay(desk, one, "t3", message_id="another").created == 1
    assert (state(), paid()) == (["offered"], False)
    # The same payment again, and now the platform says of what.
    assert pay(desk, one, "t0", message_id="pm-9").updated == 1
    assert (state(), paid()) == (["bought"], True)
    # Said again without it, nothing is forgotten.
    assert pay(desk, one, "t0").unchanged == 1
    refund = {"type": "refund", "reverses": "t0", "amount_cents": 0, "net_cents": 0}
    pay(desk, one, "t4", fee_cents=0, **refund)
    assert (state(), paid()) == (["bought"], True)


@pytest.mark.parametrize(("paid", "state"), [("pm-9", "bought"), ("pm-8", "offered")])
def test_what_was_paid_for_before_we_knew_that_it_arrived_is_bought(
    desk: Desk, talk: Callable[..., Talk], paid: str, state: str
) -> None:
    one = talk()
    send_id = desk.send(one.fan_id, price_cents=1000, media_ids=[desk.medium()])
    claim = desk.claim()
    desk.grant(claim)
    # Who was killed after the click settles what the platform has told of long ago.
    pay(desk, one, message_id=paid)
    desk.confirm(claim, send_id, "pm-9")
    assert [row["state"] for row in desk.rows("SELECT state FROM media_grants")] == [state]


def test_a_tip_for_an_offer_is_no_purchase_of_it(desk: Desk, sold: tuple[Talk, UUID, UUID]) -> None:
    one, *_ = sold
    tip = TransactionRow(1, "tip", one.platform_id, "tip", 100, 0, 100, message_id="pm-9")
    other = tip._replace(line=2, transaction_id="x", type="message", message_id="elsewhere")
    with desk.worker.transaction() as connection:
        money.record(connection, desk.creator_id, [tip, other])
    assert [row["state"] for row in desk.rows("SELECT state FROM media_grants")] == ["offered"]


def test_a_payment_may_be_known_before_its_message(
    desk: Desk, talk: Callable[..., Talk], call: Callable[..., Answer]
) -> None:
    one = talk()
    pay(desk, one, message_id="early", created_at="2026-03-01T12:00:00+00:00")
    seen = [
        SeenMessage("early", True, "look", NOW, 1000),
        SeenMessage("other", True, "look", NOW, 1000),
    ]
    with desk.worker.transaction() as connection:
        conversations.store(connection, desk.creator_id, one.platform_id, seen)
    found = call("GET", f"{one.path}/messages").body["items"]
    assert {message["paid_at"] for message in found} == {None, "2026-03-01T12:00:00Z"}


@pytest.mark.usefixtures("sold")
def test_another_fans_payment_buys_nothing(desk: Desk, talk: Callable[..., Talk]) -> None:
    pay(desk, talk(), message_id="pm-9")
    assert [row["state"] for row in desk.rows("SELECT state FROM media_grants")] == ["offered"]


def test_what_somebody_bought_is_forgotten_with_them(desk: Desk) -> None:
    with desk.app.transaction() as connection:
        fans.upsert(connection, desk.creator_id, [FanRow(1, "known", "known")])
    paid = TransactionRow(1, "t1", "known", "message", 1000, 200, 800, message_id="pm-9")

    def told() -> None:
        with desk.worker.transaction() as connection:
            money.record(connection, desk.creator_id, [paid])

    told()
    (row,) = desk.rows("SELECT fan_id, platform_message_id FROM transactions")
    assert row["platform_message_id"] == "pm-9"
    with desk.app.transaction() as connection:
        erasure.erase_fan(connection, desk.workspace_id, row["fan_id"], by=desk.user_id)
    blank = [{"net_cents": 800, "platform_message_id": None}]
    query = "SELECT net_cents, platform_message_id FROM transactions"
    assert desk.rows(query) == blank
    # The platform may tell of it again.
    told()
    assert desk.rows(query) == blank
