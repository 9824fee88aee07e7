"""Rules of the schedule: moments that clocks show, and days as a zone has them. Knows no SQL."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from functions.content.schedule.models import Calendar, Day, Entry, EntryDraft
from huntaze.errors import ConflictError, InvalidInputError

MAX_DAYS = 93
MAX_ENTRIES = 1000
_FURTHEST = timedelta(days=731)
_MINUTES_OF_A_GAP = 24 * 60


class EntryTimePassedError(ConflictError):
    """The moment has gone by."""


class EntryDueError(ConflictError):
    """The moment of the entry has come: it is history."""


class Range(NamedTuple):
    """Moments from ``start`` on that are before ``end``."""

    start: datetime
    end: datetime


class ScheduleStore(Protocol):
    """The schedules of a workspace."""

    def add(self, draft: EntryDraft, at: datetime, entry_id: UUID) -> Entry: ...

    def between(self, creator_id: UUID | None, span: Range, most: int) -> list[Entry]: ...


def moment_of(local_at: datetime, time_zone: str, *, later: bool) -> datetime:
    """The moment at which the clocks of a zone show a time.

    Raises:
        InvalidInputError: They never do: they are put forward over it.
    """
    zone = ZoneInfo(time_zone)
    try:
        at = local_at.replace(tzinfo=zone, fold=int(later)).astimezone(UTC)
        shown = at.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise InvalidInputError(
            "This time is outside of the calendar.", fields={"local_at": "out of range"}
        ) from None
    if shown == local_at:
        return at
    raise InvalidInputError(
        f"Clocks in {time_zone} are put forward over {local_at:%Y-%m-%d %H:%M}: the first time"
        f" after it is {_after_the_gap(local_at, zone):%H:%M}.",
        fields={"local_at": "does not exist in this time zone"},
    )


def _after_the_gap(local_at: datetime, zone: ZoneInfo) -> datetime:
    at = local_at.replace(second=0, microsecond=0)
    for _ in range(_MINUTES_OF_A_GAP):
        at += timedelta(minutes=1)
        if at.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == at:
            break
    return at


def schedule(draft: EntryDraft, store: ScheduleStore, *, entry_id: UUID, now: datetime) -> Entry:
    """Put an item into the calendar.

    Raises:
        InvalidInputError: The time does not exist, or is years away.
        EntryTimePassedError: It has gone by.
        NotFoundError: The caller has no such item.
        EntryExistsError: The item is there at that very moment already.
    """
    at = moment_of(draft.local_at, draft.time_zone, later=draft.later)
    if at <= now:
        raise EntryTimePassedError(
            f"{draft.local_at:%Y-%m-%d %H:%M} in {draft.time_zone} has gone by."
        )
    if at > now + _FURTHEST:
        raise InvalidInputError(
            "Schedule at most two years ahead.", fields={"local_at": "too far ahead"}
        )
    return store.add(draft, at, entry_id)


def calendar(
    store: ScheduleStore,
    *,
    creator_id: UUID | None,
    first: date,
    days: int,
    time_zone: str,
) -> Calendar:
    """Read the days of a zone from ``first`` on.

    Raises:
        InvalidInputError: The days are outside of the calendar, or hold too much at once.
    """
    starts = _midnights(first, days, ZoneInfo(time_zone))
    entries = store.between(creator_id, Range(starts[0], starts[-1]), MAX_ENTRIES + 1)
    if len(entries) > MAX_ENTRIES:
        raise InvalidInputError(
            f"These days hold more than {MAX_ENTRIES:,} entries: ask for fewer.",
            fields={"days": "too many entries"},
        )
    made = [
        Day(
            date=first + timedelta(days=number),
            starts_at=start,
            ends_at=end,
            items=[entry for entry in entries if start <= entry.at < end],
        )
        for number, (start, end) in enumerate(pairwise(starts))
    ]
    return Calendar(time_zone=time_zone, items=entries, days=made)


def _midnights(first: date, days: int, zone: ZoneInfo) -> list[datetime]:
    """When each day begins and the last ends; where clocks leave midnight out, as they jump."""
    try:
        return [
            datetime.combine(first + timedelta(days=number), datetime.min.time(), zone).astimezone(
                UTC
            )
            for number in range(days + 1)
        ]
    except OverflowError:
        raise InvalidInputError(
            "These days are outside of the calendar.", fields={"first": "out of range"}
        ) from None
