"""How a submitted message ends, and what can never happen to a row of the ledger."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import psycopg
import pytest

from huntaze.db import Connection
from huntaze.domain.outbound import grants, judging, offers, settlement
from huntaze.domain.outbound.grants import Granted
from huntaze.domain.outbound.judging import Settlement
from huntaze.domain.outbound.lanes import Claim
from huntaze.domain.outbound.settlement import InDoubt, OwnMessage, Sighting
from huntaze.domain.outbound.states import SendState
from huntaze.errors import ConflictError, NotFoundError
from huntaze.ids import new_id
from tests.fakes.creator_desk import BRIEF, LONG, Desk

NOTHING = Sighting(True, [])
LOST = Sighting(False, [])
ASSUME_SENT, SEND_AGAIN = Settlement(decision="assume_sent"), Settlement(decision="send_again")


@pytest.fixture
def desk(
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]], as_role: Callable[[str], Connection]
) -> Desk:
    workspace_id, user_id, creator_id = tenant_factory()
    made = Desk(as_role, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
    made.open_lane()
    return made


@pytest.fixture
def read_back(desk: Desk) -> Callable[..., SendState]:
    """Settle the lane's only message in doubt by what was seen."""

    def settle(claim: Claim, *sightings: Sighting) -> SendState:
        with desk.worker.transaction() as connection:
            (doubt,) = settlement.in_doubt(connection, claim)
            return settlement.settle_read_back(connection, claim, doubt, list(sightings))

    return settle


@pytest.fixture
def doubt() -> InDoubt:
    return InDoubt(
        id=new_id(),
        campaign_id=None,
        fan_id=new_id(),
        fan_platform_id="p",
        fan_handle="h",
        text="t",
        price_cents=0,
        baseline_message_id="b",
        attempt=1,
        fencing_token=1,
        readable_at=datetime.now(UTC),
        known_message_ids=["known"],
    )


def test_a_confirmed_message_is_sent_and_frees_the_rest_of_its_interval(desk: Desk) -> None:
    fan_id, campaign_id = desk.fan(), desk.campaign()
    send_id = desk.send(fan_id, campaign_id=campaign_id)
    claim = desk.claim()
    granted = desk.grant(claim)
    assert isinstance(granted, Granted)
    assert desk.confirm(claim, send_id)
    row, lane = desk.row(send_id), desk.lane()
    assert (row["state"], row["platform_message_id"]) == ("sent", "m1")
    assert row["evidence"] == {"by": "confirmation"}
    assert row["settled_at"] is not None
    assert lane["interval_ends"][0] < granted.granted_at + LONG.readable_after
    assert lane["open_send_id"] is None
    assert desk.row(fan_id, "fans")["last_outbound_at"] is not None
    assert desk.events("message.settled") == [
        {
            "creator_id": str(desk.creator_id),
            "campaign_id": str(campaign_id),
            "fan_id": str(fan_id),
            "state": "sent",
            "reason": None,
        }
    ]
    (attempt,) = desk.rows("SELECT * FROM send_attempts WHERE send_id = %s", send_id)
    assert (attempt["outcome"], attempt["ended_at"] is not None) == ("sent", True)


def test_confirming_twice_is_confirming_once(desk: Desk) -> None:
    send_id = desk.send()
    claim = desk.claim()
    desk.grant(claim)
    assert desk.confirm(claim, send_id)
    assert not desk.confirm(claim, send_id, "m2")
    assert desk.row(send_id)["platform_message_id"] == "m1"
    assert len(desk.events("message.settled")) == 1


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("sending", "planned"),
        ("paused", "planned"),
        ("cancelled", "not_sent"),
        ("failed", "not_sent"),
    ],
)
def test_what_did_not_arrive_is_tried_again_unless_its_campaign_is_over(
    desk: Desk, read_back: Callable[..., SendState], status: str, state: str
) -> None:
    campaign_id = desk.campaign()
    send_id = desk.send(campaign_id=campaign_id)
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    desk.set_campaign(campaign_id, status=status)
    read_back(claim, NOTHING, NOTHING)
    row = desk.row(send_id)
    reason = None if state == "planned" else "cancelled"
    assert (row["state"], row["reason"]) == (state, reason)
    assert (row["settled_at"] is None) == (state == "planned")
    told = [(one["state"], one["reason"]) for one in desk.events("message.settled")]
    assert told == ([] if state == "planned" else [(state, reason)])
    (attempt,) = desk.rows("SELECT * FROM send_attempts WHERE send_id = %s", send_id)
    assert (attempt["attempt"], attempt["outcome"]) == (1, "not_sent")


def test_what_is_taken_back_can_be_offered_again_unless_it_was_bought(desk: Desk) -> None:
    medium = desk.medium()
    send_id = desk.send(media_ids=[medium])
    claim = desk.claim()
    desk.grant(claim)
    desk.confirm(claim, send_id)
    offered = "SELECT state FROM media_grants WHERE media_id = %s"
    assert desk.rows(offered, medium) == [{"state": "offered"}]
    for _ in range(2):
        with desk.worker.transaction() as connection:
            settlement.mark_unsent(connection, claim, send_id)
    assert desk.rows(offered, medium) == []
    # The payment was told late: the fan has it for good.
    with desk.app.transaction() as connection:
        connection.execute(
            "CREATE TEMP TABLE paid ON COMMIT DROP AS"
            " SELECT fan_id, 'message' AS type, platform_message_id FROM sends"
        )
        offers.mark_bought(connection, desk.creator_id, "paid")
    with desk.worker.transaction() as connection:
        settlement.mark_unsent(connection, claim, send_id)
    assert desk.rows(offered, medium) == [{"state": "bought"}]


def test_a_late_confirmation_keeps_the_reserve(desk: Desk) -> None:
    send_id = desk.send()
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    reserved = desk.lane()["interval_ends"]
    assert desk.confirm(claim, send_id)
    assert desk.lane()["interval_ends"] == reserved


def test_settling_one_message_leaves_the_open_interval_of_another(desk: Desk) -> None:
    first, second = desk.send(due_at="2020-01-01"), desk.send()
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    desk.grant(claim)
    reserved = desk.lane()["interval_ends"]
    assert desk.confirm(claim, first)
    assert desk.lane()["interval_ends"] == reserved
    assert desk.confirm(claim, second)
    assert desk.lane()["interval_ends"][-1] < reserved[-1]


# One line per thing that can be seen after the baseline; `m` matches, `x` does not, `k` is known.
VIEWS = {
    "nothing": NOTHING,
    "lost": LOST,
    "m": Sighting(True, [OwnMessage("m", matches=True)]),
    "x": Sighting(True, [OwnMessage("x", matches=False)]),
    "k": Sighting(True, [OwnMessage("known", matches=True)]),
    "xm": Sighting(True, [OwnMessage("x", matches=False), OwnMessage("m", matches=True)]),
    "km": Sighting(True, [OwnMessage("known", matches=True), OwnMessage("m", matches=True)]),
}
SENT_VIEWS = {"m", "xm", "km"}


@pytest.mark.parametrize(("first", "second"), list(product(VIEWS, VIEWS)))
def test_judges_every_pair_of_readings(doubt: InDoubt, first: str, second: str) -> None:
    outcome, facts = settlement.judge(doubt, [VIEWS[first], VIEWS[second]])
    if second in SENT_VIEWS:
        assert outcome is SendState.SENT
        assert facts["platform_message_id"] == "m"
    elif first == second == "nothing":
        assert outcome is SendState.NOT_SENT
    else:
        assert outcome is SendState.UNKNOWN


@pytest.mark.parametrize("view", VIEWS)
def test_one_reading_alone_never_proves_an_absence(doubt: InDoubt, view: str) -> None:
    outcome, _ = settlement.judge(doubt, [VIEWS[view]])
    assert outcome is (SendState.SENT if view in SENT_VIEWS else SendState.UNKNOWN)


def test_what_was_not_sent_is_tried_once_more_and_then_given_up(
    desk: Desk, read_back: Callable[..., SendState]
) -> None:
    fan_id, medium = desk.fan(), desk.medium()
    send_id = desk.send(fan_id, media_ids=[medium], price_cents=500)
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    assert read_back(claim, NOTHING, NOTHING) is SendState.NOT_SENT
    row = desk.row(send_id)
    assert (row["state"], row["attempt"], row["settled_at"]) == ("planned", 2, None)
    # The fan never saw the offer.
    assert desk.rows("SELECT FROM media_grants WHERE fan_id = %s", fan_id) == []
    assert desk.events("message.settled") == []
    assert isinstance(desk.grant(claim, deadlines=BRIEF), Granted)
    assert read_back(claim, NOTHING, NOTHING) is SendState.NOT_SENT
    row = desk.row(send_id)
    assert (row["state"], row["attempt"]) == ("not_sent", 2)
    outcomes = desk.rows("SELECT outcome FROM send_attempts ORDER BY attempt")
    assert [attempt["outcome"] for attempt in outcomes] == ["not_sent", "not_sent"]
    assert [event["state"] for event in desk.events("message.settled")] == ["not_sent"]
    assert desk.next_due(claim) is None


def test_what_cannot_be_known_is_listed_and_keeps_its_offer(
    desk: Desk, read_back: Callable[..., SendState]
) -> None:
    fan_id, medium = desk.fan(), desk.medium()
    send_id = desk.send(fan_id, media_ids=[medium], price_cents=500)
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    assert read_back(claim, LOST, NOTHING) is SendState.UNKNOWN
    row = desk.row(send_id)
    assert row["state"] == "unknown"
    assert row["evidence"]["readings"] == 2
    assert desk.rows("SELECT state FROM media_grants") == [{"state": "offered"}]
    assert desk.next_due(claim) is None


def test_a_thread_that_cannot_be_read_any_more_leaves_an_unknown(desk: Desk) -> None:
    send_id = desk.send()
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    with desk.worker.transaction() as connection:
        (doubt,) = settlement.in_doubt(connection, claim)
        outcome = settlement.settle_unreadable(connection, claim, doubt, "fan_gone")
    assert outcome is SendState.UNKNOWN
    assert desk.row(send_id)["evidence"]["trouble"] == "fan_gone"


def test_nothing_is_read_back_before_t2(desk: Desk) -> None:
    desk.send()
    claim = desk.claim()
    granted = desk.grant(claim)
    assert isinstance(granted, Granted)
    with desk.worker.transaction() as connection:
        assert settlement.in_doubt(connection, claim) == []
        assert (
            settlement.next_readable(connection, claim) == granted.granted_at + LONG.readable_after
        )


def test_messages_that_other_sends_explain_are_told_to_the_reader(
    desk: Desk, read_back: Callable[..., SendState]
) -> None:
    fan_id = desk.fan()
    first = desk.send(fan_id)
    claim = desk.claim()
    desk.grant(claim)
    desk.confirm(claim, first, "earlier")
    desk.send(fan_id)
    desk.grant(claim, deadlines=BRIEF)
    again = Sighting(True, [OwnMessage("earlier", matches=True)])
    # The same text as before, but it is the message of before.
    assert read_back(claim, again, again) is SendState.UNKNOWN


def test_a_worker_that_lost_its_lane_may_still_say_what_it_saw(desk: Desk) -> None:
    send_id = desk.send()
    old = desk.claim("worker-1", lease=timedelta(milliseconds=150))
    assert isinstance(desk.grant(old), Granted)
    desk.set_lane(leased_until="2020-01-01")
    desk.claim("worker-2")
    assert desk.confirm(old, send_id)
    assert desk.row(send_id)["state"] == "sent"


def test_a_confirmation_from_an_earlier_attempt_does_not_touch_the_next(
    desk: Desk, read_back: Callable[..., SendState]
) -> None:
    send_id = desk.send()
    old = desk.claim("worker-1")
    desk.grant(old, deadlines=BRIEF)
    desk.set_lane(leased_until="2020-01-01")
    new = desk.claim("worker-2")
    read_back(new, NOTHING, NOTHING)
    desk.grant(new)
    assert not desk.confirm(old, send_id)
    row = desk.row(send_id)
    assert (row["state"], row["fencing_token"]) == ("submitting", new.fencing_token)


def test_two_workers_who_read_the_same_doubt_settle_it_once(desk: Desk) -> None:
    send_id = desk.send()
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    with desk.worker.transaction() as connection:
        (seen_by_both,) = settlement.in_doubt(connection, claim)
    outcomes = []
    for _ in range(2):
        with desk.worker.transaction() as connection:
            outcomes.append(
                settlement.settle_read_back(connection, claim, seen_by_both, [NOTHING, NOTHING])
            )
    assert outcomes == [SendState.NOT_SENT, SendState.SUBMITTING]
    assert desk.row(send_id)["attempt"] == 2


@pytest.fixture
def unknown(desk: Desk, read_back: Callable[..., SendState]) -> UUID:
    """A message with a medium whose outcome nobody knows."""
    send_id = desk.send(desk.fan(), media_ids=[desk.medium()], price_cents=700, text="hello you")
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    read_back(claim, LOST, LOST)
    return send_id


def test_a_person_may_vouch_for_an_unknown_message(desk: Desk, unknown: UUID) -> None:
    with desk.app.transaction() as connection:
        judging.settle(connection, unknown, ASSUME_SENT, decided_by=desk.user_id)
    row = desk.row(unknown)
    assert row["state"] == "sent"
    assert row["evidence"]["settled_by"] == str(desk.user_id)
    with desk.app.transaction() as connection, pytest.raises(ConflictError):
        judging.settle(connection, unknown, ASSUME_SENT, decided_by=desk.user_id)


def test_a_person_may_send_an_unknown_message_again_once(desk: Desk, unknown: UUID) -> None:
    with desk.app.transaction() as connection:
        repeated = judging.settle(connection, unknown, SEND_AGAIN, decided_by=desk.user_id)
    assert repeated is not None
    old, new = desk.row(unknown), desk.row(repeated)
    assert old["state"] == "unknown"
    assert old["evidence"]["sent_again_as"] == str(repeated)
    assert (new["state"], new["campaign_id"], new["priority"]) == ("planned", None, 0)
    for column in ("text", "text_hash", "price_cents", "media_ids", "fan_id"):
        assert new[column] == old[column]
    # The offer has passed to the new message: it can be granted.
    assert isinstance(desk.grant(desk.claim()), Granted)
    with desk.app.transaction() as connection, pytest.raises(ConflictError):
        judging.settle(connection, unknown, SEND_AGAIN, decided_by=desk.user_id)


def test_what_was_bought_is_not_offered_again(desk: Desk, unknown: UUID) -> None:
    with desk.app.transaction() as connection:
        connection.execute(
            "UPDATE media_grants SET state = 'bought' WHERE send_id = %s", (unknown,)
        )
        judging.settle(connection, unknown, SEND_AGAIN, decided_by=desk.user_id)
    answer = desk.grant(desk.claim())
    assert not isinstance(answer, Granted)
    assert answer.detail == "already_offered"
    assert desk.rows("SELECT state FROM media_grants") == [{"state": "bought"}]


def test_only_an_unknown_message_can_be_settled_by_a_person(desk: Desk) -> None:
    planned = desk.send()
    for decision in (ASSUME_SENT, SEND_AGAIN):
        with desk.app.transaction() as connection, pytest.raises(ConflictError):
            judging.settle(connection, planned, decision, decided_by=desk.user_id)
        with desk.app.transaction() as connection, pytest.raises(NotFoundError):
            judging.settle(connection, new_id(), decision, decided_by=desk.user_id)


STATES = [state.value for state in SendState]
LEGAL = {
    ("planned", "submitting"),
    ("planned", "skipped"),
    ("planned", "cancelled"),
    ("planned", "not_sent"),
    ("submitting", "sent"),
    ("submitting", "unknown"),
    ("submitting", "not_sent"),
    ("unknown", "sent"),
}


@pytest.mark.parametrize(
    ("before", "after"), [pair for pair in product(STATES, STATES) if pair[0] != pair[1]]
)
def test_the_database_keeps_the_moves_of_a_message(desk: Desk, before: str, after: str) -> None:
    send_id = desk.send(
        state=before,
        reason="cap",
        granted_at="2026-01-01",
        submit_until="2026-01-01",
        readable_at="2026-01-02",
    )
    if (before, after) in LEGAL:
        desk.set_send(send_id, state=after)
    else:
        with pytest.raises(psycopg.errors.CheckViolation):
            desk.set_send(send_id, state=after)


def test_a_submitted_message_is_planned_again_with_the_next_attempt_only(desk: Desk) -> None:
    send_id = desk.send()
    desk.grant(desk.claim())
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.set_send(send_id, state="planned")
    desk.set_send(send_id, state="planned", attempt=2)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("text", "other"),
        ("text_hash", "other"),
        ("price_cents", 900),
        ("media_ids", [new_id()]),
        ("variant", "B"),
        ("written_by", "template"),
        ("fan_id", new_id()),
        ("campaign_id", new_id()),
    ],
)
def test_what_a_message_says_and_to_whom_is_frozen(desk: Desk, column: str, value: object) -> None:
    send_id = desk.send()
    with pytest.raises(psycopg.errors.CheckViolation, match="frozen"):
        desk.set_send(send_id, **{column: value})


def test_a_granted_message_stays_on_record(desk: Desk) -> None:
    granted, planned = desk.send(due_at="2020-01-01"), desk.send()
    desk.grant(desk.claim())
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="stays on record"),
        desk.app.transaction() as connection,
    ):
        connection.execute("DELETE FROM sends WHERE id = %s", (granted,))
    with desk.app.transaction() as connection:
        assert connection.execute("DELETE FROM sends WHERE id = %s", (planned,)).rowcount == 1


def test_a_grant_whose_commit_is_lost_leaves_nothing_behind(desk: Desk) -> None:
    send_id = desk.send(media_ids=[desk.medium()], price_cents=500)
    claim = desk.claim()
    due = desk.next_due(claim)
    assert due is not None

    with pytest.raises(ZeroDivisionError), desk.worker.transaction() as connection:  # noqa: PT012
        answer = grants.grant(connection, claim, due, baseline=None, deadlines=LONG)
        assert isinstance(answer, Granted)
        _ = 1 / 0
    assert desk.row(send_id)["state"] == "planned"
    assert desk.lane()["interval_starts"] == []
    assert desk.rows("SELECT FROM media_grants") == []
