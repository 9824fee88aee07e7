"""The plans: what each allows and what it costs, read from ``plans.json``."""

from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FREE = "free"
TRIAL = "trial"

type Interval = Literal["month", "year"]


class Limit(StrEnum):
    """What a plan counts."""

    CREATORS = "creators"
    MEMBERS = "members"
    # In a calendar month of UTC.
    MESSAGES = "messages"
    AI_BUDGET_CENTS = "ai_budget_cents"


class Feature(StrEnum):
    """What a plan has or has not."""

    SENDING = "sending"
    AB_TESTS = "ab_tests"
    AUTOMATIONS = "automations"
    CHATBOT = "chatbot"


class Price(BaseModel):
    """What a plan costs for one interval; Stripe finds its own price by the lookup key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lookup_key: str
    amount_cents: int = Field(gt=0)
    currency: str = Field(pattern="^[a-z]{3}$")


class Plan(BaseModel):
    """One plan. A limit that is null is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    names: dict[Literal["en", "fr"], str]
    limits: dict[Limit, int | None]
    features: frozenset[Feature]
    prices: dict[Literal["month", "year"], Price]

    def allows(self, limit: Limit, amount: int) -> bool:
        """Whether ``amount`` is within a limit."""
        most = self.limits[limit]
        return most is None or amount <= most


class Catalogue(BaseModel):
    """All plans, the least first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial_days: int
    grace_days: int
    plans: tuple[Plan, ...]

    @property
    def grace(self) -> timedelta:
        """How long a plan lasts after a payment has failed."""
        return timedelta(days=self.grace_days)

    @property
    def for_sale(self) -> list[Plan]:
        """The plans that can be bought, the least first."""
        return [plan for plan in self.plans if plan.prices]

    def find(self, name: str) -> Plan | None:
        """The plan of a name."""
        return next((plan for plan in self.plans if plan.name == name), None)

    def rank(self, name: str) -> int:
        """How much a plan allows, compared to the others; less than any for an unknown name."""
        return next((at for at, plan in enumerate(self.plans) if plan.name == name), -1)

    def of_lookup_key(self, lookup_key: str) -> Plan | None:
        """The plan that a price of Stripe's stands for."""
        return next(
            (
                plan
                for plan in self.plans
                if any(price.lookup_key == lookup_key for price in plan.prices.values())
            ),
            None,
        )


@cache
def catalogue() -> Catalogue:
    """The plans of this release."""
    return Catalogue.model_validate_json(Path(__file__).with_name("plans.json").read_bytes())
