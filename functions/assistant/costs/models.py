"""Shapes of costs as the routes answer them."""

from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

_NANOS = 1_000_000_000

BASELINE = (
    "The same tokens, all read and written by the premium model, none of them from a cache; calls"
    " whose usage nobody can prove are left out on both sides."
)


class Dimension(StrEnum):
    """By what costs are broken down."""

    PROVIDER = "provider"
    MODEL = "model"
    TIER = "tier"
    AGENT = "agent"
    TASK = "task"
    CREATOR = "creator"
    CAMPAIGN = "campaign"
    DAY = "day"


class Period(NamedTuple):
    """Days of UTC, the first and the last."""

    first: date
    last: date


class Amount(BaseModel):
    """An amount of US dollars, exact."""

    model_config = ConfigDict(frozen=True)

    nanousd: Annotated[int, Field(description="In billionths of a US dollar.")]
    usd: Annotated[str, Field(description="The same in US dollars, every digit of it.")]

    @classmethod
    def of(cls, nanos: int) -> Self:
        """An amount of billionths."""
        return cls(nanousd=nanos, usd=usd(nanos))


def amount_or_none(nanos: int | None) -> Amount | None:
    """An amount of billionths, where there is one."""
    return None if nanos is None else Amount.of(nanos)


class Tokens(BaseModel):
    """Tokens by kind; those read from and written to a cache are among the input."""

    input: int
    cached: int
    written: int
    output: int


class Sums(NamedTuple):
    """The sums of some calls, as they are stored."""

    calls: int
    hits: int
    input_tokens: int
    cached_tokens: int
    written_tokens: int
    output_tokens: int
    latency_ms: int
    cost_nanos: int
    estimated_nanos: int
    baseline_nanos: int
    economy_nanos: int

    @property
    def proven_nanos(self) -> int:
        """What is proven to be owed."""
        return self.cost_nanos - self.estimated_nanos

    @property
    def savings_nanos(self) -> int:
        """What router and caches saved: the baseline less what is proven to be owed."""
        return self.baseline_nanos - self.proven_nanos

    @property
    def tokens(self) -> Tokens:
        """The tokens by kind."""
        return Tokens(
            input=self.input_tokens,
            cached=self.cached_tokens,
            written=self.written_tokens,
            output=self.output_tokens,
        )


class Figures(BaseModel):
    """What some calls cost, and what that saved."""

    cost: Amount
    estimated: Annotated[
        Amount,
        Field(
            description="Of the cost, what is only presumed; the workspace is not billed for it."
        ),
    ]
    baseline: Annotated[Amount, Field(description=f"What savings are held against. {BASELINE}")]
    savings: Annotated[Amount, Field(description="The baseline less what is proven to be owed.")]
    calls: Annotated[int, Field(description="Calls of providers.")]
    cached_answers: Annotated[int, Field(description="Answers that were there already.")]
    tokens: Tokens


class Share(Figures):
    """What one part of the costs came to."""

    key: Annotated[
        str | None,
        Field(
            description="The provider, model, …, the id of the creator or campaign, or the day;"
            " null is what belongs to none."
        ),
    ]


class Stats(Figures):
    """What models cost in a period, and what it saved."""

    first_day: date
    last_day: date
    cached_input_percent: Annotated[
        str | None, Field(description="The share of the input that was read from a cache.")
    ]
    average_latency_ms: int | None
    savings_percent: Annotated[str | None, Field(description="Of the baseline.")]
    baseline_means: str = BASELINE


class Forecast(BaseModel):
    """What the month will have cost, if the days to come are like those before."""

    month: Annotated[date, Field(description="Its first day.")]
    spent: Annotated[Amount, Field(description="So far.")]
    expected: Annotated[
        Amount | None,
        Field(
            description="At the end of the month; null on the first day with costs, which is not"
            " over and says nothing of the others."
        ),
    ]
    low: Annotated[
        Amount | None,
        Field(
            description="Four times in five the month ends between `low` and `high`; null while"
            " there are too few days to say."
        ),
    ]
    high: Amount | None
    interval_percent: int
    days_observed: Annotated[int, Field(description="The days that it is computed from.")]
    expected_day: Annotated[
        Amount | None, Field(description="An average day; null while there is none.")
    ]
    limit: Annotated[
        Amount | None,
        Field(
            description="What the workspace may spend in the month; null is no end, or not for"
            " who sees some of the creators only."
        ),
    ]
    limit_reached_on: Annotated[
        date | None, Field(description="When the average day reaches it; null is not this month.")
    ]


class Suggestion(BaseModel):
    """Something that would have cost less."""

    task: Annotated[str, Field(description="The kind of work.")]
    means: str
    applied: Annotated[bool, Field(description="Whether the workspace has chosen it.")]
    cost: Annotated[Amount, Field(description="Of what it would change, in the days looked at.")]
    savings: Annotated[
        Amount,
        Field(description="That cost less the same tokens at the price of the economy model."),
    ]
    baseline: Annotated[Amount, Field(description=BASELINE)]
    calls: int


class Suggestions(BaseModel):
    """What would have cost less, the largest savings first."""

    first_day: date
    last_day: date
    items: list[Suggestion]
    savings: Annotated[
        Amount, Field(description="Of all that is not applied, in the days looked at.")
    ]


class OptimizeDraft(BaseModel):
    """What to change; with nothing in it, nothing is changed."""

    model_config = ConfigDict(extra="forbid")

    apply: Annotated[
        list[Annotated[str, Field(max_length=60)]],
        Field(max_length=50, description="Tasks that the economy model does from now on."),
    ] = []
    revert: Annotated[
        list[Annotated[str, Field(max_length=60)]],
        Field(max_length=50, description="Tasks that are the router's to decide again."),
    ] = []


class Alert(BaseModel):
    """A part of a limit that was crossed."""

    id: UUID
    period: Literal["day", "month"]
    starts_on: date
    threshold_percent: int
    limit: Amount
    spent: Annotated[Amount, Field(description="When it was seen.")]
    raised_at: datetime
    acknowledged_by: UUID | None
    acknowledged_at: datetime | None
    posts: Annotated[
        dict[str, str],
        Field(
            description="What became of it by channel (`slack`, `sns`): `waiting`, `posting`,"
            " `posted`, `failed`, or `unknown` when whoever posted died in the midst. Empty when a"
            " higher one told of it."
        ),
    ]


def figures(sums: Sums) -> Figures:
    """What some calls cost, as it is told."""
    return Figures(
        cost=Amount.of(sums.cost_nanos),
        estimated=Amount.of(sums.estimated_nanos),
        baseline=Amount.of(sums.baseline_nanos),
        savings=Amount.of(sums.savings_nanos),
        calls=sums.calls,
        cached_answers=sums.hits,
        tokens=sums.tokens,
    )


def usd(nanos: int) -> str:
    """An amount as people read it; every digit of it."""
    return f"{Decimal(nanos) / _NANOS:f}"


def percent(part: int, whole: int) -> str | None:
    """A share in hundredths, to two digits; None of nothing."""
    if whole == 0:
        return None
    exact = Decimal(part) * 100 / Decimal(whole)
    return f"{exact.quantize(Decimal('0.01'), rounding=ROUND_HALF_EVEN):f}"
