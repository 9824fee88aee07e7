"""Moments and days of the schedule, in zones whose clocks jump."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.content.schedule.models import Entry
from functions.content.schedule.service import calendar, moment_of
from huntaze.errors import InvalidInputError
from huntaze.ids import new_id

ZONES = (
    *("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut"),
    *("Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "UTC"),
)


class Stored:
    """A schedule in memory."""

    def __init__(self, *moments):
        self.entries = [
            Entry(
                **dict.fromkeys(("id", "creator_id", "media_id"), new_id()),
                kind="text",
                title="t",
                at=at,
                local_at=at.replace(tzinfo=None),
                time_zone="UTC",
                note=None,
                status="scheduled",
                created_at=at,
                due_at=None,
            )
            for at in sorted(moments)
        ]

    def between(self, _creator, span, most):
        """The entries of a span."""
        return [one for one in self.entries if span.start <= one.at < span.end][:most]


@pytest.mark.parametrize(
    ("local_at", "zone", "later", "at"),
    [
        ("2026-03-29T01:59", "Europe/Paris", False, "2026-03-29T00:59Z"),
        ("2026-03-29T03:00", "Europe/Paris", False, "2026-03-29T01:00Z"),
        ("2026-10-25T02:30", "Europe/Paris", False, "2026-10-25T00:30Z"),
        ("2026-10-25T02:30", "Europe/Paris", True, "2026-10-25T01:30Z"),
        ("2026-07-01T12:00", "Europe/Paris", True, "2026-07-01T10:00Z"),
        ("2026-07-01T12:00", "Asia/Kathmandu", False, "2026-07-01T06:15Z"),
    ],
)
def test_a_moment_is_what_the_clocks_show(local_at, zone, later, at):
    meant = moment_of(datetime.fromisoformat(local_at), zone, later=later)
    assert meant == datetime.fromisoformat(at)


def test_refuses_a_time_that_clocks_leave_out():
    with pytest.raises(InvalidInputError, match="the first time after it is 03:00"):
        moment_of(datetime(2026, 3, 29, 2, 30), "Europe/Paris", later=False)  # noqa: DTZ001
    # Samoa left a whole day out.
    with pytest.raises(InvalidInputError):
        moment_of(datetime(2011, 12, 30, 12, 0), "Pacific/Apia", later=False)  # noqa: DTZ001


@pytest.mark.parametrize("local_at", [datetime.min, datetime.max])  # noqa: DTZ901
def test_refuses_times_outside_of_the_calendar(local_at):
    for zone in ("Pacific/Apia", "America/New_York"):
        try:
            at = moment_of(local_at, zone, later=False)
        except InvalidInputError:
            continue
        assert at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local_at


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001
    st.sampled_from(ZONES),
    st.booleans(),
)
def test_a_moment_shows_the_time_that_was_asked_for(local_at, zone, later):
    local_at = local_at.replace(microsecond=0)
    try:
        at = moment_of(local_at, zone, later=later)
    except InvalidInputError:
        # No moment shows it, then.
        around = local_at.replace(tzinfo=UTC) - timedelta(hours=26)
        shown = {
            (around + timedelta(minutes=15 * n)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
            for n in range(4 * 52)
        }
        quarter = local_at.replace(minute=local_at.minute // 15 * 15, second=0)
        assert quarter not in shown
        return
    assert at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local_at
    first, second = (moment_of(local_at, zone, later=one) for one in (False, True))
    assert first <= second
    assert at == (second if later else first)


@given(
    st.dates(date(2000, 1, 1), date(2035, 1, 1)),
    st.integers(1, 93),
    st.sampled_from(ZONES),
    st.lists(st.integers(-86_400 * 5, 86_400 * 100), max_size=20),
)
def test_days_hold_every_entry_once(first, days, zone, offsets):
    start = datetime.combine(first, datetime.min.time(), UTC)
    stored = Stored(*(start + timedelta(seconds=offset) for offset in offsets))
    made = calendar(stored, creator_id=None, first=first, days=days, time_zone=zone)
    assert [day.date for day in made.days] == [first + timedelta(days=n) for n in range(days)]
    for day, after in zip(made.days, made.days[1:], strict=False):
        assert day.ends_at == after.starts_at
        # A day that a zone left out is empty, the others have 22 to 26 hours.
        assert timedelta(0) <= day.ends_at - day.starts_at <= timedelta(hours=26)
    assert [one.id for day in made.days for one in day.items] == [one.id for one in made.items]
    for day in made.days:
        for one in day.items:
            assert one.at.astimezone(ZoneInfo(zone)).date() == day.date
    within = [
        one
        for one in stored.entries
        if first <= one.at.astimezone(ZoneInfo(zone)).date() < first + timedelta(days=days)
    ]
    assert [one.id for one in within] == [one.id for one in made.items]


def test_the_day_of_a_clock_change_is_shorter_or_longer():
    def hours(first):
        made = calendar(Stored(), creator_id=None, first=first, days=1, time_zone="Europe/Paris")
        (day,) = made.days
        return (day.ends_at - day.starts_at) / timedelta(hours=1)

    assert hours(date(2026, 3, 29)) == 23
    assert hours(date(2026, 10, 25)) == 25
    assert hours(date(2026, 6, 1)) == 24


def test_refuses_days_that_hold_too_much():
    at = datetime(2026, 6, 1, tzinfo=UTC)
    stored = Stored(*(at + timedelta(seconds=n) for n in range(1001)))
    with pytest.raises(InvalidInputError, match="ask for fewer"):
        calendar(stored, creator_id=None, first=at.date(), days=1, time_zone="UTC")
    for first in (date.min, date.max):
        with pytest.raises(InvalidInputError):
            calendar(Stored(), creator_id=None, first=first, days=2, time_zone="Pacific/Apia")
