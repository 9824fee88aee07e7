"""Shapes of what is said in conversations."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from huntaze.domain.conversations.threads import Message
from huntaze.domain.outbound.texts import MessageText


class ReplyDraft(BaseModel):
    """A reply: the member's own text, or a quick reply that is filled for the fan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message: MessageText | None = None
    quick_reply_id: UUID | None = None
    price_cents: Annotated[int, Field(ge=0, le=20000)] = 0
    media_ids: Annotated[list[UUID], Field(max_length=20)] = Field(default_factory=list)
    message_id: UUID | None = Field(
        None,
        description="The newest message that you have seen: with a newer one in the thread the"
        " reply is not sent, and its reason is `moved_on`.",
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.message is None) == (self.quick_reply_id is None):
            raise ValueError("give message or quick_reply_id, one of the two")
        return self


class AddressedReply(ReplyDraft):
    """A reply and the conversation that it belongs to."""

    conversation_id: UUID


class FoundMessage(Message):
    """A message that a search has found, and with whom it was exchanged."""

    fan_id: UUID
    fan_handle: str
    fan_display_name: str | None


class UnsendOrder(BaseModel):
    """An order to take a message back; the worker carries it out before any send."""

    message_id: UUID
    requested: bool = Field(description="False: it was ordered before and is under way.")
