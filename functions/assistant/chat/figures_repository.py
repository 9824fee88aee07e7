"""The tools of the assistant: figures of the workspace from Postgres.

Each look is one transaction that Postgres itself keeps from writing, under the caller's own rights.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.rows import dict_row

from functions.assistant.chat.models import About, Call, Desk, Figure, Tool, Unit
from functions.assistant.chat.spans import Span, span_of
from functions.assistant.chat.wording import label_of
from huntaze.db import Tenant

type Row = dict[str, Any]
type Rows = Callable[[LiteralString, Mapping[str, object]], list[Row]]

_SHARES = 10_000
# Before there was anything.
_BEGINNING = date(2000, 1, 1)

_FANS: LiteralString = (
    "SELECT count(*) AS fans, count(*) FILTER (WHERE status = 'active') AS subscribers,"
    " count(*) FILTER (WHERE status = 'expired') AS expired_fans,"
    " count(*) FILTER (WHERE status = 'follower') AS followers"
    " FROM fans WHERE creator_id = ANY (%(creators)s) AND erased_at IS NULL"
)
_FAN_CHANGES: LiteralString = (
    "SELECT count(*) FILTER (WHERE subscribed_at >= %(since)s AND subscribed_at < %(until)s)"
    "   AS new_subscribers,"
    " count(*) FILTER (WHERE status = 'expired' AND expires_at >= %(since)s"
    "   AND expires_at < %(until)s) AS ended_subscriptions"
    " FROM fans WHERE creator_id = ANY (%(creators)s) AND erased_at IS NULL"
)
_IN_SPAN: LiteralString = (
    " FROM transactions t WHERE t.creator_id = ANY (%(creators)s) AND t.created_at >= %(since)s"
    " AND t.created_at < %(until)s"
)
_TOP_FANS: LiteralString = (
    "SELECT t.fan_id AS id, t.currency, sum(t.effective_cents)::bigint AS value"
    " FROM transactions t WHERE t.creator_id = ANY (%(creators)s) AND t.created_at >= %(since)s"
    " AND t.created_at < %(until)s"
    # Who was forgotten is in the sums, and in no list.
    " AND EXISTS (SELECT FROM fans f WHERE f.workspace_id = t.workspace_id AND f.id = t.fan_id"
    "   AND f.erased_at IS NULL)"
    " GROUP BY t.fan_id, t.currency HAVING sum(t.effective_cents) > 0"
    " ORDER BY value DESC, id LIMIT %(most)s"
)
_REVENUE: LiteralString = (
    "SELECT t.currency, sum(t.effective_cents)::bigint AS net_revenue,"
    " coalesce(sum(t.amount_cents) FILTER (WHERE t.reverses IS NULL), 0)::bigint AS gross_revenue,"
    " coalesce(sum(t.fee_cents) FILTER (WHERE t.reverses IS NULL), 0)::bigint AS platform_fees,"
    " coalesce(-sum(t.effective_cents) FILTER (WHERE t.reverses IS NOT NULL), 0)::bigint"
    "   AS reversed,"
    " count(*) FILTER (WHERE t.reverses IS NOT NULL) AS reversals"
    + _IN_SPAN
    + " GROUP BY t.currency ORDER BY t.currency"
)
_REVENUE_BY_TYPE: LiteralString = (
    "SELECT t.type, t.currency, sum(t.effective_cents)::bigint AS value"
    + _IN_SPAN
    + " GROUP BY t.type, t.currency ORDER BY value DESC, t.type, t.currency"
)
_REVENUE_BY_CREATOR: LiteralString = (
    "SELECT t.creator_id AS id, t.currency, sum(t.effective_cents)::bigint AS value"
    + _IN_SPAN
    + " GROUP BY t.creator_id, t.currency ORDER BY value DESC, id LIMIT %(most)s"
)
_CAMPAIGNS: LiteralString = (
    "SELECT c.id, c.name, c.price_cents, r.currency, c.released_at, s.* FROM ("
    "  SELECT * FROM campaigns WHERE creator_id = ANY (%(creators)s)"
    "   AND released_at >= %(since)s AND released_at < %(until)s"
    "   ORDER BY released_at DESC, id DESC LIMIT %(most)s) c"
    " JOIN creators r ON r.workspace_id = c.workspace_id AND r.id = c.creator_id"
    " CROSS JOIN LATERAL ("
    "  SELECT count(*) FILTER (WHERE s.state = 'sent') AS sent,"
    "   count(*) FILTER (WHERE s.state = 'held_out') AS held_out,"
    "   count(*) FILTER (WHERE s.state = 'sent' AND EXISTS (SELECT FROM media_grants g"
    "     WHERE g.workspace_id = s.workspace_id AND g.send_id = s.id AND g.state = 'bought'))"
    "     AS unlocked"
    "   FROM sends s WHERE s.campaign_id = c.id) s"
    " ORDER BY c.released_at DESC, c.id DESC"
)
# What a fan of each group brought in the week after: a fan who brought nothing counts, too.
_LIFT: LiteralString = (
    "SELECT round(avg(m.cents) FILTER (WHERE s.state = 'sent')"
    "  - avg(m.cents) FILTER (WHERE s.state = 'held_out'))::bigint AS value"
    " FROM sends s JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id"
    " CROSS JOIN LATERAL (SELECT coalesce(sum(t.effective_cents), 0) AS cents FROM transactions t"
    "   WHERE t.workspace_id = s.workspace_id AND t.fan_id = s.fan_id"
    "     AND t.created_at >= c.released_at AND t.created_at < c.released_at + interval '7 days') m"
    " WHERE s.campaign_id = %(campaign)s AND s.state IN ('sent', 'held_out')"
)
_SENDS: LiteralString = (
    "SELECT count(*) FILTER (WHERE state = 'sent') AS sends_sent,"
    " count(*) FILTER (WHERE state = 'unknown') AS sends_unknown,"
    " count(*) FILTER (WHERE state = 'submitting') AS sends_submitting"
    " FROM sends WHERE creator_id = ANY (%(creators)s)"
    " AND state IN ('submitting', 'sent', 'unknown')"
    " AND granted_at >= %(since)s AND granted_at < %(until)s"
)
# A campaign's rows wait in earnest while it goes out.
_PLANNED: LiteralString = (
    "SELECT (SELECT count(*) FROM sends WHERE creator_id = ANY (%(creators)s)"
    "          AND state = 'planned' AND campaign_id IS NULL)"
    " + (SELECT count(*) FROM campaigns c JOIN sends s ON s.campaign_id = c.id"
    "     WHERE c.creator_id = ANY (%(creators)s) AND c.status = 'sending'"
    "       AND s.state = 'planned') AS sends_planned"
)
_INBOX: LiteralString = (
    "SELECT count(*) FILTER (WHERE waits) AS inbox_unanswered,"
    " (extract(epoch FROM clock_timestamp() - min(last_inbound_at) FILTER (WHERE waits))"
    "   / 3600)::bigint AS inbox_longest_wait,"
    " count(*) FILTER (WHERE last_inbound_at >= %(since)s AND last_inbound_at < %(until)s)"
    "   AS inbox_active"
    " FROM (SELECT last_inbound_at, last_inbound_at > coalesce(last_outbound_at, '-infinity')"
    "         AS waits FROM fans WHERE creator_id = ANY (%(creators)s)"
    "         AND last_inbound_at IS NOT NULL AND erased_at IS NULL) f"
)
_AI_COSTS: LiteralString = (
    "SELECT coalesce(sum(spent_nanos), 0)::bigint AS ai_cost FROM ai_spending"
    " WHERE workspace_id = current_setting('app.workspace_id')::uuid AND period = 'day'"
    " AND starts_on >= %(first)s AND starts_on <= %(last)s"
)


class PostgresFigures:
    """The figures of one workspace, as far as the caller may see its creators.

    Args:
        tenant: The workspace, with the caller's scope.
        sees_costs: Whether the caller may see what the workspace pays.
    """

    def __init__(self, tenant: Tenant, *, sees_costs: bool) -> None:
        self._tenant = tenant
        self._sees_costs = sees_costs

    def may(self, tool: Tool) -> bool:
        """Whether the caller may look at this."""
        return self._sees_costs or tool is not Tool.AI_COSTS

    def look(self, call: Call, desk: Desk) -> list[Figure]:
        """The figures of a call; their ids are given by the caller."""
        with self._reading() as rows:
            return _LOOKS[call.tool](_Look(call, desk, rows))

    @contextmanager
    def _reading(self) -> Iterator[Rows]:
        with self._tenant.transaction() as connection:
            connection.execute("SET TRANSACTION READ ONLY")

            def rows(query: LiteralString, values: Mapping[str, object]) -> list[Row]:
                with connection.cursor(row_factory=dict_row) as cursor:
                    return cursor.execute(query, values).fetchall()

            yield rows


class _Look:
    """One call, and how its figures are made."""

    def __init__(self, call: Call, desk: Desk, rows: Rows) -> None:
        self._call = call
        self._desk = desk
        self._rows = rows
        self.span = span_of(call.period, desk.today)

    def rows(self, query: LiteralString, span: Span | None = None, **more: object) -> list[Row]:
        """Ask the database of a span, which is the call's unless another is given."""
        span = span or self.span
        first = span.since or _BEGINNING
        values = {
            "creators": [account.id for account in self._desk.accounts],
            "since": self._start_of(first),
            "until": self._start_of(span.until + timedelta(days=1)),
            "first": first,
            "last": span.until,
            "most": self._call.most,
        }
        return self._rows(query, {**values, **more})

    def _start_of(self, day: date) -> datetime:
        return datetime.combine(day, time.min, ZoneInfo(self._desk.time_zone))

    def figure(
        self,
        name: str,
        value: int | None,
        unit: Unit = Unit.COUNT,
        *,
        currency: str | None = None,
        about: About | None = None,
        span: Span | None = None,
        is_now: bool = False,
    ) -> Figure:
        """One figure of this call."""
        span = span or self.span
        return Figure(
            id="",
            tool=self._call.tool,
            period=self._call.period,
            most=self._call.most,
            name=name,
            label=label_of(name, self._desk.language),
            value=value,
            unit=unit,
            currency=currency,
            since=None if is_now else span.since,
            until=None if is_now else span.until,
            about=about,
        )

    def counts(self, row: Row, *, is_now: bool = False) -> list[Figure]:
        """A figure for each count of a row."""
        return [self.figure(name, value, is_now=is_now) for name, value in row.items()]

    def name_of(self, creator_id: UUID) -> str | None:
        """What a creator is called."""
        names = {account.id: account.name for account in self._desk.accounts}
        return names.get(creator_id)

    @property
    def currencies(self) -> list[str]:
        """Those of the creators, each once."""
        return sorted({account.currency for account in self._desk.accounts})


def _fans(look: _Look) -> list[Figure]:
    return look.counts(look.rows(_FANS)[0], is_now=True)


def _fan_changes(look: _Look) -> list[Figure]:
    row = look.rows(_FAN_CHANGES)[0]
    growth = row["new_subscribers"] - row["ended_subscriptions"]
    return look.counts(row | {"subscriber_growth": growth})


def _top_fans(look: _Look) -> list[Figure]:
    return [
        look.figure(
            "fan_value",
            row["value"],
            Unit.CENTS,
            currency=row["currency"],
            about=About(kind="fan", id=row["id"], name=None),
        )
        for row in look.rows(_TOP_FANS)
    ]


def _revenue(look: _Look) -> list[Figure]:
    before = look.span.before
    earlier = {row["currency"]: row for row in look.rows(_REVENUE, before)} if before else {}
    found = {row["currency"]: row for row in look.rows(_REVENUE)}
    nothing = dict.fromkeys(
        ("net_revenue", "gross_revenue", "platform_fees", "reversed", "reversals"), 0
    )
    figures: list[Figure] = []
    # No transactions at all are zero of the creator's currency.
    for currency in sorted({*found, *earlier} or look.currencies):
        row = found.get(currency, nothing)
        figures += [
            look.figure(name, row[name], Unit.CENTS, currency=currency)
            for name in ("net_revenue", "gross_revenue", "platform_fees", "reversed")
        ]
        figures.append(look.figure("reversals", row["reversals"]))
        if before is None:
            continue
        past = earlier.get(currency, nothing)["net_revenue"]
        change = _change(row["net_revenue"], past)
        figures += [
            look.figure("net_revenue_before", past, Unit.CENTS, currency=currency, span=before),
            look.figure("net_revenue_change", change, Unit.BASIS_POINTS),
        ]
    return figures


def _change(value: int, past: int) -> int | None:
    """By how much a value grew, in hundredths of a percent; from nothing, nobody can say."""
    return round((value - past) * _SHARES / past) if past > 0 else None


def _revenue_by_type(look: _Look) -> list[Figure]:
    return [
        look.figure(f"revenue_{row['type']}", row["value"], Unit.CENTS, currency=row["currency"])
        for row in look.rows(_REVENUE_BY_TYPE)
    ]


def _revenue_by_creator(look: _Look) -> list[Figure]:
    return [
        look.figure(
            "creator_revenue",
            row["value"],
            Unit.CENTS,
            currency=row["currency"],
            about=About(kind="creator", id=row["id"], name=look.name_of(row["id"])),
        )
        for row in look.rows(_REVENUE_BY_CREATOR)
    ]


def _campaigns(look: _Look) -> list[Figure]:
    found = look.rows(_CAMPAIGNS)
    figures = [] if len(found) else [look.figure("campaigns", 0)]
    for row in found:
        figures += _campaign(look, row)
    return figures


def _campaign(look: _Look, row: Row) -> list[Figure]:
    about = About(kind="campaign", id=row["id"], name=row["name"])
    sent, unlocked = row["sent"], row["unlocked"]
    figures = [look.figure("campaign_sent", sent, about=about)]
    if row["price_cents"]:
        ratio = round(unlocked * _SHARES / sent) if sent else None
        money = unlocked * row["price_cents"]
        figures += [
            look.figure("campaign_unlocked", unlocked, about=about),
            look.figure("campaign_unlock_ratio", ratio, Unit.BASIS_POINTS, about=about),
            look.figure(
                "campaign_revenue", money, Unit.CENTS, currency=row["currency"], about=about
            ),
        ]
    if row["held_out"]:
        (lift,) = look.rows(_LIFT, campaign=row["id"])
        figures += [
            look.figure("campaign_held_out", row["held_out"], about=about),
            look.figure(
                "campaign_lift", lift["value"], Unit.CENTS, currency=row["currency"], about=about
            ),
        ]
    return figures


def _sends(look: _Look) -> list[Figure]:
    return [
        *look.counts(look.rows(_SENDS)[0]),
        *look.counts(look.rows(_PLANNED)[0], is_now=True),
    ]


def _inbox(look: _Look) -> list[Figure]:
    row = look.rows(_INBOX)[0]
    return [
        look.figure("inbox_unanswered", row["inbox_unanswered"], is_now=True),
        look.figure("inbox_longest_wait", row["inbox_longest_wait"], Unit.HOURS, is_now=True),
        look.figure("inbox_active", row["inbox_active"]),
    ]


def _ai_costs(look: _Look) -> list[Figure]:
    return [look.figure("ai_cost", look.rows(_AI_COSTS)[0]["ai_cost"], Unit.NANODOLLARS)]


_LOOKS: dict[Tool, Callable[[_Look], list[Figure]]] = {
    Tool.FANS: _fans,
    Tool.FAN_CHANGES: _fan_changes,
    Tool.TOP_FANS: _top_fans,
    Tool.REVENUE: _revenue,
    Tool.REVENUE_BY_TYPE: _revenue_by_type,
    Tool.REVENUE_BY_CREATOR: _revenue_by_creator,
    Tool.CAMPAIGNS: _campaigns,
    Tool.SENDS: _sends,
    Tool.INBOX: _inbox,
    Tool.AI_COSTS: _ai_costs,
}
