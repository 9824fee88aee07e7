"""When digests are due: once a day or week of the member's calendar, whatever clocks do."""

from contextlib import nullcontext
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.notifications.digests.service import Due, Item, latest_due, make, next_due
from huntaze.domain.notices.preferences import DigestPlan
from huntaze.ids import new_id

ZONES = (
    *("UTC", "Europe/Paris", "America/New_York", "America/St_Johns", "Asia/Kathmandu"),
    # Half an hour of summer time; midnight that does not exist; both sides of the date line.
    *("Australia/Lord_Howe", "America/Santiago", "Pacific/Apia", "Pacific/Kiritimati"),
    *("Pacific/Pago_Pago", "Africa/Casablanca"),
)
START = datetime(2026, 1, 1, tzinfo=UTC)
moments = st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
zones = st.sampled_from(ZONES)
hours = st.integers(0, 23)
cadences = st.sampled_from(["daily", "weekly"])


def plan(digest="daily", hour=9, zone="UTC", since=START, *, emails=True) -> DigestPlan:
    """What a member has chosen."""
    return DigestPlan(
        digest=digest, emails=emails, digest_hour=hour, digested_until=since, time_zone=zone
    )


@given(cadences, hours, zones, moments)
def test_the_next_is_after_the_last_and_at_the_hour(cadence, hour, zone, after):
    due = next_due(plan(cadence, hour, zone), after)
    assert due.at > after
    assert due.at - after <= timedelta(days=8 if cadence == "weekly" else 1, hours=26)
    local = due.at.astimezone(ZoneInfo(zone))
    # Where the clocks leave the hour out, it is later on the same day.
    assert local.date() == due.period
    assert local.time() >= time(hour)
    assert local.hour - hour <= 1
    assert cadence == "daily" or due.period.weekday() == 0


@given(hours, zones, st.dates(date(2025, 1, 1), date(2029, 12, 1)))
def test_every_day_has_one_and_no_day_has_two(hour, zone, first):
    at, periods = datetime.combine(first, time(12), UTC), []
    for _ in range(40):
        due = next_due(plan("daily", hour, zone), at)
        periods.append(due.period)
        at = due.at
    assert periods == [periods[0] + timedelta(days=n) for n in range(40)]


def test_a_day_that_a_country_left_out_has_none_of_its_own():
    samoa = plan("daily", 9, "Pacific/Apia")
    at, periods = datetime(2011, 12, 28, 12, tzinfo=UTC), []
    for _ in range(3):
        due = next_due(samoa, at)
        periods.append(due.at)
        at = due.at
    assert len(set(periods)) == 3


@pytest.mark.parametrize(
    ("zone", "hour", "after", "at"),
    [
        # The night when 2 o'clock is left out, and the one when it comes twice.
        ("Europe/Paris", 2, "2026-03-28T12:00:00+00:00", "2026-03-29T01:00:00+00:00"),
        ("Europe/Paris", 2, "2026-10-24T12:00:00+00:00", "2026-10-25T00:00:00+00:00"),
        ("Europe/Paris", 2, "2026-10-25T00:00:00+00:00", "2026-10-26T01:00:00+00:00"),
        ("America/Santiago", 0, "2026-09-05T12:00:00+00:00", "2026-09-06T04:00:00+00:00"),
    ],
)
def test_nights_when_clocks_change(zone, hour, after, at):
    due = next_due(plan("daily", hour, zone), datetime.fromisoformat(after))
    assert due.at == datetime.fromisoformat(at)


@given(cadences, hours, zones, moments, st.integers(0, 60 * 24 * 70))
def test_after_a_silence_the_last_one_counts(cadence, hour, zone, since, minutes):
    chosen, now = plan(cadence, hour, zone, since), since + timedelta(minutes=minutes)
    due = latest_due(chosen, now)
    if due is None:
        assert next_due(chosen, since).at > now
    else:
        assert since < due.at <= now < next_due(chosen, due.at).at


class Ledger:
    """The digests of one member in memory; a commit that fails leaves nothing behind."""

    def __init__(self, chosen: DigestPlan) -> None:
        self.plan = chosen
        self.waiting: list[Item] = []
        self.made: dict[date, list[Item]] = {}

    def transaction(self):
        """Share nothing: each call is at once."""
        return nullcontext()

    def hold(self) -> DigestPlan:
        """Read the plan."""
        return self.plan

    def is_made(self, period: date) -> bool:
        """Look a period up."""
        return period in self.made

    def untold(self, until: datetime) -> list[Item]:  # noqa: ARG002
        """Read what waits."""
        return self.waiting

    def add(self, period: date, items: list[Item]) -> None:
        """Keep a digest."""
        assert period not in self.made
        self.made[period], self.waiting = items, []

    def plan_next(self, done: Due, following: Due) -> None:
        """Move on."""
        assert following.at > done.at
        self.plan = self.plan.model_copy(update={"digested_until": done.at})


@given(
    st.lists(st.tuples(st.integers(1, 60 * 40), zones, hours, cadences), min_size=1, max_size=60),
    moments,
)
def test_each_day_one_whatever_the_member_changes_and_nothing_is_told_twice(steps, since):
    """Sweeps at any time, while the member travels and changes their mind."""
    ledger, now, said = Ledger(plan(since=since)), since, 0
    for minutes, zone, hour, cadence in steps:
        now += timedelta(minutes=minutes)
        ledger.plan = ledger.plan.model_copy(
            update={"time_zone": zone, "digest_hour": hour, "digest": cadence}
        )
        ledger.waiting.append(Item(new_id(), "campaign_failed", None))
        said += 1
        make(ledger, now=now)
        # The same moment once more, as a second sweep sees it.
        assert make(ledger, now=now) is False
    told = [item.id for items in ledger.made.values() for item in items]
    assert len(told) == len(set(told)) == said - len(ledger.waiting)


@given(cadences, hours, zones, st.lists(st.integers(1, 300), min_size=1, max_size=80))
def test_who_is_swept_often_gets_every_period(cadence, hour, zone, gaps):
    ledger, now = Ledger(plan(cadence, hour, zone)), START
    for minutes in gaps:
        now += timedelta(minutes=minutes)
        ledger.waiting.append(Item(new_id(), "campaign_failed", None))
        make(ledger, now=now)
    due, periods = next_due(plan(cadence, hour, zone), START), []
    while due.at <= now:
        periods.append(due.period)
        due = next_due(plan(cadence, hour, zone), due.at)
    assert list(ledger.made) == periods


@pytest.mark.parametrize(
    "chosen", [plan("off"), plan(emails=False), plan(since=START + timedelta(days=30))]
)
def test_who_wants_none_gets_none(chosen):
    ledger = Ledger(chosen)
    ledger.waiting.append(Item(new_id(), "campaign_failed", None))
    assert make(ledger, now=START + timedelta(days=20)) is False
    assert ledger.made == {}
