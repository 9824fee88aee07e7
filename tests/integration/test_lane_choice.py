"""What a lane sends next when not everything in it may go at once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from huntaze.domain.outbound import lanes
from huntaze.domain.outbound.grants import Granted
from huntaze.domain.outbound.lanes import Claim
from tests.fakes.creator_desk import LONG, Desk

# As the worker asks: what is due so soon is waited for.
AHEAD = timedelta(seconds=75)


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()


@pytest.fixture
def slow(desk: Desk) -> UUID:
    """A campaign at one message a minute that has sent its first and has more to send."""
    campaign_id = desk.campaign(messages_per_minute=1)
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    for _ in range(3):
        desk.send(campaign_id=campaign_id, due_at=hour_ago)
    return campaign_id


@pytest.fixture
def send_next(desk: Desk) -> Callable[[Claim], UUID | None]:
    """Send what the lane chooses; the campaign that it was of."""

    def send(claim: Claim) -> UUID | None:
        due = desk.next_due(claim, ahead=AHEAD)
        assert due is not None
        assert isinstance(desk.grant(claim, due, deadlines=LONG), Granted)
        assert desk.confirm(claim, due.id, f"m-{due.id}")
        return due.campaign_id

    return send


@pytest.fixture
def slot(desk: Desk) -> Callable[[Claim], datetime | None]:
    """When the lane may send what it chooses; None is now."""

    def find(claim: Claim) -> datetime | None:
        with desk.worker.transaction() as connection:
            lane = lanes.state(connection, claim)
            due = lanes.next_due(connection, claim, lane, ahead=AHEAD)
        assert due is not None
        return lanes.next_slot(lane, due)

    return find


def test_a_slow_campaign_leaves_its_idle_slots_to_a_later_one(
    desk: Desk,
    slow: UUID,
    send_next: Callable[[Claim], UUID | None],
    slot: Callable[[Claim], datetime | None],
) -> None:
    later = desk.campaign()
    for _ in range(4):
        desk.send(campaign_id=later)
    claim = desk.claim()
    assert [send_next(claim) for _ in range(5)] == [slow, *[later] * 4]
    # Nothing else is left: its own next slot is a minute after its own last message.
    due = desk.next_due(claim, ahead=AHEAD)
    assert due is not None
    assert due.campaign_id == slow
    assert due.paced_from is not None
    assert slot(claim) == due.paced_from + timedelta(minutes=1)


@pytest.mark.parametrize(("seconds_ago", "goes"), [(59 * 60, True), (5, False)])
def test_what_others_send_does_not_restart_a_slow_campaigns_pace(
    desk: Desk,
    slow: UUID,
    send_next: Callable[[Claim], UUID | None],
    slot: Callable[[Claim], datetime | None],
    seconds_ago: int,
    goes: bool,
) -> None:
    claim = desk.claim()
    assert send_next(claim) == slow
    (sent,) = desk.rows("SELECT id FROM sends WHERE state = 'sent'")
    desk.set_send(sent["id"], granted_at=datetime.now(UTC) - timedelta(seconds=seconds_ago))
    desk.send()
    assert send_next(claim) is None
    assert (slot(claim) is None) is goes


@pytest.mark.parametrize("later", ["reply", "answer"])
def test_what_is_due_soon_holds_back_nothing_that_is_due_now(desk: Desk, later: str) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=60)
    reply = desk.send(priority=1 if later == "answer" else 0, due_at=soon)
    automation, campaign = desk.send(priority=2), desk.send(campaign_id=desk.campaign())
    claim, chosen = desk.claim(), []
    for _ in range(3):
        due = desk.next_due(claim, ahead=AHEAD)
        assert due is not None
        chosen.append(due.id)
        desk.set_send(due.id, state="cancelled")
    assert chosen == [automation, campaign, reply]


def test_of_all_that_is_due_the_most_urgent_goes_first(desk: Desk) -> None:
    campaign, automation = desk.send(campaign_id=desk.campaign()), desk.send(priority=2)
    answer, reply = desk.send(priority=1), desk.send(priority=0)
    claim, chosen = desk.claim(), []
    for _ in range(4):
        due = desk.next_due(claim, ahead=AHEAD)
        assert due is not None
        chosen.append(due.id)
        desk.set_send(due.id, state="cancelled")
    assert chosen == [reply, answer, automation, campaign]
