"""Shapes of the routes of notifications."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from huntaze.domain.notices.kinds import Kind
from huntaze.http import Page


class Notification(BaseModel):
    """Something that a member is told of."""

    id: UUID
    kind: Kind
    creator_id: UUID | None = Field(description="Null is what concerns the whole workspace.")
    target_kind: str = Field(description="What it leads to, e.g. `campaign`.")
    target_id: UUID
    about: str | None = Field(description="What the target is called.")
    facts: dict[str, Any] = Field(description="What the event says beside.")
    happened_at: datetime
    created_at: datetime
    read_at: datetime | None


class Notifications(Page[Notification]):
    """A part of the list, and how many of all are unread."""

    unread: int


class Read(BaseModel):
    """How many notifications were unread until now."""

    read: int
