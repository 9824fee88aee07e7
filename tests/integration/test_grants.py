"""The grant: one transaction, the database clock, and a refusal for each thing in the way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from huntaze.domain.outbound import grants, lanes
from huntaze.domain.outbound.grants import Granted, Refused
from huntaze.domain.outbound.states import Priority, SkipReason
from huntaze.ids import new_id
from tests.fakes.creator_desk import BRIEF, LONG, Desk


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()


def test_grants_a_due_message_and_reserves_the_budget_to_t2(desk: Desk) -> None:
    send_id = desk.send()
    claim = desk.claim()
    granted = desk.grant(claim, baseline="m7")
    assert isinstance(granted, Granted)
    row, lane = desk.row(send_id), desk.lane()
    assert row["state"] == "submitting"
    assert row["fencing_token"] == claim.fencing_token
    assert row["baseline_message_id"] == "m7"
    assert row["submit_until"] - row["granted_at"] == LONG.submit_within
    assert row["readable_at"] - row["granted_at"] == LONG.readable_after
    assert lane["interval_starts"] == [granted.granted_at]
    assert lane["interval_ends"] == [row["readable_at"]]
    assert lane["open_send_id"] == send_id
    (attempt,) = desk.rows("SELECT * FROM send_attempts WHERE send_id = %s", send_id)
    assert (attempt["attempt"], attempt["outcome"]) == (1, None)


def test_refuses_a_worker_whose_token_was_followed_by_another(desk: Desk) -> None:
    desk.send()
    old = desk.claim()
    due = desk.next_due(old)
    desk.set_lane(leased_until=datetime(2020, 1, 1, tzinfo=UTC))
    desk.claim("worker-2")
    assert desk.grant(old, due) == Refused("lane_lost")


def test_refuses_a_worker_whose_lease_is_over(desk: Desk) -> None:
    desk.send()
    claim = desk.claim(lease=timedelta(microseconds=1))
    assert desk.grant(claim) == Refused("lane_lost")


def test_refuses_a_stopped_creator_and_names_the_reason(desk: Desk) -> None:
    send_id = desk.send()
    claim = desk.claim()
    desk.set_lane(status="stopped", stop_reason="captcha")
    assert desk.grant(claim) == Refused("stopped", "captcha")
    assert desk.row(send_id)["state"] == "planned"


def test_the_creators_own_kill_switch_holds_everything(desk: Desk) -> None:
    desk.send()
    claim = desk.claim()
    desk.set_lane(kill_switch=True)
    assert desk.grant(claim) == Refused("stopped", "kill_switch")


@pytest.mark.parametrize("scope", ["all", "profile:fan_platform"])
def test_an_operators_kill_switch_holds_everything(
    desk: Desk, database: dict[str, str], scope: str
) -> None:
    desk.send()
    claim = desk.claim()
    with psycopg.connect(database["master"], autocommit=True) as operator:
        operator.execute(
            "INSERT INTO kill_switches (scope, reason, set_by) VALUES (%s, 'test', 'operator')",
            (scope,),
        )
        try:
            assert desk.grant(claim) == Refused("stopped", f"kill_switch:{scope}")
        finally:
            operator.execute("DELETE FROM kill_switches WHERE scope = %s", (scope,))
    assert isinstance(desk.grant(claim), Granted)


def test_another_platforms_kill_switch_does_not_count(desk: Desk, database: dict[str, str]) -> None:
    desk.send()
    with psycopg.connect(database["master"], autocommit=True) as operator:
        operator.execute(
            "INSERT INTO kill_switches (scope, reason, set_by)"
            " VALUES ('profile:other', 'test', 'operator')"
        )
        try:
            assert isinstance(desk.grant(desk.claim()), Granted)
        finally:
            operator.execute("DELETE FROM kill_switches WHERE scope = 'profile:other'")


@pytest.mark.parametrize("status", ["paused", "cancelled", "draft", "scheduled"])
def test_a_campaign_that_does_not_run_sends_nothing(desk: Desk, status: str) -> None:
    campaign_id = desk.campaign()
    send_id = desk.send(campaign_id=campaign_id)
    claim = desk.claim()
    due = desk.next_due(claim)
    desk.set_campaign(campaign_id, status=status)
    assert desk.grant(claim, due) == Refused("gone")
    assert desk.next_due(claim) is None
    assert desk.row(send_id)["state"] == "planned"


def test_a_message_that_was_cancelled_meanwhile_is_gone(desk: Desk) -> None:
    send_id = desk.send()
    claim = desk.claim()
    due = desk.next_due(claim)
    desk.set_send(send_id, state="cancelled")
    assert desk.grant(claim, due) == Refused("gone")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"platform_id": None}, SkipReason.UNMATCHED),
        ({"platform_id": None, "erased_at": "now"}, SkipReason.ERASED),
        ({"blocked_at": "now"}, SkipReason.BLOCKED),
        ({"consent": False}, SkipReason.NO_CONSENT),
        ({"status": "expired"}, SkipReason.SUBSCRIPTION_ENDED),
    ],
)
def test_skips_a_fan_who_must_not_be_written_to(
    desk: Desk, columns: dict[str, object], reason: SkipReason
) -> None:
    fan_id = desk.fan()
    send_id = desk.send(fan_id)
    claim = desk.claim()
    due = desk.next_due(claim)
    desk.set_fan(fan_id, **columns)
    # Not even a person's message goes there.
    assert due is not None
    assert due.priority == Priority.PERSON
    assert desk.grant(claim, due) == Refused("skipped", reason.value)
    row = desk.row(send_id)
    assert (row["state"], row["reason"]) == ("skipped", reason.value)
    assert row["settled_at"] is not None
    assert desk.events("message.settled")[-1]["reason"] == reason.value
    assert desk.lane()["interval_starts"] == []


def test_skips_a_suppressed_fan(desk: Desk) -> None:
    fan_id = desk.fan()
    desk.send(fan_id)
    desk.suppress(fan_id)
    assert desk.grant(desk.claim()) == Refused("skipped", "suppressed")


@pytest.mark.parametrize(
    ("topic", "resolved", "priority", "granted"),
    [
        ("minors_age", False, Priority.CHATBOT, False),
        ("threat", False, Priority.AUTOMATION, False),
        ("self_harm", False, Priority.CAMPAIGN, False),
        ("minors_age", False, Priority.PERSON, True),
        ("minors_age", True, Priority.CAMPAIGN, True),
        ("refund", False, Priority.CAMPAIGN, True),
    ],
)
def test_nothing_goes_by_itself_to_a_fan_whom_a_person_must_look_at_first(
    desk: Desk, topic: str, resolved: bool, priority: Priority, granted: bool
) -> None:
    fan_id = desk.fan()
    desk.hand_over(fan_id, topic, resolved=resolved)
    desk.send(fan_id, priority=int(priority))
    answer = desk.grant(desk.claim())
    assert (
        answer == Refused("skipped", "handed_over") if not granted else isinstance(answer, Granted)
    )


def test_consent_that_was_never_asked_for_stands_on_the_platforms_relation(desk: Desk) -> None:
    desk.send(desk.fan(consent=None))
    assert isinstance(desk.grant(desk.claim()), Granted)


def test_a_fan_who_never_subscribed_may_be_written_to(desk: Desk) -> None:
    desk.send(desk.fan(status="follower"), fan_status="follower")
    assert isinstance(desk.grant(desk.claim()), Granted)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"compliance_passed_at": None}, SkipReason.NOT_COMPLIANT),
        ({"written_by": "ai"}, SkipReason.NOT_APPROVED),
    ],
)
def test_never_takes_a_text_that_was_not_judged_or_approved(
    desk: Desk, columns: dict[str, object], reason: SkipReason
) -> None:
    send_id = desk.send(**columns)
    assert desk.grant(desk.claim()) == Refused("skipped", reason.value)
    assert desk.row(send_id)["state"] == "skipped"


def test_takes_ai_text_that_a_person_approved(desk: Desk) -> None:
    desk.send(written_by="ai", approval_id=new_id())
    assert isinstance(desk.grant(desk.claim()), Granted)


def test_offers_no_medium_twice(desk: Desk) -> None:
    fan_id, medium = desk.fan(), desk.medium()
    first = desk.send(fan_id, media_ids=[medium], price_cents=500)
    claim = desk.claim()
    assert isinstance(desk.grant(claim, deadlines=BRIEF), Granted)
    desk.set_send(first, state="sent")
    other = desk.medium()
    second = desk.send(fan_id, media_ids=[other, medium], price_cents=500)
    assert desk.grant(claim) == Refused("skipped", "already_offered")
    assert desk.row(second)["state"] == "skipped"
    # The refused message has offered nothing: the other medium is still new to the fan.
    assert desk.rows("SELECT media_id FROM media_grants WHERE fan_id = %s", fan_id) == [
        {"media_id": medium}
    ]


def test_a_fan_with_a_message_in_flight_waits_for_it(desk: Desk) -> None:
    fan_id = desk.fan()
    desk.send(fan_id)
    claim = desk.claim()
    assert isinstance(desk.grant(claim), Granted)
    waiting = desk.send(fan_id)
    first_readable = desk.rows("SELECT readable_at FROM sends WHERE state = 'submitting'")[0]
    assert desk.grant(claim) == Refused("deferred", until=first_readable["readable_at"])
    assert desk.row(waiting)["due_at"] == first_readable["readable_at"]


def test_a_message_in_doubt_does_not_make_the_next_one_spin(desk: Desk) -> None:
    fan_id = desk.fan()
    desk.send(fan_id)
    claim = desk.claim()
    assert isinstance(desk.grant(claim, deadlines=BRIEF), Granted)
    desk.send(fan_id)
    answer = desk.grant(claim)
    assert isinstance(answer, Refused)
    assert answer.why == "deferred"
    assert answer.until is not None
    assert answer.until > datetime.now(UTC) + timedelta(seconds=1)


def test_without_a_slot_nothing_is_written_and_the_moment_is_told(desk: Desk) -> None:
    desk.set_lane(messages_per_minute=10, min_gap_ms=3000)
    desk.send()
    second = desk.send()
    claim = desk.claim()
    assert isinstance(desk.grant(claim), Granted)
    answer = desk.grant(claim)
    reserved_until = desk.lane()["interval_ends"][0]
    assert answer == Refused("no_slot", until=reserved_until + timedelta(seconds=3))
    assert desk.row(second)["state"] == "planned"
    assert len(desk.lane()["interval_starts"]) == 1


def test_an_order_of_priorities_decides_who_is_next(desk: Desk) -> None:
    campaign_id = desk.campaign()
    campaign = desk.send(campaign_id=campaign_id)
    automation, chatbot, person = (desk.send(priority=rank) for rank in (2, 1, 0))
    claim = desk.claim()
    taken = []
    for _ in range(4):
        due = desk.next_due(claim)
        assert due is not None
        taken.append(due.id)
        desk.set_send(due.id, state="cancelled")
    assert taken == [person, chatbot, automation, campaign]


def test_three_failures_to_open_a_thread_give_the_message_up(desk: Desk) -> None:
    send_id = desk.send()
    claim = desk.claim()
    for failure in (1, 2, 3):
        due = desk.next_due(claim)
        assert due is not None
        with desk.worker.transaction() as connection:
            grants.could_not_open(connection, claim, due, "server_error", delay=timedelta(0))
        row = desk.row(send_id)
        assert row["open_failures"] == failure
        assert row["state"] == ("not_sent" if failure == 3 else "planned")
    assert desk.row(send_id)["reason"] == "server_error"
    # Nothing was granted, so nothing of the budget or of the attempts is spent.
    assert desk.rows("SELECT FROM send_attempts WHERE send_id = %s", send_id) == []


def test_a_block_is_remembered_for_good(desk: Desk) -> None:
    fan_id = desk.fan()
    claim = desk.claim()
    with desk.worker.transaction() as connection:
        grants.block_fan(connection, claim, fan_id)
        grants.block_fan(connection, claim, fan_id)
    assert desk.row(fan_id, "fans")["blocked_at"] is not None
    assert len(desk.rows("SELECT FROM suppressions WHERE reason = 'block'")) == 1


def test_what_is_paced_is_told_by_the_campaign(desk: Desk) -> None:
    campaign_id = desk.campaign(messages_per_minute=4)
    desk.set_lane(messages_per_minute=10, min_gap_ms=0)
    desk.send(campaign_id=campaign_id)
    desk.send(campaign_id=campaign_id)
    claim = desk.claim()
    granted = desk.grant(claim, deadlines=BRIEF)
    assert isinstance(granted, Granted)
    assert desk.grant(claim) == Refused("no_slot", until=granted.granted_at + timedelta(seconds=15))
    # A person need not keep the campaign's pace.
    desk.send()
    assert isinstance(desk.grant(claim), Granted)


def test_two_workers_cannot_both_hold_a_lane(desk: Desk) -> None:
    first = desk.claim("worker-1")
    assert (
        lanes.claim(desk.source, desk.creator_id, holder="worker-2", lease=LONG.readable_after)
        is None
    )
    with desk.worker.transaction() as connection:
        lanes.release(connection, first)
    second = desk.claim("worker-2")
    assert second.fencing_token == first.fencing_token + 1
    with desk.worker.transaction() as connection:
        assert not lanes.renew(connection, first, LONG.readable_after)
        lanes.stop(connection, first, "captcha")
    assert desk.lane()["status"] == "active"
