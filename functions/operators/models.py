"""Shapes of operators' routes and orders."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from huntaze.ai.breaker import State
from huntaze.ai.catalogue import Provider
from huntaze.domain.addresses import Email
from huntaze.flags import Flag, FlagState, Rollout


class GrantOrder(BaseModel):
    """Give the role to whoever has shown that an address is theirs, or take it away.

    An operator's command invokes the function with it, so that IAM says who may and CloudTrail
    who did; see ``docs/operations/operators.md``.
    """

    model_config = ConfigDict(extra="forbid")

    action: Literal["grant", "revoke"]
    email: Email
    by: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class ReadmissionOrder(BaseModel):
    """Send mails to an address again that once bounced, or complained."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["readmit"]
    email: Email
    by: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class ListOrder(BaseModel):
    """Tell who has the role."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["list"]


class Outcome(StrEnum):
    """What became of an order."""

    GRANTED = "granted"
    REVOKED = "revoked"
    READMITTED = "readmitted"
    UNCHANGED = "unchanged"
    # Nobody has shown that the address is theirs.
    UNKNOWN = "unknown"


class Operator(BaseModel):
    """Who has the role, since when, from whom and why."""

    email: str
    granted_at: datetime
    granted_by: str
    reason: str


class Work(BaseModel):
    """What waits to be done."""

    kind: Annotated[
        Literal["events", "imports", "mails", "orders", "webhooks"],
        Field(
            description="Events to publish, imports under way, mails to send, orders to workers"
            " that are due, webhooks to work on."
        ),
    ]
    waiting: int
    oldest_seconds: Annotated[
        float | None, Field(description="How long the oldest has waited; null when none waits.")
    ]


class Lanes(BaseModel):
    """How much the workers have to do."""

    at_work: Annotated[int, Field(description="Creators whose lane has due work or is drained.")]
    stalled: Annotated[int, Field(description="Those of them that got nowhere for ten minutes.")]
    held_by_restore: Annotated[
        int, Field(description="Held until it is known what was sent before a restore.")
    ]


class Breaker(BaseModel):
    """Whether a model may be asked."""

    provider: Provider
    model: str
    state: State
    failures: Annotated[int, Field(description="In a row, while closed.")]
    until: Annotated[
        datetime | None, Field(description="When one call may try again; null while closed.")
    ]


class Budgets(BaseModel):
    """What models have cost, all workspaces together, in billionths of a US dollar."""

    spent_today_nanos: int
    spent_this_month_nanos: int
    reserved_nanos: Annotated[int, Field(description="By calls that are under way.")]
    workspaces_refused: Annotated[
        int, Field(description="Workspaces whose budget had no room, in the last 24 hours.")
    ]


class Workflows(BaseModel):
    """Campaigns that models prepare; counts of ends are those of the last 24 hours."""

    running: int
    oldest_seconds: Annotated[float | None, Field(description="For how long the oldest has run.")]
    waiting: Annotated[int, Field(description="Ordered, and not started yet.")]
    queue_seconds: Annotated[
        float | None, Field(description="How long the oldest of these has waited.")
    ]
    completed_today: int
    stopped_today: Annotated[int, Field(description="For want of budget.")]
    failed_today: int
    last_success_at: datetime | None


class DetailedHealth(BaseModel):
    """How the whole stage is, over all workspaces."""

    status: Annotated[
        Literal["ok", "degraded"],
        Field(
            description="`degraded`: something has waited longer than it should, or a model is not"
            " asked because it does not answer."
        ),
    ]
    migration: Annotated[str, Field(description="The newest migration that was applied.")]
    lanes: Lanes
    work: list[Work]
    breakers: Annotated[
        list[Breaker] | None,
        Field(description="Of every model that is not past its end; null: they cannot be read."),
    ]
    budgets: Budgets
    workflows: Workflows


class FlagDraft(Rollout):
    """What shall hold for a feature from now on, and why."""

    flag: Flag
    version: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="Of the state that you have seen: what somebody else has changed since is"
            " not overwritten.",
        ),
    ]
    reason: Annotated[str, Field(min_length=1, max_length=500)]

    def rollout(self) -> Rollout:
        """What is stored of it."""
        return Rollout(share_percent=self.share_percent, workspaces=self.workspaces)


class FlagChange(BaseModel):
    """A change that an operator ordered."""

    version: int
    rollout: Rollout
    changed_by: UUID
    reason: str
    ordered_at: datetime
    applied: Annotated[
        bool | None, Field(description="Whether the store took it; null while nobody knows.")
    ]


class FeatureFlag(FlagState):
    """How far a feature has come, and the newest changes of that."""

    flag: Flag
    changes: list[FlagChange]


class FeatureFlags(BaseModel):
    """Every feature that can be held back."""

    items: list[FeatureFlag]
