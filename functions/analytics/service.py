"""Rules of reports: how days are put together, and what is said where nothing happened."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import groupby

from functions.analytics.models import (
    Amount,
    Bucket,
    Earned,
    EarnedPoint,
    GrowthPoint,
    MoneyPoint,
    PlatformShare,
)
from huntaze.domain.figures import Row, Scope, Span, change_of

_SHARES = 10_000
# Up to a quarter of a year is read day by day.
_MOST_DAYS = 92
_NOTHING = dict.fromkeys(
    ("net_revenue", "gross_revenue", "platform_fees", "reversed", "reversals"), 0
)


def bucket_of(span: Span) -> Bucket:
    """Days where a chart can show them, otherwise months."""
    if span.since is None or (span.until - span.since).days >= _MOST_DAYS:
        return Bucket.MONTH
    return Bucket.DAY


def earned(
    found: Mapping[str, Row], before: Mapping[str, Row] | None, currencies: list[str]
) -> list[Earned]:
    """Money by currency; no transactions at all are zero of the creators' currencies.

    Args:
        found: The sums of each currency.
        before: Those of the days before; None where there are none.
        currencies: The creators' own.
    """
    return [
        _earned(
            currency,
            found.get(currency, _NOTHING),
            None if before is None else before.get(currency, _NOTHING)["net_revenue"],
        )
        for currency in sorted({*found, *(before or {})} or currencies)
    ]


def _earned(currency: str, row: Row, past: int | None) -> Earned:
    return Earned(
        currency=currency,
        gross_cents=row["gross_revenue"],
        fee_cents=row["platform_fees"],
        reversed_cents=row["reversed"],
        reversals=row["reversals"],
        net_cents=row["net_revenue"],
        net_before_cents=past,
        change_basis_points=None if past is None else change_of(row["net_revenue"], past),
    )


def money_over_time(
    found: Iterable[MoneyPoint], span: Span, bucket: Bucket, currencies: Iterable[str]
) -> list[EarnedPoint]:
    """A point for each day or month and currency, in order; nothing is zero."""
    known = {(point.starts_on, point.currency): point.net_cents for point in found}
    return [
        EarnedPoint(starts_on=day, currency=currency, net_cents=known.get((day, currency), 0))
        for day in _starts(span, bucket, [day for day, _ in known])
        for currency in sorted({*currencies, *(currency for _, currency in known)})
    ]


def growth_over_time(
    found: Iterable[tuple[date, int, int]], span: Span, bucket: Bucket
) -> list[GrowthPoint]:
    """A point for each day or month, in order; nothing is zero."""
    known = {day: (begun, ended) for day, begun, ended in found}
    points = []
    for day in _starts(span, bucket, list(known)):
        begun, ended = known.get(day, (0, 0))
        points.append(GrowthPoint(starts_on=day, new_subscribers=begun, ended_subscriptions=ended))
    return points


def _starts(span: Span, bucket: Bucket, known: list[date]) -> Iterator[date]:
    """The first days of all buckets of a span; what has no beginning begins with what is known."""
    day = span.since or min(known, default=span.until)
    day = day if bucket is Bucket.DAY else day.replace(day=1)
    while day <= span.until:
        yield day
        day = day + timedelta(days=1) if bucket is Bucket.DAY else _next_month(day)


def _next_month(first: date) -> date:
    # No month is longer, and none is so short that this is the one after the next.
    return (first + timedelta(days=31)).replace(day=1)


def by_platform(scope: Scope, fans: Iterable[Row], money: Iterable[Row]) -> list[PlatformShare]:
    """Creators' figures put together by platform."""
    fans_of, money_of = {row["id"]: row for row in fans}, list(money)
    shares = []
    accounts = sorted(scope.accounts, key=lambda account: account.platform)
    for platform, members in groupby(accounts, key=lambda account: account.platform):
        ids = {account.id for account in members}
        sums: dict[str, int] = {}
        for row in money_of:
            if row["id"] in ids:
                sums[row["currency"]] = sums.get(row["currency"], 0) + row["value"]
        shares.append(
            PlatformShare(
                platform=platform,
                creators=len(ids),
                fans=sum(fans_of[one]["fans"] for one in ids & fans_of.keys()),
                subscribers=sum(fans_of[one]["subscribers"] for one in ids & fans_of.keys()),
                revenue=[
                    Amount(currency=currency, net_cents=cents)
                    for currency, cents in sorted(sums.items())
                ],
            )
        )
    return shares


def share(part: int, whole: int) -> int | None:
    """A part in hundredths of a percent; of nothing there is none."""
    return round(part * _SHARES / whole) if whole else None
