"""Shapes of what platforms push; what they say beside it is left alone."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from huntaze.domain.platform_rows import MAX_CENTS
from huntaze.moments import Moment

type Id = Annotated[str, Field(min_length=1, max_length=200)]
type Cents = Annotated[int, Field(ge=0, le=MAX_CENTS)]
type Signed = Annotated[int, Field(ge=-MAX_CENTS, le=MAX_CENTS)]
# A platform that writes nothing as null says no more than one that leaves it out.
type OrNone = Annotated[int, Field(ge=0, le=MAX_CENTS), BeforeValidator(lambda value: value or 0)]


class Queued(BaseModel):
    """A message of the queue."""

    workspace_id: UUID
    creator_id: UUID
    event_id: str


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class FanFacts(_Facts):
    """Of whom an event speaks."""

    id: Id
    handle: str | None = None
    display_name: str | None = None


class MessageFacts(_Facts):
    """A message as it is now."""

    id: Id
    fan: FanFacts
    direction: Annotated[str, Field(pattern="^(in|out)$")]
    text: str | None = None
    price_cents: OrNone = 0
    tip_cents: OrNone = 0
    media: Annotated[list[Id], Field(max_length=200)] = []
    sent_at: Moment
    opened_at: Moment | None = None
    paid_at: Moment | None = None


class DeletedMessage(_Facts):
    """A message that is there no more."""

    id: Id


class SubscriptionFacts(_Facts):
    """A fan's subscription as it is now."""

    fan: FanFacts
    status: str | None = None
    price_cents: Cents | None = None
    rebill_on: bool | None = None
    subscribed_at: Moment | None = None
    expires_at: Moment | None = None
    last_seen_at: Moment | None = None


class TransactionFacts(_Facts):
    """A movement of money as it is now; what is taken back may be told as minus."""

    id: Id
    fan: FanFacts
    type: Annotated[str, Field(min_length=1, max_length=60)]
    amount_cents: Signed
    fee_cents: Signed | None = None
    net_cents: Signed | None = None
    created_at: Moment
    message_id: str | None = None
    reverses: str | None = None
    description: str | None = None
