"""Shapes of budgets, and of what a workspace wants to hear of its costs."""

from datetime import date, datetime
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from functions.assistant.costs.models import Amount
from huntaze.ai.prices import NANOS_PER_CENT

USUAL_THRESHOLDS = (50, 80, 95)
# A million dollars; what is larger is a mistake.
_MOST_CENTS = 100_000_000


class BudgetDraft(BaseModel):
    """What a workspace allows itself, below what its plan includes."""

    model_config = ConfigDict(extra="forbid")

    monthly_cents: Annotated[
        int | None, Field(ge=0, le=_MOST_CENTS, description="Null: no limit of its own.")
    ] = None
    daily_cents: Annotated[
        int | None, Field(ge=0, le=_MOST_CENTS, description="Null: no limit of its own.")
    ] = None
    over_budget: Annotated[
        Literal["degrade", "stop"],
        Field(
            description="What becomes of work that does not fit: done by the economy model and"
            " shorter, if that fits, or refused until the reset."
        ),
    ] = "degrade"


class Spending(NamedTuple):
    """What is taken of a day or a month."""

    starts_on: date
    resets_at: datetime
    spent_nanos: int
    reserved_nanos: int


class Books(NamedTuple):
    """What a workspace has chosen, what its plan includes, and what is taken."""

    budget: BudgetDraft
    plan: str
    plan_cents: int | None
    day: Spending
    month: Spending

    @property
    def month_limit_nanos(self) -> int | None:
        """What may be spent in the month; None: no end."""
        return _least(self.budget.monthly_cents, self.plan_cents)

    @property
    def day_limit_nanos(self) -> int | None:
        """What may be spent in the day; None: no end but the month's."""
        return _least(self.budget.daily_cents)


class Room(BaseModel):
    """How much of a day or a month is taken."""

    starts_on: date
    resets_at: datetime
    limit: Annotated[Amount | None, Field(description="Null is no end.")]
    spent: Amount
    reserved: Annotated[Amount, Field(description="What calls in flight may cost at most.")]
    left: Amount | None

    @classmethod
    def of(cls, spending: Spending, limit: int | None) -> Self:
        """The room that is left below a limit."""
        taken = spending.spent_nanos + spending.reserved_nanos
        return cls(
            starts_on=spending.starts_on,
            resets_at=spending.resets_at,
            limit=None if limit is None else Amount.of(limit),
            spent=Amount.of(spending.spent_nanos),
            reserved=Amount.of(spending.reserved_nanos),
            left=None if limit is None else Amount.of(max(0, limit - taken)),
        )


class Budget(BudgetDraft):
    """What a workspace may spend on models, and how much of it is taken."""

    currency: str = "USD"
    plan: Annotated[str, Field(description="The plan in force.")]
    plan_monthly_cents: Annotated[
        int | None, Field(description="What it includes in a month; null is no end.")
    ]
    day: Room
    month: Room

    @classmethod
    def of(cls, books: Books) -> Self:
        """What the books say."""
        return cls(
            **books.budget.model_dump(),
            plan=books.plan,
            plan_monthly_cents=books.plan_cents,
            day=Room.of(books.day, books.day_limit_nanos),
            month=Room.of(books.month, books.month_limit_nanos),
        )


class AlertSettingsDraft(BaseModel):
    """When to tell, and where beside mails and the bell."""

    model_config = ConfigDict(extra="forbid")

    thresholds_percent: Annotated[
        list[Annotated[int, Field(ge=1, le=100)]],
        Field(max_length=10, description="Parts of a limit to tell of; none is silence."),
    ] = list(USUAL_THRESHOLDS)
    slack_webhook_url: Annotated[
        SecretStr | None,
        Field(
            description="An incoming webhook of Slack, `https://hooks.slack.com/services/…`; it is"
            " stored sealed and never told again. Left out it stays, null forgets it."
        ),
    ] = None


class AlertSettings(BaseModel):
    """When alerts are told, and where."""

    thresholds_percent: list[int]
    slack_connected: bool


def _least(*cents: int | None) -> int | None:
    known = [one * NANOS_PER_CENT for one in cents if one is not None]
    return min(known) if known else None
