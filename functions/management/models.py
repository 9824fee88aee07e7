"""Shapes of the management routes."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from huntaze.auth import Role
from huntaze.domain.addresses import Email
from huntaze.domain.creators.accounts import (
    CapHours,
    CapMessages,
    Currency,
    DisplayName,
    Handle,
    Minute,
    RecentChatMinutes,
    TimeZone,
    both_or_neither,
)

# A scope travels in what the authorizer answers, with every request. API Gateway takes 8 KB of that
# for WebSocket APIs and promises no more for others; who looks after more creators sees them all.
MOST_IN_SCOPE = 150
type Scope = Annotated[list[UUID], Field(max_length=MOST_IN_SCOPE)]


class CreatorChanges(BaseModel):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    # Only fields that were given are written. A default made by a factory stands in no schema, and
    # null stays refused where it means nothing.
    handle: Handle = Field(default_factory=str)
    display_name: DisplayName = Field(default_factory=str)
    time_zone: TimeZone = Field(default_factory=str)
    currency: Currency = Field(default_factory=str)
    cap_messages: CapMessages | None = Field(default_factory=lambda: None)
    cap_hours: CapHours = Field(default_factory=int)
    quiet_from: Minute | None = Field(default_factory=lambda: None)
    quiet_until: Minute | None = Field(default_factory=lambda: None)
    recent_chat_minutes: RecentChatMinutes = Field(default_factory=int)
    # True holds every message of the creator from the next one on, until it is false again.
    kill_switch: bool = Field(default_factory=bool)

    @model_validator(mode="after")
    def _quiet_hours_have_two_ends(self) -> "CreatorChanges":
        if ("quiet_from" in self.model_fields_set) != ("quiet_until" in self.model_fields_set):
            raise ValueError("quiet_from and quiet_until change together")
        both_or_neither(self.quiet_from, self.quiet_until)
        return self


class Lane(BaseModel):
    """Whether the creator's messages go out, and how fast they may."""

    status: str
    # Why it is stopped.
    stop_reason: str | None
    # Held by a person who wants silence.
    kill_switch: bool
    messages_per_minute: int
    min_gap_ms: int


class Creator(BaseModel):
    """An account on a fan platform that the workspace runs."""

    id: UUID
    platform: str
    handle: str
    display_name: str
    time_zone: str
    currency: str
    cap_messages: int | None
    cap_hours: int
    quiet_from: Minute | None
    quiet_until: Minute | None
    recent_chat_minutes: int
    driver_consent_at: datetime | None
    created_at: datetime
    updated_at: datetime
    lane: Lane


class Member(BaseModel):
    """A person in the workspace."""

    user_id: UUID
    email: str
    name: str
    role: str
    # The creators that the person may see; null is all of them.
    creator_ids: list[UUID] | None
    created_at: datetime


class MemberChanges(BaseModel):
    """Another role, other creators, or both; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    role: Role = Field(default_factory=lambda: Role.ANALYST)
    # The creators that the member may see; null is all of them, which is what an owner sees.
    creator_ids: Scope | None = Field(default_factory=lambda: None)


class InvitationDraft(BaseModel):
    """Whom to invite into which place."""

    model_config = ConfigDict(extra="forbid")

    email: Email
    role: Role
    # The creators that the person will see; null is all of them.
    creator_ids: Scope | None
    language: Literal["en", "fr"] | None = Field(
        None, description="Of the mail, unless the person has chosen one; else the workspace's."
    )


class Invitation(BaseModel):
    """An invitation that was neither accepted nor withdrawn."""

    id: UUID
    email: str
    role: Role
    creator_ids: list[UUID] | None
    invited_by: UUID
    created_at: datetime
    mailed_at: datetime
    # Its link is good until then.
    expires_at: datetime
