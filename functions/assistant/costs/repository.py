"""Costs in Postgres: the sums of each day, which the settlement of every call keeps."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import LiteralString

from functions.assistant.costs.models import Dimension, Period, Sums
from huntaze.db import Tenant

_COLUMNS: dict[Dimension, LiteralString] = {
    Dimension.PROVIDER: "provider",
    Dimension.MODEL: "model",
    Dimension.TIER: "tier",
    Dimension.AGENT: "agent",
    Dimension.TASK: "task",
    Dimension.CREATOR: "creator_id::text",
    Dimension.CAMPAIGN: "campaign_id::text",
    Dimension.DAY: "day::text",
}
_SUMS: LiteralString = ", ".join(
    f"coalesce(sum({name}), 0)::bigint"
    for name in (
        *("calls", "hits", "input_tokens", "cached_tokens", "written_tokens", "output_tokens"),
        *("latency_ms", "cost_nanos", "estimated_nanos", "baseline_nanos", "economy_nanos"),
    )
)
_OF_PERIOD: LiteralString = "workspace_id = %(workspace)s AND day BETWEEN %(first)s AND %(last)s"


class PostgresCosts:
    """The costs of one workspace; row level security hides creators that the caller may not see."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def breakdown(
        self, by: Dimension, period: Period, after: Sequence[str], limit: int
    ) -> Sequence[tuple[str | None, Sums]]:
        """The parts of the costs, in the order of their keys; what has no key comes last.

        Args:
            by: What makes a part.
            period: The days.
            after: Whether the last part that the caller has seen had no key ("0" or "1"), and its
                key; empty at the beginning.
            limit: How many parts.
        """
        key: LiteralString = _COLUMNS[by]
        place: LiteralString = f"(({key} IS NULL)::int::text, coalesce({key}, '') COLLATE \"C\")"
        rank, last = after or ("", "")
        with self._tenant.transaction() as connection:
            rows = connection.execute(
                f"SELECT {key}, {_SUMS} FROM ai_daily_costs WHERE {_OF_PERIOD}"  # noqa: S608
                f" AND (%(rank)s = '' OR {place} > (%(rank)s, %(after)s))"
                f' GROUP BY {key} ORDER BY {key} COLLATE "C" NULLS LAST LIMIT %(limit)s',
                {**self._of(period), "rank": rank, "after": last, "limit": limit},
            ).fetchall()
        return [(row[0], Sums(*row[1:])) for row in rows]

    def total(self, period: Period) -> Sums:
        """The sums of all days."""
        with self._tenant.transaction() as connection:
            (row,) = connection.execute(
                f"SELECT {_SUMS} FROM ai_daily_costs WHERE {_OF_PERIOD}",  # noqa: S608
                self._of(period),
            ).fetchall()
        return Sums(*row)

    def days(self, period: Period) -> Mapping[date, int]:
        """What each day cost on which there was a call."""
        with self._tenant.transaction() as connection:
            rows = connection.execute(
                "SELECT day, sum(cost_nanos)::bigint FROM ai_daily_costs"  # noqa: S608
                f" WHERE {_OF_PERIOD} GROUP BY day",
                self._of(period),
            ).fetchall()
        return dict(rows)

    def first_day(self) -> date | None:
        """The first day on which there was a call."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT min(day) FROM ai_daily_costs WHERE workspace_id = %s",
                (self._tenant.workspace_id,),
            ).fetchone()
        return row[0] if row else None

    def by_task(self, reasons: Collection[str], period: Period) -> Mapping[str, Sums]:
        """The sums of each kind of work whose tier was chosen for one of ``reasons``."""
        with self._tenant.transaction() as connection:
            rows = connection.execute(
                f"SELECT task, {_SUMS} FROM ai_daily_costs WHERE {_OF_PERIOD}"  # noqa: S608
                " AND reason = ANY (%(reasons)s) GROUP BY task",
                {**self._of(period), "reasons": list(reasons)},
            ).fetchall()
        return {row[0]: Sums(*row[1:]) for row in rows}

    def _of(self, period: Period) -> dict[str, object]:
        return {"workspace": self._tenant.workspace_id, **period._asdict()}
