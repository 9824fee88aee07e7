"""Shapes of conversations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from huntaze.domain.fans import FanStatus
from huntaze.moments import Moment

MAX_LABELS = 20

# Plain names: a `type` statement would make another schema of each in the OpenAPI document.
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
NoteText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


class ConversationState(StrEnum):
    """Where a conversation stands; a message of the fan's opens it again."""

    OPEN = "open"
    WAITING = "waiting"
    SNOOZED = "snoozed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """A message as the platform shows it.

    Attributes:
        id: Of the platform.
        own: The creator wrote it, or whoever writes for them.
        sent_at: None where the platform shows no moment.
        paid: The fan has unlocked it.
        media: Ids of the platform.
        unsent: It was taken back.
        late: Something newer was told of it: of what is known, nothing is put right.
    """

    id: str
    own: bool
    text: str
    sent_at: datetime | None = None
    price_cents: int = 0
    paid: bool = False
    tip_cents: int = 0
    media: Sequence[str] = ()
    unsent: bool = False
    late: bool = False


class Stored(NamedTuple):
    """What has become of messages that were seen.

    Attributes:
        new: Messages that were not known before, oldest first.
    """

    conversation_id: UUID
    new: Sequence[UUID]


class FanCard(BaseModel):
    """What somebody who answers needs to know of a fan at a glance."""

    id: UUID
    handle: str
    display_name: str | None
    status: FanStatus
    tier: str
    language: str | None
    time_zone: str | None
    tags: list[str]
    value_cents: int
    currency: str
    last_purchase_at: datetime | None
    last_seen_at: datetime | None
    subscribed_at: datetime | None
    expires_at: datetime | None
    suppressed: bool = Field(description="Nothing is sent to them.")


class LastMessage(BaseModel):
    """The newest message of a conversation; of a long text, its beginning."""

    id: UUID
    direction: Literal["in", "out"]
    text: str
    price_cents: int
    unsent: bool


class Conversation(BaseModel):
    """A conversation with a fan, and where it stands.

    `waiting_since` is the fan's first message that nobody has answered, `answer_from` the same
    moment, moved ahead by what the fan is worth. `assigned_to` is who looks after the fan.
    """

    id: UUID
    creator_id: UUID
    state: ConversationState
    snoozed_until: datetime | None
    hidden_at: datetime | None
    unread: int
    waiting_since: datetime | None
    answer_from: datetime | None
    assigned_to: UUID | None
    labels: list[str]
    fan: FanCard
    last_message: LastMessage | None
    last_message_at: datetime | None
    last_inbound_at: datetime | None
    last_outbound_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ConversationChanges(BaseModel):
    """What to change of a conversation: what is left out stays, `labels` replaces all labels.

    `snoozed_until` goes with the state `snoozed`. `assigned_to` says who looks after the fan, null
    that nobody does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: ConversationState | None = None
    snoozed_until: Moment | None = None
    assigned_to: UUID | None = None
    labels: Annotated[list[Label] | None, Field(max_length=MAX_LABELS)] = None
    message_id: UUID | None = Field(
        None,
        description="The newest message that you have seen: with a newer one of the fan's, or one"
        " that came since and is unread, nothing is changed, and the refusal is `MovedOn`.",
    )


class Note(BaseModel):
    """What a member has put down about a conversation; fans never see it."""

    id: UUID
    conversation_id: UUID
    author_id: UUID
    text: str
    created_at: datetime
