"""Messages of ours that come beside something else: a settlement, a snooze, the fan's next word."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from huntaze.domain import conversations
from huntaze.domain.conversations import ConversationState, SeenMessage
from huntaze.domain.conversations import desk as work
from tests.fakes.creator_desk import BRIEF, Desk

FAN = "fan-of-races"


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()


@pytest.fixture
def fan(desk: Desk) -> UUID:
    return desk.fan(platform_id=FAN)


def store(desk: Desk, name: str, text: str, *, own: bool, at: datetime | None = None) -> None:
    """Store a message as a sync or a push tells it."""
    seen = SeenMessage(name, own, text, at or datetime.now(UTC))
    with desk.worker.transaction() as connection:
        assert conversations.store(connection, desk.creator_id, FAN, [seen]) is not None


def stand(desk: Desk) -> tuple[str, int]:
    (row,) = desk.rows("SELECT state, unread FROM conversations")
    return row["state"], row["unread"]


def test_what_a_fan_writes_while_an_answer_is_in_doubt_stays_unread(desk: Desk, fan: UUID) -> None:
    store(desk, "m1", "Hello", own=False)
    send_id, claim = desk.send(fan, text="Good evening"), desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    answered_at = datetime.now(UTC)
    # The worker dies here; the fan writes on, and the next one reads back what was sent.
    store(desk, "m2", "Are you there?", own=False)
    store(desk, "m3", "Hm", own=False)
    assert desk.confirm(claim, send_id, "answer")
    assert stand(desk) == ("open", 2)
    store(desk, "answer", "Good evening", own=True, at=answered_at)
    assert stand(desk) == ("open", 2)
    newest = desk.rows("SELECT platform_message_id FROM messages ORDER BY sent_at, id")
    assert [row["platform_message_id"] for row in newest] == ["m1", "answer", "m2", "m3"]


def test_an_answer_in_doubt_comes_after_what_it_answers_on_a_clock_that_is_ahead(
    desk: Desk, fan: UUID
) -> None:
    store(desk, "m1", "Hello", own=False, at=datetime.now(UTC) + timedelta(minutes=3))
    send_id, claim = desk.send(fan, text="Good evening"), desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    assert desk.confirm(claim, send_id, "answer")
    assert stand(desk) == ("waiting", 0)


@pytest.mark.parametrize("state", ["submitting", "unknown"])
def test_a_message_to_many_answers_nobody_before_it_is_settled(
    desk: Desk, fan: UUID, state: str
) -> None:
    store(desk, "m1", "Hello", own=False)
    campaign = desk.campaign()
    send_id = desk.send(fan, campaign_id=campaign, priority=3, text="Look:\n a new set")
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    if state == "unknown":
        desk.set_send(send_id, state="unknown")
    store(desk, "to-many", "Look: a new set", own=True)
    assert stand(desk) == ("open", 1)
    if state == "submitting":
        assert desk.confirm(claim, send_id, "to-many")
        assert stand(desk) == ("open", 1)
    # What the creator writes by hand meanwhile does answer.
    store(desk, "by-hand", "Hey you", own=True)
    assert stand(desk) == ("waiting", 0)


def test_a_persons_answer_that_says_the_same_as_a_message_to_many_answers(
    desk: Desk, fan: UUID
) -> None:
    store(desk, "m1", "Hello", own=False)
    to_many = desk.send(fan, campaign_id=desk.campaign(), priority=3, text="Good evening")
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    desk.set_send(to_many, state="unknown")
    answer = desk.send(fan, text="Good evening")
    desk.grant(claim, deadlines=BRIEF)
    # Pushed before it is settled: whose words it has is known with its settlement.
    store(desk, "answer", "Good evening", own=True)
    assert stand(desk) == ("open", 1)
    assert desk.confirm(claim, answer, "answer")
    assert stand(desk) == ("waiting", 0)


PAID_FOR = SeenMessage("ours", True, "Look", datetime.now(UTC), price_cents=500)


@pytest.fixture
def tell(desk: Desk, fan: UUID) -> Callable[[SeenMessage], None]:  # noqa: ARG001  (is there)
    def told(seen: SeenMessage) -> None:
        with desk.worker.transaction() as connection:
            assert conversations.store(connection, desk.creator_id, FAN, [seen]) is not None

    return told


def put(desk: Desk, state: str, until: datetime | None = None) -> None:
    """Say where the conversation stands, as a person does."""
    (row,) = desk.rows("SELECT id FROM conversations")
    with desk.app.transaction() as connection:
        work.move(connection, row["id"], ConversationState(state), until=until)


LEARNT = {
    "paid": replace(PAID_FOR, paid=True),
    "another moment": replace(PAID_FOR, sent_at=datetime.now(UTC) + timedelta(minutes=1)),
}


@pytest.mark.parametrize(
    "seen", [*LEARNT.values(), replace(PAID_FOR, id="new")], ids=[*LEARNT, "a new message"]
)
def test_what_we_write_ends_no_snooze(
    desk: Desk, tell: Callable[[SeenMessage], None], seen: SeenMessage
) -> None:
    tell(PAID_FOR)
    until = datetime.now(UTC) + timedelta(days=1)
    put(desk, "snoozed", until)
    tell(seen)
    (row,) = desk.rows("SELECT state, snoozed_until FROM conversations")
    assert (row["state"], row["snoozed_until"]) == ("snoozed", until)


@pytest.mark.parametrize("seen", LEARNT.values(), ids=LEARNT)
def test_what_is_learnt_of_an_old_message_closes_nothing(
    desk: Desk, tell: Callable[[SeenMessage], None], seen: SeenMessage
) -> None:
    tell(PAID_FOR)
    put(desk, "open")
    tell(seen)
    assert stand(desk) == ("open", 0)
    tell(replace(PAID_FOR, id="new"))
    assert stand(desk) == ("waiting", 0)


def test_a_moment_that_moves_behind_the_question_ends_the_wait(
    desk: Desk, tell: Callable[[SeenMessage], None]
) -> None:
    now = datetime.now(UTC)
    tell(replace(PAID_FOR, sent_at=now - timedelta(minutes=9)))
    tell(SeenMessage("m1", False, "Hello", now - timedelta(minutes=5)))
    assert stand(desk) == ("open", 1)
    tell(replace(PAID_FOR, sent_at=now))
    assert stand(desk) == ("waiting", 0)
