"""Periods by name are the days that people mean."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huntaze.domain.figures import Span, span_of

TODAY = date(2026, 3, 31)
ANY_DAY = st.dates(date(2000, 3, 1), date(2099, 12, 31))
NAMES = ("today", "yesterday", "last_7_days", "last_30_days", "this_month", "last_month")


@pytest.mark.parametrize(
    ("period", "since", "until"),
    [
        ("today", "2026-03-31", "2026-03-31"),
        ("yesterday", "2026-03-30", "2026-03-30"),
        ("last_7_days", "2026-03-25", "2026-03-31"),
        ("last_30_days", "2026-03-02", "2026-03-31"),
        ("this_month", "2026-03-01", "2026-03-31"),
        ("last_month", "2026-02-01", "2026-02-28"),
        ("this_year", "2026-01-01", "2026-03-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2025-12", "2025-12-01", "2025-12-31"),
    ],
)
def test_a_period_is_its_days(period, since, until):
    assert span_of(period, TODAY) == (date.fromisoformat(since), date.fromisoformat(until))


def test_what_has_no_beginning_has_nothing_before_it():
    assert span_of("all_time", TODAY) == Span(None, TODAY)
    assert span_of("all_time", TODAY).before is None


@given(today=ANY_DAY, period=st.sampled_from(NAMES))
def test_the_span_before_is_as_long_and_ends_the_day_before(today, period):
    span = span_of(period, today)
    before = span.before
    assert span.since <= span.until <= today
    assert before.until + timedelta(days=1) == span.since
    assert before.until - before.since == span.until - span.since


@given(today=ANY_DAY)
def test_last_month_ends_where_this_one_begins(today):
    last, this = span_of("last_month", today), span_of("this_month", today)
    assert last.until + timedelta(days=1) == this.since
    assert last == span_of(f"{last.since:%Y-%m}", today)
