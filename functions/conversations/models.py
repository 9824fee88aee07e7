"""Shapes of direct messages."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from huntaze.domain.outbound.texts import MessageText


class DirectMessage(BaseModel):
    """A message to one fan, written by the caller."""

    model_config = ConfigDict(extra="forbid")

    creator_id: UUID | None = Field(None, description="Omitted: the workspace's only creator.")
    fan_id: UUID
    message: MessageText
    price_cents: Annotated[int, Field(ge=0, le=20000)] = 0
    media_ids: Annotated[list[UUID], Field(max_length=20)] = Field(default_factory=list)


class Send(BaseModel):
    """A direct message and what has become of it."""

    id: UUID
    creator_id: UUID
    fan_id: UUID
    state: str
    reason: str | None
    text: str
    price_cents: int
    media_ids: list[UUID]
    due_at: datetime
    settled_at: datetime | None
    platform_message_id: str | None
    unsent_at: datetime | None


class SendSettled(BaseModel):
    """What was done about a direct message whose outcome was unknown."""

    send: Send
    new_send_id: UUID | None = Field(
        None, description="The message that says the same once more, when it is sent again."
    )


class SendQueued(BaseModel):
    """A direct message that was taken for delivery."""

    send: Send
    eta_seconds: int = Field(description="At most one slot behind a running campaign.")
