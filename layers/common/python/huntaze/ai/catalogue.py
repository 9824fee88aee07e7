"""The models that there are: data, read from ``catalogue.json``."""

from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from huntaze.ai.errors import UnknownModelError

# How long before its end a model raises an alarm.
NOTICE = timedelta(days=60)

# One US dollar for a million tokens is a thousand billionths of a dollar for one.
_NANOS_A_TOKEN = 1000


class Provider(StrEnum):
    """Who runs models for us."""

    OPENAI = "openai"
    AZURE_OPENAI = "azure_openai"


class Tier(StrEnum):
    """What a model is good for, and about what it costs."""

    PREMIUM = "premium"
    ECONOMY = "economy"
    LEGACY_PREMIUM = "legacy_premium"
    LEGACY_ECONOMY = "legacy_economy"


def _nanos(price: object) -> int:
    """What one token costs in billionths of a US dollar; exact, or refused."""
    nanos = Decimal(str(price)) * _NANOS_A_TOKEN
    if nanos != nanos.to_integral_value() or nanos < 0:
        raise ValueError(f"{price} USD for a million tokens is no whole number of nano-dollars")
    return int(nanos)


type Nanos = Annotated[int, BeforeValidator(_nanos)]


class Prices(BaseModel):
    """What one token costs, in billionths of a US dollar.

    Reading from and writing to a cache cost as much as other input where a model has no price of
    their own for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Nanos
    cached_input: Nanos | None
    cache_write: Nanos | None
    output: Nanos


class Model(BaseModel):
    """One model of one provider."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: Provider
    id: str
    tier: Tier
    context_tokens: Annotated[int, Field(gt=0)]
    prices: Annotated[Prices, Field(alias="usd")]
    priced_on: date
    # The first day on which the provider no longer answers.
    ends_on: date | None
    # What the model may think before it answers, which is paid like output.
    reasoning_tokens: Annotated[int, Field(ge=0)]
    parameters: frozenset[str]
    defaults: dict[str, str]

    def has_ended(self, today: date) -> bool:
        """Whether the provider has taken it away."""
        return self.ends_on is not None and today >= self.ends_on

    def ends_soon(self, today: date) -> bool:
        """Whether it is time to choose another."""
        return self.ends_on is not None and today >= self.ends_on - NOTICE

    def accepted(self, **wanted: Any) -> dict[str, Any]:  # noqa: ANN401  (as the provider's API)
        """The parameters of a call: what is wanted and what the model does by default.

        What the model does not take is left out.
        """
        every = {**self.defaults, **wanted}
        return {name: value for name, value in every.items() if name in self.parameters}


class Catalogue(BaseModel):
    """Every model that is known, also those that have ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    comment: str
    models: tuple[Model, ...]

    def find(self, provider: Provider, model_id: str) -> Model:
        """The model of a name.

        Raises:
            UnknownModelError: There is none.
        """
        for model in self.models:
            if (model.provider, model.id) == (provider, model_id):
                return model
        raise UnknownModelError(f"{provider.value} has no model {model_id} in the catalogue.")


@cache
def catalogue() -> Catalogue:
    """The models of this release."""
    return Catalogue.model_validate_json(Path(__file__).with_name("catalogue.json").read_bytes())
