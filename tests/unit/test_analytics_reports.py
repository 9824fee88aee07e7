"""Reports: every day is there, and points add up to what is said of the whole."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.analytics import service
from functions.analytics.models import Bucket, MoneyPoint
from huntaze.domain.figures import Account, Scope, Span
from huntaze.ids import new_id

DAYS = st.dates(date(2020, 1, 1), date(2026, 12, 31))


def money(net, gross=0, fees=0, reversed_=0, reversals=0):
    return {
        "net_revenue": net,
        "gross_revenue": gross,
        "platform_fees": fees,
        "reversed": reversed_,
        "reversals": reversals,
    }


@pytest.mark.parametrize(
    ("since", "until", "bucket"),
    [
        ("2026-03-01", "2026-03-31", Bucket.DAY),
        ("2026-01-01", "2026-04-02", Bucket.DAY),
        ("2026-01-01", "2026-04-03", Bucket.MONTH),
        (None, "2026-03-31", Bucket.MONTH),
    ],
)
def test_a_quarter_is_read_by_day_and_more_by_month(since, until, bucket):
    span = Span(since and date.fromisoformat(since), date.fromisoformat(until))
    assert service.bucket_of(span) is bucket


@given(since=DAYS, length=st.integers(0, 800), data=st.data())
def test_points_are_every_day_or_month_once_and_add_up(since, length, data):
    span = Span(since, since + timedelta(days=length))
    bucket = service.bucket_of(span)
    paid = data.draw(
        st.lists(st.tuples(st.integers(0, length), st.integers(-(10**9), 10**9)), max_size=20)
    )
    sums = {}
    for offset, cents in paid:
        day = since + timedelta(days=offset)
        start = day if bucket is Bucket.DAY else day.replace(day=1)
        sums[start] = sums.get(start, 0) + cents
    found = [MoneyPoint(day, "USD", cents) for day, cents in sums.items()]
    points = service.money_over_time(found, span, bucket, ["EUR", "USD"])
    dollars = [point for point in points if point.currency == "USD"]
    starts = [point.starts_on for point in dollars]
    assert starts == sorted(set(starts))
    assert sum(point.net_cents for point in dollars) == sum(cents for _, cents in paid)
    assert all(point.net_cents == 0 for point in points if point.currency == "EUR")
    if bucket is Bucket.DAY:
        assert len(starts) == length + 1
    else:
        assert starts[0] == since.replace(day=1)
        assert starts[-1] == span.until.replace(day=1)
        assert len(starts) == len({(day.year, day.month) for day in starts})


def test_what_has_no_beginning_begins_with_the_first_thing():
    span = Span(None, date(2026, 3, 31))
    found = [(date(2026, 1, 1), 2, 0), (date(2026, 3, 1), 0, 1)]
    points = service.growth_over_time(found, span, Bucket.MONTH)
    assert [(p.starts_on.month, p.new_subscribers, p.ended_subscriptions) for p in points] == [
        *((1, 2, 0), (2, 0, 0)),
        (3, 0, 1),
    ]
    (nothing,) = service.growth_over_time([], span, Bucket.MONTH)
    assert (nothing.starts_on, nothing.new_subscribers) == (date(2026, 3, 1), 0)


def test_money_is_told_by_currency_with_what_it_was_before():
    found, before = {"USD": money(1500), "EUR": money(10)}, {"USD": money(1000), "GBP": money(7)}
    told = {one.currency: one for one in service.earned(found, before, ["USD"])}
    assert (told["USD"].net_before_cents, told["USD"].change_basis_points) == (1000, 5000)
    assert (told["EUR"].net_before_cents, told["EUR"].change_basis_points) == (0, None)
    assert (told["GBP"].net_cents, told["GBP"].change_basis_points) == (0, -10_000)
    (alone,) = service.earned({}, None, ["USD"])
    assert (alone.net_cents, alone.net_before_cents, alone.change_basis_points) == (0, None, None)


def test_platforms_add_up_their_creators():
    of = [("onlyfans", "USD"), ("fansly", "USD"), ("onlyfans", "EUR")]
    accounts = [Account(new_id(), "x", platform, currency) for platform, currency in of]
    first, second, third = (account.id for account in accounts)
    fans = [{"id": first, "fans": 5, "subscribers": 3}, {"id": third, "fans": 1, "subscribers": 1}]
    money_of = [
        {"id": first, "currency": "USD", "value": 500},
        {"id": third, "currency": "EUR", "value": 40},
        {"id": second, "currency": "USD", "value": -3},
    ]
    fansly, onlyfans = service.by_platform(Scope(accounts, "UTC"), fans, money_of)
    assert (fansly.creators, fansly.fans, fansly.subscribers) == (1, 0, 0)
    assert (onlyfans.creators, onlyfans.fans, onlyfans.subscribers) == (2, 6, 4)
    assert [(one.currency, one.net_cents) for one in onlyfans.revenue] == [
        ("EUR", 40),
        ("USD", 500),
    ]


def test_a_share_of_nothing_is_unknown():
    assert service.share(0, 0) is None
    assert (service.share(1, 3), service.share(3, 3), service.share(0, 3)) == (3333, 10_000, 0)
