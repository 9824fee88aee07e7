"""Shapes of a fan: as read, as made and changed by hand, as imported."""

import re
from datetime import datetime
from typing import Annotated, Literal, NamedTuple
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    computed_field,
)

from huntaze.moments import Moment

MAX_TAGS = 50
MAX_CENTS = 10**12
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_EMAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")

type FanStatus = Literal["active", "expired", "follower"]


def is_time_zone(text: str) -> bool:
    """Tell whether ``text`` is an IANA zone, spelt as IANA does."""
    return text in available_timezones()


def is_language(text: str) -> bool:
    """Tell whether ``text`` has the form of a BCP 47 tag."""
    return len(text) <= 35 and _LANGUAGE.fullmatch(text) is not None


def is_email(text: str) -> bool:
    """Tell whether ``text`` could be an address; only a message to it proves more."""
    return len(text) <= 254 and _EMAIL.fullmatch(text) is not None


def _check_time_zone(text: str) -> str:
    if not is_time_zone(text):
        raise ValueError("not an IANA time zone such as Europe/Paris")
    return text


def _check_language(text: str) -> str:
    if not is_language(text):
        raise ValueError("not a language tag such as en or pt-BR")
    return text


def _check_email(text: str) -> str:
    if not is_email(text):
        raise ValueError("not an e-mail address")
    return text


type Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
type Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS)]
type Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
type PlatformId = Name
type Tier = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
type Cents = Annotated[int, Field(ge=0, le=MAX_CENTS)]
type Email = Annotated[str, AfterValidator(_check_email)]
type Language = Annotated[str, AfterValidator(_check_language)]
type TimeZone = Annotated[str, AfterValidator(_check_time_zone)]
type Notes = Annotated[str, StringConstraints(max_length=10_000)]


class FanDraft(BaseModel):
    """A fan made by hand; without ``platform_id`` it is unmatched and never sent to."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    creator_id: UUID | None = None
    handle: Annotated[Name, Field(validation_alias=AliasChoices("handle", "username"))]
    platform_id: PlatformId | None = None
    display_name: Name | None = None
    email: Email | None = None
    status: FanStatus = "follower"
    tier: Tier = "free"
    price_cents: Cents | None = None
    rebill_on: bool | None = None
    subscribed_at: Moment | None = None
    renewed_at: Moment | None = None
    expires_at: Moment | None = None
    last_seen_at: Moment | None = None
    time_zone: TimeZone | None = None
    language: Language | None = None
    notes: Notes | None = None
    consent: bool | None = None
    tags: Tags = []


class FanChanges(BaseModel):
    """What to change of a fan: fields left out stay, null empties, ``tags`` replaces all tags."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    handle: Annotated[
        Name | None, Field(default=None, validation_alias=AliasChoices("handle", "username"))
    ]
    platform_id: PlatformId | None = None
    display_name: Name | None = None
    email: Email | None = None
    status: FanStatus | None = None
    tier: Tier | None = None
    price_cents: Cents | None = None
    rebill_on: bool | None = None
    subscribed_at: Moment | None = None
    renewed_at: Moment | None = None
    expires_at: Moment | None = None
    last_seen_at: Moment | None = None
    time_zone: TimeZone | None = None
    language: Language | None = None
    notes: Notes | None = None
    consent: bool | None = None
    tags: Tags | None = None


class Fan(BaseModel):
    """A fan; ``username`` is the handle by its other name."""

    id: UUID
    creator_id: UUID
    platform_id: str | None
    handle: str
    display_name: str | None
    email: str | None
    status: FanStatus
    tier: str
    price_cents: int | None
    rebill_on: bool | None
    subscribed_at: datetime | None
    renewed_at: datetime | None
    expires_at: datetime | None
    last_seen_at: datetime | None
    time_zone: str | None
    language: str | None
    notes: str | None
    consent: bool | None
    suppressed: bool
    blocked_at: datetime | None
    tags: list[str]
    lists: list[UUID]
    assigned_to: UUID | None
    extra: dict[str, object]
    value_cents: int
    currency: str
    last_purchase_at: datetime | None
    last_inbound_at: datetime | None
    last_outbound_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @computed_field  # type: ignore[prop-decorator]
    @property
    def username(self) -> str:
        """The handle."""
        return self.handle


class FanRow(NamedTuple):
    """A fan of an import or a sync; what is None keeps what is there.

    Attributes:
        line: Orders the rows: of two with the same fan, the higher one's values win.
        extra: A JSON object, merged into what is there.
    """

    line: int
    platform_id: str
    handle: str
    display_name: str | None = None
    email: str | None = None
    status: str | None = None
    tier: str | None = None
    price_cents: int | None = None
    rebill_on: bool | None = None
    # ISO 8601 with zone: what is read from a file need not become an object on its way to COPY.
    subscribed_at: str | None = None
    renewed_at: str | None = None
    expires_at: str | None = None
    last_seen_at: str | None = None
    time_zone: str | None = None
    language: str | None = None
    notes: str | None = None
    consent: bool | None = None
    tags: list[str] | None = None
    extra: str | None = None
