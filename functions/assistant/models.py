"""Shapes of what models cost."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict


class CostRow(BaseModel):
    """One call of a model, as it is kept in `huntaze-ai-costs`."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    workspace_id: UUID
    call_id: UUID
    at: AwareDatetime
    generation_id: UUID
    creator_id: UUID | None
    campaign_id: UUID | None
    task: str
    agent: str
    provider: str
    model: str
    tier: str
    reason: str
    input_tokens: int
    cached_tokens: int
    written_tokens: int
    output_tokens: int
    latency_ms: int
    # Whether the answer was there already, and whether the usage is the most that it can have been.
    cached: bool
    estimated: bool
    # In billionths of a US dollar: what it cost, and what the same tokens would have cost if the
    # premium model had read and written them all without a cache.
    cost_nanos: int
    baseline_nanos: int
    # And what the economy model had charged for them; unknown of calls of a release before.
    economy_nanos: int | None = None
    priced_on: str

    @property
    def key(self) -> str:
        """Its place among the rows of the workspace: by time."""
        return sort_key(self.at, self.call_id)


def sort_key(at: datetime, call_id: UUID | None = None) -> str:
    """The sort key of a row, or of the moment before all rows of that time."""
    moment = f"{at:%Y-%m-%dT%H:%M:%S.%f}"
    return moment if call_id is None else f"{moment}#{call_id}"


def usd(nanos: int) -> str:
    """An amount as people read it; every digit of it."""
    return f"{Decimal(nanos) / 1_000_000_000:f}"


type Json = dict[str, Any]
