"""Messages of ours that come beside something else: a settlement, a snooze, the fan's next word."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huntaze.domain import conversations
from huntaze.domain.conversations import ConversationState, SeenMessage
from huntaze.domain.conversations import desk as work
from huntaze.ids import new_id
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


def waiting_since(desk: Desk) -> datetime:
    (row,) = desk.rows("SELECT waiting_since FROM conversations")
    found: datetime = row["waiting_since"]
    return found


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


def test_what_nobody_had_seen_when_they_answered_waits(desk: Desk, fan: UUID) -> None:
    earlier = datetime.now(UTC) - timedelta(minutes=2)
    store(desk, "m1", "Hello", own=False, at=earlier)
    send_id, claim = desk.send(fan, text="Good evening"), desk.claim()
    desk.grant(claim)
    assert desk.confirm(claim, send_id, "answer")
    assert stand(desk) == ("waiting", 0)
    # The open page has shown it; it is stored behind the answer, and stands before it.
    store(desk, "m2", "I need help", own=False, at=earlier + timedelta(minutes=1))
    assert stand(desk) == ("open", 1)
    assert waiting_since(desk) == earlier + timedelta(minutes=1)
    # Whoever writes on the platform itself has all of it in sight.
    store(desk, "by-hand", "What is it?", own=True)
    assert stand(desk) == ("waiting", 0)


def test_the_platforms_later_moment_of_an_answer_answers_no_more(desk: Desk, fan: UUID) -> None:
    store(desk, "m1", "Hello", own=False)
    send_id, claim = desk.send(fan, text="Good evening"), desk.claim()
    desk.grant(claim)
    store(desk, "m2", "I need help", own=False)
    # The platform tells of the answer before it is settled.
    store(desk, "answer", "Good\n evening", own=True)
    assert stand(desk) == ("open", 1)
    assert desk.confirm(claim, send_id, "answer")
    store(desk, "answer", "Good evening", own=True, at=datetime.now(UTC) + timedelta(minutes=1))
    assert stand(desk) == ("open", 1)


def test_an_answer_that_waited_for_hours_answers_what_its_author_had_seen(
    desk: Desk, fan: UUID
) -> None:
    store(desk, "m1", "Hello", own=False)
    send_id, claim = desk.send(fan, text="Good evening"), desk.claim()
    store(desk, "m2", "I need help", own=False)
    desk.grant(claim)
    assert desk.confirm(claim, send_id, "answer")
    assert stand(desk) == ("open", 1)
    # Who has looked at it since, and sees nothing to answer, is asked no more than that.
    second = desk.send(fan, text="And good night")
    desk.grant(claim)
    assert desk.confirm(claim, second, "second")
    assert stand(desk) == ("waiting", 0)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    known=st.sets(st.integers(1, 4)),
    order=st.permutations([1, 2, 3, 4, "answer"]),
    moment=st.floats(0, 5),
)
def test_an_answer_answers_what_was_stored_when_it_was_ordered(
    desk: Desk, known: set[int], order: list[int | str], moment: float
) -> None:
    name = f"fan-{new_id()}"
    fan_id = desk.fan(platform_id=name)
    start = datetime.now(UTC) - timedelta(hours=1)

    def tell(which: int | str) -> None:
        minutes = moment if isinstance(which, str) else which
        at = start + timedelta(minutes=minutes)
        seen = SeenMessage(f"{name}/{which}", isinstance(which, str), "Hello", at)
        with desk.worker.transaction() as connection:
            assert conversations.store(connection, desk.creator_id, name, [seen]) is not None

    for which in sorted(known):
        tell(which)
    send_id = desk.send(fan_id, text="Hello", state="cancelled")
    desk.set_send(send_id, platform_message_id=f"{name}/answer")
    for which in order:
        if which not in known:
            tell(which)
    (row,) = desk.rows("SELECT unread, waiting_since FROM conversations WHERE fan_id = %s", fan_id)
    waits = [which for which in range(1, 5) if which not in known or which > moment]
    assert row["unread"] == len(waits)
    first = start + timedelta(minutes=waits[0]) if waits else None
    assert row["waiting_since"] == first


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


def test_what_answered_nothing_is_taken_back_and_opens_nothing(
    desk: Desk, tell: Callable[[SeenMessage], None]
) -> None:
    tell(replace(PAID_FOR, sent_at=datetime.now(UTC) - timedelta(minutes=9)))
    tell(SeenMessage("m1", False, "Hello", datetime.now(UTC)))
    put(desk, "snoozed", datetime.now(UTC) + timedelta(days=1))
    with desk.worker.transaction() as connection:
        conversations.note_taken_back(connection, desk.creator_id, PAID_FOR.id)
    assert stand(desk) == ("snoozed", 1)
