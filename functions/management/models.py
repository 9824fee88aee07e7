"""Shapes of the management routes."""

from datetime import datetime, time
from functools import cache
from typing import Annotated
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)


@cache
def _zones() -> frozenset[str]:
    # Reading the list takes milliseconds; looking a name up instead would open files by it.
    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("this is not an IANA time zone, such as Europe/Paris")
    return name


def _minute(moment: time) -> time:
    if moment.tzinfo is not None or moment.second or moment.microsecond:
        raise ValueError("quiet hours are hours and minutes of the fan's own day, such as 22:30")
    return moment


type Handle = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
type DisplayName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
]
type TimeZone = Annotated[str, StringConstraints(max_length=60), AfterValidator(_known_zone)]
type Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
type Minute = Annotated[time, AfterValidator(_minute)]
type CapMessages = Annotated[int, Field(ge=1, le=1000)]
type CapHours = Annotated[int, Field(ge=1, le=720)]
type RecentChatMinutes = Annotated[int, Field(ge=0, le=10_080)]


def _both_or_neither(quiet_from: time | None, quiet_until: time | None) -> None:
    if (quiet_from is None) != (quiet_until is None):
        raise ValueError("quiet_from and quiet_until go together")


class CreatorDraft(BaseModel):
    """A creator that the workspace wants to run."""

    model_config = ConfigDict(extra="forbid")

    platform: Annotated[str, Field(max_length=60)]
    handle: Handle
    # The handle, unless given.
    display_name: DisplayName | None = None
    time_zone: TimeZone = "UTC"
    currency: Currency = "USD"
    # At most cap_messages automatic messages to a fan in cap_hours; null is no cap.
    cap_messages: CapMessages | None = 2
    cap_hours: CapHours = 24
    # No automatic message in these hours of the fan's day; null is never quiet.
    quiet_from: Minute | None = None
    quiet_until: Minute | None = None
    # Automatic messages leave a conversation alone that was active this recently.
    recent_chat_minutes: RecentChatMinutes = 0
    # Slower than the platform's limits, never faster; null is as fast as they allow.
    messages_per_minute: Annotated[int, Field(ge=1, le=6000)] | None = None
    min_gap_ms: Annotated[int, Field(ge=0, le=600_000)] | None = None

    @model_validator(mode="after")
    def _quiet_hours_have_two_ends(self) -> "CreatorDraft":
        _both_or_neither(self.quiet_from, self.quiet_until)
        return self


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
        _both_or_neither(self.quiet_from, self.quiet_until)
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
    quiet_from: time | None
    quiet_until: time | None
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
