"""Shapes of the inbox."""

from typing import Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from huntaze.domain.conversations import ConversationState, Note, NoteText

type Assigned = Literal["me", "nobody", "somebody"]


class InboxFilter(NamedTuple):
    """Which conversations a list shows."""

    creator_id: UUID | None = None
    state: ConversationState | None = None
    assigned: Assigned | None = None
    member_id: UUID | None = None
    label: str | None = None
    unread: bool | None = None


class ConversationDraft(BaseModel):
    """A conversation to open with a fan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    creator_id: UUID | None = None
    fan_id: UUID


class NoteDraft(BaseModel):
    """A note to put on a conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: NoteText


class Notes(BaseModel):
    """All notes of a conversation, newest first."""

    items: list[Note]
