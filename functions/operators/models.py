"""Shapes of operators' routes and orders."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from huntaze.domain.addresses import Email


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


class ListOrder(BaseModel):
    """Tell who has the role."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["list"]


class Outcome(StrEnum):
    """What became of an order."""

    GRANTED = "granted"
    REVOKED = "revoked"
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


class DetailedHealth(BaseModel):
    """How the whole stage is, over all workspaces."""

    status: Annotated[
        Literal["ok", "degraded"],
        Field(description="`degraded`: something has waited longer than it should."),
    ]
    migration: Annotated[str, Field(description="The newest migration that was applied.")]
    lanes: Lanes
    work: list[Work]
