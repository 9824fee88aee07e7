"""What a month will have cost: exact where days are alike, and right about how sure it is."""

import random
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.assistant.costs.forecasting import DAYS_LOOKED_AT, outlook

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
days_of_costs = st.lists(st.integers(0, 10**12), max_size=DAYS_LOOKED_AT)


def test_days_that_are_alike_leave_no_doubt():
    seen = outlook([1000] * 28, 20_500, None, now=NOON)
    # Half of today and nine days more.
    assert (seen.expected, seen.low, seen.high) == (30_000, 30_000, 30_000)
    assert seen.average_day == 1000


def test_of_too_few_days_no_interval_is_told():
    seen = outlook([1000] * 6, 6000, None, now=NOON)
    assert (seen.expected, seen.low, seen.high) == (15_500, None, None)
    assert outlook([1000] * 7, 6000, None, now=NOON).low is not None


def test_the_first_day_says_nothing_of_the_others():
    for spent, limit, reached in ((0, None, None), (500, 501, None), (500, 500, NOON.date())):
        assert outlook([], spent, limit, now=NOON) == (None, None, None, None, reached)


@pytest.mark.parametrize(
    ("limit", "day"),
    [
        (None, None),
        (20_000, date(2026, 11, 21)),
        (21_000, date(2026, 11, 22)),
        (23_000, date(2026, 11, 24)),
        (30_000, None),
        (10**9, None),
    ],
)
def test_the_day_on_which_the_limit_is_reached(limit, day):
    assert outlook([1000] * 28, 20_500, limit, now=NOON).limit_reached_on == day


@given(days_of_costs, st.integers(0, 10**13), st.datetimes(datetime(2024, 1, 1)))  # noqa: DTZ001
def test_nothing_that_is_spent_is_taken_back(days, spent, moment):
    seen = outlook(days, spent, None, now=moment.replace(tzinfo=UTC))
    assert (seen.expected is None) == (not days)
    assert seen.expected is None or seen.expected >= spent
    if seen.low is not None:
        assert spent <= seen.low <= seen.expected <= seen.high


@pytest.mark.parametrize("count", [7, 14, 28])
def test_four_months_in_five_end_within_the_interval(count):
    chance = random.Random(20261121)  # noqa: S311
    first = datetime(2026, 11, 15, tzinfo=UTC)

    def a_day():
        return round(chance.gammavariate(4, 10**8))

    within, rounds = 0, 3000
    for _ in range(rounds):
        seen = outlook([a_day() for _ in range(count)], 0, None, now=first)
        within += seen.low <= sum(a_day() for _ in range(16)) <= seen.high
    # Three deviations of the count itself, and a little for days that are not of a normal kind.
    assert abs(within / rounds - 0.8) < 0.035
