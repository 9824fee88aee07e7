"""How members answer and what that sells, from messages and transactions, never from claims."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from huntaze.db import Connection
from huntaze.domain import conversations, money
from huntaze.domain.conversations import SeenMessage
from huntaze.domain.money.models import TransactionRow
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.talk import NOW, Talk

FIGURES = "/api/crm/conversations/figures"


@pytest.fixture
def colleague(desk: Desk, as_role: Callable[[str], Connection]) -> UUID:
    """A second member of the workspace."""
    user_id = new_id()
    identity = as_role("identity")
    identity.execute(
        "INSERT INTO users (id, email, name) VALUES (%s, %s, 'Colleague')",
        (user_id, f"{user_id}@example.com"),
    )
    identity.execute(
        "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, 'chatter')",
        (desk.workspace_id, user_id),
    )
    return user_id


@pytest.fixture
def answer(desk: Desk) -> Callable[..., str]:
    """Have a member's reply arrive so many minutes ago; answers the platform's id of it."""

    def make(talk: Talk, by: UUID, minutes: float, *, price_cents: int = 0, **more: Any) -> str:
        at = NOW - timedelta(minutes=minutes)
        name = f"p-{new_id()}"
        desk.send(
            talk.fan_id,
            author_id=by,
            state="sent",
            price_cents=price_cents,
            platform_message_id=name,
            settled_at=at,
            evidence=Jsonb({}),
            **more,
        )
        seen = SeenMessage(name, True, "hello", at, price_cents)
        with desk.app.transaction() as connection:
            conversations.store(connection, desk.creator_id, talk.platform_id, [seen])
        return name

    return make


@pytest.fixture
def pay(desk: Desk) -> Callable[..., None]:
    def make(talk: Talk, name: str, kind: str, net: int, minutes: float, **more: Any) -> None:
        at = (NOW - timedelta(minutes=minutes)).isoformat()
        row = TransactionRow(1, name, talk.platform_id, kind, net, 0, net, created_at=at)
        with desk.app.transaction() as connection:
            money.record(connection, desk.creator_id, [row._replace(**more)])

    return make


def items(answered: Answer) -> dict[str, dict[str, Any]]:
    assert answered.status == 200, answered.body
    return {one["member_id"]: one for one in answered.body["items"]}


def test_a_reply_takes_from_the_first_message_that_nobody_had_answered(
    call: Callable[..., Answer],
    desk: Desk,
    talk: Callable[..., Talk],
    answer: Callable[..., str],
    colleague: UUID,
) -> None:
    one, other = talk(), talk()
    one.theirs(100)
    one.theirs(95)
    # To many: it answers nobody.
    answer(one, desk.user_id, 93, priority=3, campaign_id=desk.campaign())
    answer(one, desk.user_id, 90)
    # Nobody had asked.
    answer(one, desk.user_id, 80)
    one.theirs(70)
    # Written on the platform itself: the wait is over, and nobody's.
    one.ours(60)
    answer(one, desk.user_id, 50)
    one.theirs(40)
    answer(one, colleague, 36)
    other.theirs(60)
    answer(other, desk.user_id, 30)
    found = items(call("GET", FIGURES))
    mine = found[str(desk.user_id)]
    # 10 and 30 minutes.
    assert mine["answers"] == 2
    assert (mine["median_reply_seconds"], mine["p90_reply_seconds"]) == (1200, 1680)
    assert (mine["messages"], mine["ppvs"], mine["golden_ratio"]) == (4, 0, 0)
    assert mine["unlock_ratio"] is None
    assert found[str(colleague)]["median_reply_seconds"] == 240
    # Chatters see themselves.
    assert items(call("GET", FIGURES, role="chatter")).keys() == {str(desk.user_id)}
    assert len(items(call("GET", FIGURES, role="analyst"))) == 2


def test_sales_are_of_whoever_wrote_what_was_paid(
    call: Callable[..., Answer],
    desk: Desk,
    talk: Callable[..., Talk],
    answer: Callable[..., str],
    pay: Callable[..., None],
    colleague: UUID,
) -> None:
    one = talk()
    first = answer(one, colleague, 300, price_cents=1000)
    second = answer(one, colleague, 200, price_cents=1000)
    answer(one, desk.user_id, 100)
    campaign = answer(
        one, desk.user_id, 90, price_cents=500, priority=3, campaign_id=desk.campaign()
    )
    pay(one, "a", "message", 800, 50, message_id=first)
    pay(one, "b", "message", 800, 40, message_id=second)
    pay(one, "c", "message", 400, 30, message_id=campaign)
    pay(one, "d", "message", 70, 30)
    # The last person who wrote; the campaign is no person.
    pay(one, "e", "tip", 500, 20)
    # Nobody had written for a day.
    pay(talk(), "f", "tip", 9, 20)
    pay(one, "g", "subscription", 5000, 10)
    pay(one, "h", "refund", 0, 5, reverses="b")
    answered = call("GET", FIGURES)
    found = items(answered)
    theirs, mine = found[str(colleague)], found[str(desk.user_id)]
    assert (theirs["messages"], theirs["ppvs"], theirs["unlocked"]) == (2, 2, 2)
    assert (theirs["golden_ratio"], theirs["unlock_ratio"]) == (1, 1)
    assert (theirs["ppv_cents"], theirs["tip_cents"]) == (800, 0)
    assert (mine["ppv_cents"], mine["tip_cents"], mine["messages"]) == (0, 500, 1)
    assert answered.body["unattributed_cents"] == 400 + 70 + 9
    assert answered.body["currency"] == "USD"


def test_a_tip_after_a_day_of_silence_is_nobodys(
    call: Callable[..., Answer],
    desk: Desk,
    talk: Callable[..., Talk],
    answer: Callable[..., str],
    pay: Callable[..., None],
) -> None:
    one = talk()
    answer(one, desk.user_id, 60 * 30)
    pay(one, "late", "tip", 500, 60)
    pay(one, "soon", "tip", 300, 60 * 29)
    answered = call("GET", FIGURES)
    assert items(answered)[str(desk.user_id)]["tip_cents"] == 300
    assert answered.body["unattributed_cents"] == 500


def test_days_are_counted_back_from_now(
    call: Callable[..., Answer], desk: Desk, talk: Callable[..., Talk], answer: Callable[..., str]
) -> None:
    answer(talk(), desk.user_id, 60 * 24 * 3)
    assert items(call("GET", FIGURES, query={"days": "2"})) == {}
    assert len(items(call("GET", FIGURES, query={"days": "5"}))) == 1
    for days in ("0", "93", "x"):
        assert call("GET", FIGURES, query={"days": days}).status == 422


def test_a_draft_that_a_member_let_go_is_that_members(
    call: Callable[..., Answer],
    desk: Desk,
    talk: Callable[..., Talk],
    answer: Callable[..., str],
    pay: Callable[..., None],
    colleague: UUID,
) -> None:
    drafted = {"priority": 1, "written_by": "ai", "approval_id": new_id()}
    one = talk()
    answer(one, desk.user_id, 70)
    one.theirs(60)
    answer(one, colleague, 50, **drafted)
    pay(one, "a", "tip", 500, 40)
    # By the owner's standing word, and by a rule: nobody has looked.
    for more in (drafted | {"by_itself": True}, {"priority": 1, "written_by": "template"}):
        one.theirs(30)
        answer(one, desk.user_id, 20, **more)
        pay(one, f"b{more['written_by']}", "tip", 100, 10)
    found = items(call("GET", FIGURES))
    theirs, mine = found[str(colleague)], found[str(desk.user_id)]
    assert (theirs["answers"], theirs["messages"], theirs["tip_cents"]) == (1, 1, 700)
    assert theirs["median_reply_seconds"] == 600
    assert (mine["answers"], mine["messages"], mine["tip_cents"]) == (0, 1, 0)
