"""The grant: caps, running chats and quiet hours, and whom they bind."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from huntaze.db import Connection
from huntaze.domain.outbound.grants import Granted, Refused
from huntaze.domain.outbound.states import Priority
from huntaze.ids import new_id
from tests.fakes.creator_desk import BRIEF, Desk


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()


@pytest.mark.parametrize(
    ("had", "hours_ago", "priority", "granted"),
    [
        (1, 1, Priority.CAMPAIGN, True),
        (2, 1, Priority.CAMPAIGN, False),
        (2, 1, Priority.AUTOMATION, False),
        (2, 1, Priority.CHATBOT, False),
        (2, 1, Priority.PERSON, True),
        (2, 25, Priority.CAMPAIGN, True),
    ],
)
def test_caps_count_everyones_messages_and_bind_all_but_people(
    desk: Desk, had: int, hours_ago: float, priority: Priority, granted: bool
) -> None:
    fan_id = desk.fan()
    desk.had(fan_id, had, hours_ago=hours_ago)
    desk.send(fan_id, priority=int(priority))
    answer = desk.grant(desk.claim())
    assert answer == Refused("skipped", "cap") if not granted else isinstance(answer, Granted)


APPROVED_REPLY = {"priority": 1, "written_by": "ai", "approval_id": new_id()}


@pytest.mark.parametrize(
    ("columns", "decided"),
    [
        (APPROVED_REPLY, True),
        # An answer written beforehand, and what was approved for many at once.
        (APPROVED_REPLY | {"written_by": "template"}, False),
        (APPROVED_REPLY | {"written_by": "person", "approval_id": None}, False),
        (APPROVED_REPLY | {"priority": 2}, False),
        (APPROVED_REPLY | {"priority": 3}, False),
    ],
    ids=["approved", "template", "no approval", "automation", "campaign"],
)
def test_who_approves_a_reply_decides_like_who_writes_one(
    desk: Desk, columns: dict[str, object], decided: bool
) -> None:
    capped, asleep = desk.fan(), desk.fan(time_zone="UTC")
    desk.had(capped, 2)
    desk.send(capped, **columns)
    claim = desk.claim()
    answer = desk.grant(claim, deadlines=BRIEF)
    assert isinstance(answer, Granted) if decided else answer == Refused("skipped", "cap")
    now = datetime.now(UTC)
    begins, ends = (f"{(now + timedelta(hours=by)).hour:02}:00" for by in (-1, 3))
    desk.set_creator(quiet_from=begins, quiet_until=ends)
    desk.send(asleep, **columns)
    answer = desk.grant(claim)
    if decided:
        assert isinstance(answer, Granted)
    else:
        assert isinstance(answer, Refused)
        assert answer.why == "deferred"


def test_who_approves_a_reply_decides_no_more_than_that(desk: Desk) -> None:
    handed_over, silent = desk.fan(), desk.fan()
    desk.hand_over(handed_over, "self_harm")
    desk.suppress(silent)
    claim = desk.claim()
    for fan_id, reason in ((handed_over, "handed_over"), (silent, "suppressed")):
        desk.send(fan_id, **APPROVED_REPLY)
        assert desk.grant(claim) == Refused("skipped", reason)
    desk.send(expected_message_id="m7", **APPROVED_REPLY)
    assert desk.grant(claim, baseline="m8") == Refused("skipped", "moved_on")


def test_what_somebody_approved_counts(desk: Desk) -> None:
    desk.set_creator(cap_messages=1)
    fan_id = desk.fan()
    send_id = desk.send(fan_id, **APPROVED_REPLY)
    claim = desk.claim()
    assert isinstance(desk.grant(claim, deadlines=BRIEF), Granted)
    assert desk.confirm(claim, send_id)
    desk.send(fan_id, priority=2)
    assert desk.grant(claim) == Refused("skipped", "cap")


def test_no_cap_is_no_cap(desk: Desk) -> None:
    desk.set_creator(cap_messages=None)
    fan_id = desk.fan()
    desk.had(fan_id, 5)
    desk.send(fan_id, priority=3)
    assert isinstance(desk.grant(desk.claim()), Granted)


@pytest.mark.parametrize(("priority", "granted"), [(0, True), (1, True), (2, False), (3, False)])
def test_automatic_messages_leave_a_running_chat_alone(
    desk: Desk, priority: int, granted: bool
) -> None:
    desk.set_creator(recent_chat_minutes=30)
    desk.send(
        desk.fan(last_inbound_at=datetime.now(UTC) - timedelta(minutes=10)), priority=priority
    )
    answer = desk.grant(desk.claim())
    assert (
        answer == Refused("skipped", "recent_chat") if not granted else isinstance(answer, Granted)
    )


@pytest.mark.parametrize(
    ("newest", "granted"), [("m7", True), ("m8", False), (None, False)], ids=["m7", "m8", "none"]
)
def test_a_reply_goes_out_only_behind_the_message_that_it_answers(
    desk: Desk, newest: str | None, granted: bool
) -> None:
    desk.send(priority=1, expected_message_id="m7")
    answer = desk.grant(desk.claim(), baseline=newest)
    assert isinstance(answer, Granted) if granted else answer == Refused("skipped", "moved_on")


def test_quiet_hours_are_the_fans_own_and_put_the_message_off(desk: Desk) -> None:
    # In one zone it is noon now, in the other midnight.
    offset = 12 - datetime.now(UTC).hour
    noon, midnight = (
        f"Etc/GMT{-offset:+d}",
        f"Etc/GMT{-(offset - 12 if offset > 0 else offset + 12):+d}",
    )
    desk.set_creator(quiet_from="22:00", quiet_until="08:00", time_zone=noon)
    sleeping = desk.send(desk.fan(time_zone=midnight), priority=3)
    claim = desk.claim()
    answer = desk.grant(claim)
    assert isinstance(answer, Refused)
    assert answer.why == "deferred"
    assert answer.until is not None
    assert desk.row(sleeping)["due_at"] == answer.until
    assert timedelta(hours=6) < answer.until - datetime.now(UTC) < timedelta(hours=9)
    # Who has no zone of their own lives in the creator's; and a person may write at any time.
    desk.send(desk.fan(), priority=3)
    assert isinstance(desk.grant(claim, deadlines=BRIEF), Granted)
    desk.send(desk.fan(time_zone=midnight), priority=0)
    time.sleep(0.01)
    assert isinstance(desk.grant(claim), Granted)


@pytest.mark.parametrize(
    ("at", "zone", "hours", "until"),
    [
        # Summer time begins in Paris on 2026-03-29 at 02:00, ends on 2026-10-25 at 03:00.
        ("2026-03-28 22:30+00", "Europe/Paris", ("23:00", "08:00"), "2026-03-29 06:00+00"),
        ("2026-03-29 00:30+00", "Europe/Paris", ("23:00", "08:00"), "2026-03-29 06:00+00"),
        ("2026-10-24 22:30+00", "Europe/Paris", ("23:00", "08:00"), "2026-10-25 07:00+00"),
        ("2026-10-25 00:30+00", "Europe/Paris", ("23:00", "08:00"), "2026-10-25 07:00+00"),
        # The end does not exist that night: the clock jumps from 02:00 to 03:00.
        ("2026-03-29 00:00+00", "Europe/Paris", ("00:30", "02:30"), "2026-03-29 01:30+00"),
        ("2026-06-01 20:59+00", "Europe/Paris", ("23:00", "08:00"), None),
        ("2026-06-01 21:00+00", "Europe/Paris", ("23:00", "08:00"), "2026-06-02 06:00+00"),
        ("2026-06-02 06:00+00", "Europe/Paris", ("23:00", "08:00"), None),
        ("2026-06-01 12:00+00", "UTC", ("11:00", "13:00"), "2026-06-01 13:00+00"),
        ("2026-06-01 13:00+00", "UTC", ("11:00", "13:00"), None),
        ("2026-06-01 03:00+00", "Asia/Kolkata", ("22:00", "09:00"), "2026-06-01 03:30+00"),
        ("2026-06-01 12:00+00", "Mars/Olympus", ("11:00", "13:00"), "2026-06-01 13:00+00"),
        ("2026-06-01 12:00+00", "UTC", ("11:00", "11:00"), None),
        ("2026-06-01 12:00+00", "UTC", (None, None), None),
    ],
)
def test_quiet_hours_pass_midnight_and_changes_of_the_clock(
    as_role: Callable[[str], Connection],
    at: str,
    zone: str,
    hours: tuple[str | None, str | None],
    until: str | None,
) -> None:
    row = (
        as_role("worker")
        .execute(
            "SELECT quiet_until(%s, %s, %s::time, %s::time), %s::timestamptz",
            (at, zone, *hours, until),
        )
        .fetchone()
    )
    assert row is not None
    assert row[0] == row[1]
