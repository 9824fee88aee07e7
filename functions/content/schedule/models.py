"""Shapes of the schedule: what is asked for, an entry, and a calendar of days."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime, StringConstraints, WithJsonSchema

from huntaze.domain.fans.models import TimeZone

# What clocks show has no zone: of the formats that JSON Schema knows, none is that.
_LocalTime = Annotated[
    NaiveDatetime,
    WithJsonSchema({"type": "string", "examples": ["2026-03-01T19:30:00"]}),
]
_Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class EntryDraft(BaseModel):
    """An item to publish at a time of the clock on the wall of a zone.

    ``later`` means the second of two times that the clock shows twice, when it is put back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    media_id: UUID
    local_at: _LocalTime
    time_zone: TimeZone
    later: bool = False
    note: _Note | None = None


class Entry(BaseModel):
    """An entry; ``at`` is the moment that was meant, and ``due`` says that it has come."""

    id: UUID
    creator_id: UUID
    media_id: UUID
    kind: str
    title: str
    at: datetime
    local_at: _LocalTime
    time_zone: str
    note: str | None
    status: Literal["scheduled", "due"]
    created_at: datetime
    due_at: datetime | None


class Day(BaseModel):
    """A day of the calendar, from midnight to midnight of its zone: 23, 24 or 25 hours."""

    date: date
    starts_at: datetime
    ends_at: datetime
    items: list[Entry]


class Calendar(BaseModel):
    """Days in their order; ``items`` are the entries of all of them."""

    time_zone: str
    items: list[Entry]
    days: Annotated[list[Day], Field(max_length=93)]
