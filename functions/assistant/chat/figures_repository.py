"""The tools of the assistant: figures of the workspace from Postgres.

Each look is one transaction that Postgres itself keeps from writing, under the caller's own rights.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import LiteralString
from uuid import UUID

from psycopg.rows import dict_row

from functions.assistant.chat.models import About, Call, Desk, Figure, Tool, Unit
from functions.assistant.chat.wording import label_of
from huntaze.db import Connection, Tenant
from huntaze.domain import figures
from huntaze.domain.figures import Row, Span, Window, change_of, span_of

_SHARES = 10_000
# Before there were models.
_BEGINNING = date(2000, 1, 1)

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
    "     WHERE g.workspace_id = s.workspace_id AND g.fan_id = s.fan_id"
    "     AND g.send_id = s.id AND g.state = 'bought'))"
    "     AS unlocked"
    "   FROM sends s WHERE s.campaign_id = c.id) s"
    " ORDER BY c.released_at DESC, c.id DESC"
)
# What a fan of each group brought in the week after, and what was taken back of it since: a fan who
# brought nothing counts, too. Unknown before that week is over.
_LIFT: LiteralString = (
    "SELECT round(avg(m.cents) FILTER (WHERE s.state <> 'held_out')"
    "  - avg(m.cents) FILTER (WHERE s.state = 'held_out'))::bigint AS value"
    " FROM sends s JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id"
    " CROSS JOIN LATERAL (SELECT coalesce(sum(t.effective_cents + back.cents), 0) AS cents"
    "   FROM transactions t CROSS JOIN LATERAL ("
    "     SELECT coalesce(sum(r.effective_cents), 0) AS cents FROM transactions r"
    "      WHERE r.workspace_id = t.workspace_id AND r.creator_id = t.creator_id"
    "       AND r.reverses = t.transaction_id) back"
    "   WHERE t.workspace_id = s.workspace_id AND t.fan_id = s.fan_id AND t.reverses IS NULL"
    "     AND t.created_at >= c.released_at AND t.created_at < c.released_at + interval '7 days') m"
    " WHERE s.campaign_id = %(campaign)s"
    "   AND c.released_at + interval '7 days' <= clock_timestamp()"
    # All whom the draw chose from: what the plan left out was never drawn, and what was left out
    # later (it is settled) would be missing in one group alone.
    "   AND (s.state <> 'skipped' OR s.settled_at IS NOT NULL)"
)
# A campaign's rows wait in earnest while it goes out.
_PLANNED: LiteralString = (
    "SELECT (SELECT count(*) FROM sends WHERE creator_id = ANY (%(creators)s)"
    "          AND state = 'planned' AND campaign_id IS NULL)"
    " + (SELECT count(*) FROM campaigns c JOIN sends s ON s.campaign_id = c.id"
    "     WHERE c.creator_id = ANY (%(creators)s) AND c.status = 'sending'"
    "       AND s.state = 'planned') AS sends_planned"
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
        with self._reading() as connection:
            return _LOOKS[call.tool](_Look(call, desk, connection))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._tenant.transaction() as connection:
            connection.execute("SET TRANSACTION READ ONLY")
            yield connection


class _Look:
    """One call, and how its figures are made."""

    def __init__(self, call: Call, desk: Desk, connection: Connection) -> None:
        self._call = call
        self._desk = desk
        self.connection = connection
        self.most = call.most
        self.span = span_of(call.period, desk.today)
        self.window = self.window_of(self.span)

    def window_of(self, span: Span) -> Window:
        """The moments of a span."""
        return self._desk.scope.window(span)

    def rows(self, query: LiteralString, **more: object) -> list[Row]:
        """Ask the database."""
        values = {**self.window._asdict(), "most": self.most, **more}
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, values).fetchall()

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
        names = {account.id: account.name for account in self._desk.scope.accounts}
        return names.get(creator_id)

    @property
    def currencies(self) -> list[str]:
        """Those of the creators, each once."""
        return self._desk.scope.currencies


def _fans(look: _Look) -> list[Figure]:
    return look.counts(figures.fans_now(look.connection, look.window), is_now=True)


def _fan_changes(look: _Look) -> list[Figure]:
    return look.counts(figures.ended_and_begun(look.connection, look.window))


def _top_fans(look: _Look) -> list[Figure]:
    return [
        look.figure(
            "fan_value",
            row["value"],
            Unit.CENTS,
            currency=row["currency"],
            about=About(kind="fan", id=row["id"], name=None),
        )
        for row in figures.top_fans(look.connection, look.window, look.most)
    ]


def _revenue(look: _Look) -> list[Figure]:
    before = look.span.before
    earlier = figures.revenue(look.connection, look.window_of(before)) if before else {}
    found = figures.revenue(look.connection, look.window)
    nothing = dict.fromkeys(
        ("net_revenue", "gross_revenue", "platform_fees", "reversed", "reversals"), 0
    )
    made: list[Figure] = []
    # No transactions at all are zero of the creator's currency.
    for currency in sorted({*found, *earlier} or look.currencies):
        row = found.get(currency, nothing)
        made += [
            look.figure(name, row[name], Unit.CENTS, currency=currency)
            for name in ("net_revenue", "gross_revenue", "platform_fees", "reversed")
        ]
        made.append(look.figure("reversals", row["reversals"]))
        if before is None:
            continue
        past = earlier.get(currency, nothing)["net_revenue"]
        change = change_of(row["net_revenue"], past)
        made += [
            look.figure("net_revenue_before", past, Unit.CENTS, currency=currency, span=before),
            look.figure("net_revenue_change", change, Unit.BASIS_POINTS),
        ]
    return made


def _revenue_by_type(look: _Look) -> list[Figure]:
    return [
        look.figure(f"revenue_{row['type']}", row["value"], Unit.CENTS, currency=row["currency"])
        for row in figures.revenue_by_type(look.connection, look.window)
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
        for row in figures.revenue_by_creator(look.connection, look.window, look.most)
    ]


def _campaigns(look: _Look) -> list[Figure]:
    found = look.rows(_CAMPAIGNS)
    if not found:
        return [look.figure("campaigns", 0)]
    return [figure for row in found for figure in _campaign(look, row)]


def _campaign(look: _Look, row: Row) -> list[Figure]:
    about = About(kind="campaign", id=row["id"], name=row["name"])
    sent, unlocked = row["sent"], row["unlocked"]
    made = [look.figure("campaign_sent", sent, about=about)]
    if row["price_cents"]:
        ratio = round(unlocked * _SHARES / sent) if sent else None
        money = unlocked * row["price_cents"]
        made += [
            look.figure("campaign_unlocked", unlocked, about=about),
            look.figure("campaign_unlock_ratio", ratio, Unit.BASIS_POINTS, about=about),
            look.figure(
                "campaign_revenue", money, Unit.CENTS, currency=row["currency"], about=about
            ),
        ]
    if row["held_out"]:
        (lift,) = look.rows(_LIFT, campaign=row["id"])
        made += [
            look.figure("campaign_held_out", row["held_out"], about=about),
            look.figure(
                "campaign_lift", lift["value"], Unit.CENTS, currency=row["currency"], about=about
            ),
        ]
    return made


def _sends(look: _Look) -> list[Figure]:
    return [
        *look.counts(figures.sends(look.connection, look.window)),
        *look.counts(look.rows(_PLANNED)[0], is_now=True),
    ]


def _inbox(look: _Look) -> list[Figure]:
    row = figures.inbox(look.connection, look.window)
    return [
        look.figure("inbox_unanswered", row["inbox_unanswered"], is_now=True),
        look.figure("inbox_longest_wait", row["inbox_longest_wait"], Unit.HOURS, is_now=True),
        look.figure("inbox_active", row["inbox_active"]),
    ]


def _ai_costs(look: _Look) -> list[Figure]:
    (row,) = look.rows(_AI_COSTS, first=look.span.since or _BEGINNING, last=look.span.until)
    return [look.figure("ai_cost", row["ai_cost"], Unit.NANODOLLARS)]


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
