"""Reports from Postgres, under the caller's own policies; nothing here writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from psycopg.rows import class_row, dict_row

from functions.analytics import service
from functions.analytics.models import (
    CreatorShare,
    Days,
    Earned,
    FanGrowth,
    Messages,
    MoneyPoint,
    Overview,
    Platforms,
    Revenue,
    TopFan,
    TopFans,
    TypeShare,
)
from huntaze.db import Connection, Tenant
from huntaze.domain import figures
from huntaze.domain.figures import Row, Scope, Span, Window, span_of

_MONEY_POINTS: LiteralString = (
    "SELECT date_trunc(%(bucket)s, t.created_at AT TIME ZONE %(zone)s)::date AS starts_on,"
    " t.currency, sum(t.effective_cents)::bigint AS net_cents"
    " FROM transactions t WHERE t.creator_id = ANY (%(creators)s) AND t.created_at >= %(since)s"
    " AND t.created_at < %(until)s GROUP BY 1, 2"
)
_GROWTH_POINTS: LiteralString = (
    "SELECT date_trunc(%(bucket)s, moment AT TIME ZONE %(zone)s)::date,"
    " count(*) FILTER (WHERE begun), count(*) FILTER (WHERE NOT begun)"
    " FROM fans f CROSS JOIN LATERAL ("
    "   SELECT f.subscribed_at AS moment, true AS begun"
    "   UNION ALL SELECT f.expires_at, false WHERE f.status = 'expired') m"
    " WHERE f.creator_id = ANY (%(creators)s) AND f.erased_at IS NULL"
    "   AND moment >= %(since)s AND moment < %(until)s GROUP BY 1"
)
_MESSAGES: LiteralString = (
    "SELECT count(*) FILTER (WHERE s.state = 'sent') AS sent,"
    " count(*) FILTER (WHERE s.state = 'unknown') AS unknown,"
    " count(*) FILTER (WHERE s.state = 'sent' AND s.price_cents > 0) AS priced,"
    " count(*) FILTER (WHERE s.state = 'sent' AND s.price_cents > 0 AND EXISTS ("
    "   SELECT FROM media_grants g WHERE g.workspace_id = s.workspace_id AND g.fan_id = s.fan_id"
    "     AND g.send_id = s.id"
    "     AND g.state = 'bought')) AS unlocked"
    " FROM sends s WHERE s.creator_id = ANY (%(creators)s)"
    " AND s.state IN ('submitting', 'sent', 'unknown')"
    " AND s.granted_at >= %(since)s AND s.granted_at < %(until)s"
)


class _Look(NamedTuple):
    """One report on its way: where to ask, of whom and of which days."""

    connection: Connection
    scope: Scope
    span: Span

    @property
    def window(self) -> Window:
        return self.scope.window(self.span)

    @property
    def days(self) -> Days:
        since, until = self.span
        return Days(since=since, until=until, time_zone=self.scope.time_zone)

    def values(self, **more: object) -> Row:
        return {**self.window._asdict(), "zone": self.scope.time_zone, **more}


class PostgresReports:
    """Reports of one workspace, as far as the caller may see its creators.

    Args:
        tenant: The workspace, with the caller's scope.
        creator_id: Of whom; None is all that the caller sees.
        period: Of which days; see `huntaze.domain.figures.span_of`.
        now: The moment that "today" is of.

    Each report raises `NotFoundError` where the caller has no such creator.
    """

    def __init__(
        self, tenant: Tenant, creator_id: UUID | None, period: str, *, now: datetime
    ) -> None:
        self._tenant = tenant
        self._creator_id = creator_id
        self._period = period
        self._now = now

    @contextmanager
    def _looking(self) -> Iterator[_Look]:
        with self._tenant.transaction() as connection:
            connection.execute("SET TRANSACTION READ ONLY")
            scope = figures.scope_of(connection, self._creator_id)
            yield _Look(connection, scope, span_of(self._period, scope.today(self._now)))

    def overview(self) -> Overview:
        """Everything in short."""
        with self._looking() as look:
            inbox = figures.inbox(look.connection, look.window)
            return Overview(
                days=look.days,
                **figures.fans_now(look.connection, look.window),
                **figures.ended_and_begun(look.connection, look.window),
                messages_sent=figures.sends(look.connection, look.window)["sends_sent"],
                fans_waiting=inbox["inbox_unanswered"],
                longest_wait_hours=inbox["inbox_longest_wait"],
                revenue=_earned(look),
            )

    def revenue(self) -> Revenue:
        """What was earned."""
        with self._looking() as look:
            bucket = service.bucket_of(look.span)
            with look.connection.cursor(row_factory=class_row(MoneyPoint)) as cursor:
                found = cursor.execute(_MONEY_POINTS, look.values(bucket=bucket)).fetchall()
            totals = _earned(look)
            names = {account.id: account.name for account in look.scope.accounts}
            return Revenue(
                days=look.days,
                totals=totals,
                by_type=[
                    TypeShare(type=row["type"], currency=row["currency"], net_cents=row["value"])
                    for row in figures.revenue_by_type(look.connection, look.window)
                ],
                by_creator=[
                    CreatorShare(
                        creator_id=row["id"],
                        display_name=names[row["id"]],
                        currency=row["currency"],
                        net_cents=row["value"],
                    )
                    for row in figures.revenue_by_creator(look.connection, look.window)
                ],
                bucket=bucket,
                points=service.money_over_time(
                    found, look.span, bucket, [one.currency for one in totals]
                ),
            )

    def fan_growth(self) -> FanGrowth:
        """How the number of subscribers changes."""
        with self._looking() as look:
            bucket = service.bucket_of(look.span)
            found = look.connection.execute(_GROWTH_POINTS, look.values(bucket=bucket)).fetchall()
            return FanGrowth(
                days=look.days,
                subscribers=figures.fans_now(look.connection, look.window)["subscribers"],
                **figures.ended_and_begun(look.connection, look.window),
                bucket=bucket,
                points=service.growth_over_time(found, look.span, bucket),
            )

    def platforms(self) -> Platforms:
        """The platforms, side by side."""
        with self._looking() as look:
            fans = figures.fans_by_creator(look.connection, look.window)
            money = figures.revenue_by_creator(look.connection, look.window)
            return Platforms(days=look.days, items=service.by_platform(look.scope, fans, money))

    def top_fans(self, most: int) -> TopFans:
        """Who brought the most."""
        with self._looking() as look:
            return TopFans(
                days=look.days,
                items=[
                    TopFan(**row, fan_id=row["id"], net_cents=row["value"])
                    for row in figures.top_fans(look.connection, look.window, most)
                ],
            )

    def messages(self) -> Messages:
        """What became of messages."""
        with self._looking() as look:
            with look.connection.cursor(row_factory=dict_row) as cursor:
                (row,) = cursor.execute(_MESSAGES, look.values()).fetchall()
            return Messages(
                days=look.days,
                **row,
                golden_ratio_basis_points=service.share(row["priced"], row["sent"]),
                unlock_ratio_basis_points=service.share(row["unlocked"], row["priced"]),
            )


def _earned(look: _Look) -> list[Earned]:
    before = look.span.before
    past = before and figures.revenue(look.connection, look.scope.window(before))
    found = figures.revenue(look.connection, look.window)
    return service.earned(found, past, look.scope.currencies)
