"""Shapes of the routes that members call."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from huntaze.domain.billing.plans import Plan


class Plans(BaseModel):
    """The plans, the least first. A limit that is null is none."""

    items: list[Plan]


class CheckoutOrder(BaseModel):
    """What to buy; what it costs is ours to say."""

    model_config = ConfigDict(extra="forbid")

    plan: Annotated[str, Field(min_length=1, max_length=40)]
    interval: Literal["month", "year"] = "month"
    success_url: str | None = Field(
        None, max_length=2000, description="Omitted: `/billing?paid=1` of the front end."
    )
    cancel_url: str | None = Field(
        None, max_length=2000, description="Omitted: `/billing` of the front end."
    )


class PortalOrder(BaseModel):
    """Where to come back to."""

    model_config = ConfigDict(extra="forbid")

    return_url: str | None = Field(
        None, max_length=2000, description="Omitted: `/billing` of the front end."
    )


class HostedPage(BaseModel):
    """A page of Stripe's to go to."""

    url: str


class BoughtPlan(BaseModel):
    """A subscription as Stripe last told."""

    id: str
    plan: str | None
    interval: str | None
    status: str
    current_period_start: datetime | None
    current_period_end: datetime | None
    trial_ends_at: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    past_due_since: datetime | None


class LimitUse(BaseModel):
    """How far a limit is used; a limit that is null is none."""

    limit: int | None
    used: int


class Standing(BaseModel):
    """The plan in force, what it allows and how far that is used."""

    plan: str
    plan_until: datetime | None = Field(description="When it stops to count, if it does by itself.")
    trial_ends_at: datetime
    limits: dict[str, LimitUse]
    features: list[str]
    subscription: BoughtPlan | None
    open_disputes: int


class Bill(BaseModel):
    """An invoice."""

    id: str
    number: str | None
    status: str
    currency: str
    amount_due_cents: int
    amount_paid_cents: int
    refunded_cents: int
    attempts: int
    next_attempt_at: datetime | None
    period_start: datetime | None
    period_end: datetime | None
    hosted_invoice_url: str | None
    invoice_pdf: str | None
    paid_at: datetime | None
    created_at: datetime
