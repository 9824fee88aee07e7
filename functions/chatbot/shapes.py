"""Shapes of the chatbot's routes."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from functions.chatbot.models import AwayCondition, Condition, TimeCondition, aware
from huntaze.domain.outbound.texts import MAX_TEXT, SENDABLE

type DraftState = Literal["pending", "approved", "edited", "rejected", "discarded"]
type Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT), SENDABLE
]
type Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
type Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
type FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,39}$")]
type Summary = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
# Plain: a `type` statement would make another schema of it in the OpenAPI document.
Satisfaction = Annotated[int, Field(ge=1, le=5)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReplyDraft(BaseModel):
    """A reply that a model wrote and both checks approved, and what became of it."""

    model_config = ConfigDict(protected_namespaces=())

    id: UUID
    creator_id: UUID
    fan_id: UUID
    conversation_id: UUID
    based_on: UUID = Field(description="The newest message of the thread when it was written.")
    text: str
    confidence: int = Field(description="From 0 to 100.")
    reasons: list[str]
    warning: str | None = Field(description="Why it is to be looked at with care.")
    model: str
    prompt_version: str
    review: dict[str, Any] = Field(description="What the checks said.")
    created_at: datetime
    state: DraftState
    decided_by: UUID | None
    decided_at: datetime | None
    by_itself: bool = Field(description="It went out by the owner's standing word.")
    why: str | None = Field(description="Why it was rejected or discarded.")
    final_text: str | None
    edit_distance: int | None = Field(description="Signs put in, left out or changed, at least.")
    send_id: UUID | None
    send_state: str | None
    send_reason: str | None


class HandOverNote(BaseModel):
    """Why a person must answer."""

    topic: str
    reasons: list[str]


class DraftAnswer(BaseModel):
    """What came of asking for a reply: a draft, a reason why a person must answer, or both."""

    draft: ReplyDraft | None
    handed_over: HandOverNote | None


class Approval(_Asked):
    """A draft as it is."""

    disclose: bool | None = Field(
        None, description="Whether to add how AI helps; null: unless the fan was told in a day."
    )


class Edit(Approval):
    """What is sent in a draft's place."""

    text: Words


class Rejection(_Asked):
    """Why a draft is not sent."""

    why: Short | None = None


class ChatbotConversation(BaseModel):
    """A conversation as the chatbot sees it."""

    id: UUID
    creator_id: UUID
    fan_id: UUID
    state: str
    last_message_at: datetime | None
    waiting_since: datetime | None
    sentiment: str | None
    intent: str | None
    urgency: int | None
    language: str | None
    gist: str | None = Field(description="What the fan's last message says, at a glance.")
    draft_id: UUID | None = Field(description="A draft that waits for a decision.")
    handed_over: HandOverNote | None
    handed_over_at: datetime | None


class Fact(BaseModel):
    """Something that is known of a fan."""

    name: str
    text: str
    message_id: UUID | None = Field(description="Where the fan says so; null: a person knows it.")
    written_by: UUID | None = Field(description="Null: a model.")
    updated_at: datetime


class FanContext(BaseModel):
    """What is known of a fan from the conversation."""

    conversation_id: UUID
    fan_id: UUID
    summary: str
    summary_by: UUID | None = Field(
        description="Who wrote it; null: a model, which then keeps it up to date."
    )
    sentiment: str | None
    intent: str | None
    urgency: int | None
    language: str | None
    gist: str | None
    message_id: UUID | None = Field(description="The message that these are read from.")
    facts: list[Fact]
    handed_over: HandOverNote | None


class ContextChanges(_Asked):
    """What a person knows better; what is left out stays."""

    summary: Summary | None = Field(None, description="Null gives it back to the model.")
    facts: dict[FactName, Short | None] = Field(
        default_factory=dict,
        max_length=50,
        description="By what they are about; null deletes one for good.",
    )


class Resolution(_Asked):
    """A person has answered what was handed over."""

    satisfaction: Satisfaction | None = Field(None, description="Of the fan, from 1 to 5.")


class AutoReplyDraft(_Asked):
    """An answer that a person writes beforehand, and when it is given."""

    creator_id: UUID | None = Field(None, description="Omitted: the workspace's only creator.")
    name: Name
    condition: Condition
    text: Words = Field(description="With placeholders such as `{display_name|there}`.")
    place: Annotated[int, Field(ge=0, le=1000)] = Field(
        100, description="The lower, the earlier it is looked at; the first that fits answers."
    )
    every_hours: Annotated[int, Field(ge=1, le=8760)] = Field(
        24, description="It answers a fan once in so many hours."
    )
    enabled: bool = True

    @model_validator(mode="after")
    def _has_a_time(self) -> Self:
        match self.condition:
            case TimeCondition(begins=begins, ends=ends) if begins.tzinfo or ends.tzinfo:
                raise ValueError("hours are of the zone that `zone` names; leave theirs out")
            case AwayCondition(begins=datetime() as begins, ends=datetime() as ends) if aware(
                ends
            ) <= aware(begins):
                raise ValueError("an absence ends after it begins")
        return self


class AutoReply(BaseModel):
    """A rule."""

    id: UUID
    creator_id: UUID
    name: str
    condition: Condition
    text: str
    place: int
    every_hours: int
    enabled: bool
    written_by: UUID
    created_at: datetime
    updated_at: datetime
    answered: int = Field(description="How many fans it has answered.")


class Activation(_Asked):
    """For whom the chatbot is turned on or off."""

    creator_id: UUID | None = Field(None, description="Omitted: the workspace's only creator.")
    campaign_id: UUID | None = Field(None, description="For the replies to this campaign alone.")
    spend_ceiling_cents: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = Field(
        None,
        description="Who has spent so much is a person's to answer; 0: nobody; omitted: as it was.",
    )
    spend_days: Annotated[int, Field(ge=1, le=365)] | None = Field(
        None, description="In so many days; omitted: as it was, at first 30."
    )
    min_confidence: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None, description="Less is handed over; omitted: as it was, at first 50."
    )


class Deactivation(_Asked):
    """For whom the chatbot is turned off."""

    creator_id: UUID | None = Field(None, description="Omitted: the workspace's only creator.")
    campaign_id: UUID | None = None


class Training(_Asked):
    """Whose style is learned."""

    creator_id: UUID | None = Field(None, description="Omitted: the workspace's only creator.")


class Reversion(Training):
    """Which version is used."""

    version: Annotated[int, Field(ge=1)] | None = Field(description="Null is none.")


class ChatbotState(BaseModel):
    """For whom the chatbot works, and how."""

    creator_id: UUID
    active_since: datetime | None
    activated_by: UUID | None
    campaigns: list[UUID] = Field(description="Whose replies it takes, too.")
    spend_ceiling_cents: int | None
    spend_days: int
    min_confidence: int
    style_version: int | None
    held_up_since: datetime | None = Field(description="Since when no model answers.")
