"""Rules of costs: what is told of them, and what may be changed. Knows no HTTP, SQL or AWS."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from functions.assistant.costs import forecasting
from functions.assistant.costs.budgets import Books, Budget, BudgetDraft
from functions.assistant.costs.models import (
    Amount,
    Dimension,
    Forecast,
    OptimizeDraft,
    Period,
    Share,
    Stats,
    Suggestion,
    Suggestions,
    Sums,
    amount_or_none,
    figures,
    percent,
)
from huntaze.ai.models import Reason
from huntaze.ai.tasks import Task, rules_of
from huntaze.errors import InvalidInputError

# As long as the cost rows themselves are kept.
_LONGEST = timedelta(days=800)
_LOOKED_AT = timedelta(days=forecasting.DAYS_LOOKED_AT)
_NONE = Sums(*(0,) * 11)


class PeriodError(InvalidInputError):
    """The days are none that costs are kept of."""


class NotOptimizableError(InvalidInputError):
    """The economy model may not do this kind of work."""


class Costs(Protocol):
    """The costs of a workspace, as far as its caller may see them."""

    def breakdown(
        self, by: Dimension, period: Period, after: Sequence[str], limit: int
    ) -> Sequence[tuple[str | None, Sums]]: ...

    def total(self, period: Period) -> Sums: ...

    def days(self, period: Period) -> Mapping[date, int]: ...

    def first_day(self) -> date | None: ...

    def by_task(self, reasons: Collection[str], period: Period) -> Mapping[str, Sums]: ...


class Choices(Protocol):
    """What a workspace has chosen."""

    def economy_tasks(self) -> Collection[str]: ...

    def choose(self, apply: Sequence[str], revert: Sequence[str]) -> None: ...

    def books(self) -> Books: ...

    def save_budget(self, draft: BudgetDraft) -> None: ...


def period_of(first: date | None, last: date | None, *, today: date) -> Period:
    """The days that are meant: left out, this month until today.

    Raises:
        PeriodError: They are in the wrong order, or too many.
    """
    end = last or (today if first is None or first <= today else first)
    begin = first or end.replace(day=1)
    if begin > end:
        raise PeriodError(
            "The first day is after the last.", fields={"first_day": "is after last_day"}
        )
    if end - begin > _LONGEST:
        raise PeriodError(
            f"Ask for at most {_LONGEST.days} days.", fields={"first_day": "is too long ago"}
        )
    return Period(begin, end)


def shares(found: Sequence[tuple[str | None, Sums]]) -> list[Share]:
    """What each part of the costs came to."""
    return [Share(key=key, **dict(figures(sums))) for key, sums in found]


def stats(period: Period, costs: Costs) -> Stats:
    """What models cost in a period, and what it had cost without router and caches."""
    sums = costs.total(period)
    return Stats(
        first_day=period.first,
        last_day=period.last,
        cached_input_percent=percent(sums.cached_tokens, sums.input_tokens),
        average_latency_ms=sums.latency_ms // sums.calls if sums.calls else None,
        savings_percent=percent(sums.savings_nanos, sums.baseline_nanos),
        **dict(figures(sums)),
    )


def forecast(costs: Costs, limit_nanos: int | None, *, now: datetime) -> Forecast:
    """What this month will have cost, computed from the days before today."""
    today = now.astimezone(UTC).date()
    month = today.replace(day=1)
    known = _days_before(costs, today)
    spent = costs.total(Period(month, today)).cost_nanos
    seen = forecasting.outlook(known, spent, limit_nanos, now=now.astimezone(UTC))
    return Forecast(
        month=month,
        spent=Amount.of(spent),
        expected=amount_or_none(seen.expected),
        low=amount_or_none(seen.low),
        high=amount_or_none(seen.high),
        interval_percent=forecasting.PERCENT,
        days_observed=len(known),
        expected_day=amount_or_none(seen.average_day),
        limit=amount_or_none(limit_nanos),
        limit_reached_on=seen.limit_reached_on,
    )


def _days_before(costs: Costs, today: date) -> list[int]:
    """What each day cost, those without a call included, since the first one that had any."""
    first = costs.first_day()
    if first is None:
        return []
    begin = max(first, today - _LOOKED_AT)
    spent = costs.days(Period(begin, today - timedelta(days=1)))
    count = max(0, (today - begin).days)
    return [spent.get(begin + timedelta(days=number), 0) for number in range(count)]


def suggest(costs: Costs, choices: Choices, *, today: date) -> Suggestions:
    """What would have cost less in the last weeks, and what was chosen already.

    What the router gave to the premium model because it is complex, and for no other reason, the
    economy model can do; whether well enough is the workspace's to say.
    """
    period = Period(today - _LOOKED_AT, today)
    applied = frozenset(choices.economy_tasks())
    dear = costs.by_task((Reason.COMPLEX.value,), period)
    items = [
        Suggestion(
            task=task,
            means="The economy model does this kind of work; what is critical stays as it is.",
            applied=task in applied,
            cost=Amount.of(sums.proven_nanos),
            savings=Amount.of(sums.proven_nanos - sums.economy_nanos),
            baseline=Amount.of(sums.baseline_nanos),
            calls=sums.calls,
        )
        for task, sums in {**dict.fromkeys(applied, _NONE), **dear}.items()
        if task in applied or sums.proven_nanos > sums.economy_nanos
    ]
    items.sort(key=lambda one: (-one.savings.nanousd, one.task))
    open_savings = sum(one.savings.nanousd for one in items if not one.applied)
    return Suggestions(
        first_day=period.first,
        last_day=period.last,
        items=items,
        savings=Amount.of(open_savings),
    )


def optimize(draft: OptimizeDraft, costs: Costs, choices: Choices, *, today: date) -> Suggestions:
    """Have the economy model do some kinds of work from now on, or no more.

    Raises:
        NotOptimizableError: There is no such work, or it decides about money or safety.
    """
    both = set(draft.apply) & set(draft.revert)
    wrong = dict.fromkeys(both, "is in both")
    wrong |= {task: "unknown" for task in (*draft.apply, *draft.revert) if task not in Task}
    wrong |= {
        task: "decides about money or safety"
        for task in draft.apply
        if task not in wrong and rules_of(task).protected
    }
    if wrong:
        raise NotOptimizableError("Not every task can be changed so.", fields=wrong)
    if draft.apply or draft.revert:
        choices.choose(draft.apply, draft.revert)
    return suggest(costs, choices, today=today)


def set_budget(draft: BudgetDraft, choices: Choices) -> Budget:
    """Replace what a workspace allows itself."""
    choices.save_budget(draft)
    return Budget.of(choices.books())
