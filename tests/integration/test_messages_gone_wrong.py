"""A message that a member ordered and that went wrong: its author hears of it, and nobody else."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from huntaze.domain.outbound import cancelling, grants, settlement
from huntaze.domain.outbound.grants import Granted
from huntaze.domain.outbound.settlement import Sighting
from huntaze.domain.outbound.states import SendState, SkipReason
from huntaze.ids import new_id
from tests.fakes.creator_desk import BRIEF, Desk
from tests.fakes.staff import Staff

KIND = "message_went_wrong"


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()


@pytest.fixture
def staff(desk: Desk, join_staff: Callable[[Desk], Staff]) -> Staff:
    return join_staff(desk)


def vanish(desk: Desk) -> None:
    """Submit the lane's next message; nobody can see what became of it."""
    claim = desk.claim()
    assert isinstance(desk.grant(claim, deadlines=BRIEF), Granted)
    with desk.worker.transaction() as connection:
        (doubt,) = settlement.in_doubt(connection, claim)
        lost = [Sighting(False, [])]
        outcome = settlement.settle_read_back(connection, claim, doubt, lost)
    assert outcome is SendState.UNKNOWN


def give_up(desk: Desk) -> None:
    """Let the thread of the lane's next message never open."""
    claim = desk.claim()
    for _ in range(grants.MAX_OPEN_FAILURES):
        due = desk.next_due(claim)
        assert due is not None
        with desk.worker.transaction() as connection:
            later = timedelta(seconds=-1)
            grants.could_not_open(connection, claim, due, "server_error", delay=later)


def leave_out(desk: Desk) -> None:
    """Let the grant leave the lane's next message out: the thread has gone on."""
    claim = desk.claim()
    due = desk.next_due(claim)
    assert due is not None
    with desk.worker.transaction() as connection:
        grants.skip(connection, claim, due, SkipReason.MOVED_ON)


def take_away(desk: Desk) -> None:
    """Cancel what waits, as the chatbot does when the fan writes on."""
    with desk.app.transaction() as connection:
        waiting = connection.execute("SELECT id FROM sends WHERE state = 'planned'").fetchall()
        cancelling.take_away(connection, [row[0] for row in waiting])


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        *((vanish, "unknown"), (give_up, "not_sent")),
        *((leave_out, "skipped"), (take_away, "cancelled")),
    ],
)
@pytest.mark.parametrize(
    "ordered", [{}, {"priority": 1, "written_by": "ai", "model": "m", "approval_id": new_id()}]
)
def test_its_author_is_told(
    desk: Desk, staff: Staff, ending: Callable[[Desk], None], state: str, ordered: dict[str, object]
) -> None:
    fan_id = desk.fan()
    send_id = desk.send(fan_id, author_id=staff.people["chatter"], **ordered)
    ending(desk)
    assert desk.row(send_id)["state"] == state
    assert (staff.told(KIND), staff.mailed(KIND)) == (["chatter"], [])
    (notice,) = desk.rows("SELECT * FROM events_outbox WHERE event_type = 'message.went_wrong'")
    assert notice["aggregate_id"] == send_id
    assert notice["payload"]["state"] == state
    (settled,) = desk.events("message.settled")
    assert (settled["state"], settled["fan_id"]) == (state, str(fan_id))


@pytest.mark.parametrize("ending", [vanish, give_up, leave_out, take_away])
@pytest.mark.parametrize("kind", ["campaign", "automation", "chatbot", "rule"])
def test_of_what_no_member_has_ordered_nobody_is_told(
    desk: Desk, staff: Staff, ending: Callable[[Desk], None], kind: str
) -> None:
    columns: dict[str, dict[str, object]] = {
        "campaign": {"campaign_id": desk.campaign()},
        "automation": {"priority": 2},
        "chatbot": {"priority": 1, "written_by": "ai", "approval_id": new_id(), "by_itself": True},
        "rule": {"priority": 1, "written_by": "template"},
    }
    send_id = desk.send(author_id=staff.people["chatter"], **columns[kind])
    if kind == "campaign" and ending is take_away:
        # Its planned messages are its own matter.
        ending = leave_out
    if kind == "chatbot" and ending is vanish:
        # What lets it go by itself is looked at elsewhere.
        ending = give_up
    ending(desk)
    assert desk.row(send_id)["state"] in ("unknown", "not_sent", "skipped", "cancelled")
    assert staff.kinds() == set()


def test_of_what_arrived_or_was_called_back_nobody_is_told(desk: Desk, staff: Staff) -> None:
    send_id: UUID = desk.send(author_id=staff.people["chatter"])
    claim = desk.claim()
    desk.grant(claim)
    desk.confirm(claim, send_id)
    send_id = desk.send(author_id=staff.people["chatter"], due_at="now")
    with desk.app.transaction() as connection:
        assert cancelling.call_back(connection, send_id, by=desk.user_id)
    assert staff.kinds() == set()
