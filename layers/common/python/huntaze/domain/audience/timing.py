"""The best hours to write to fans, by when they have been about themselves."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel

_HOUR = timedelta(hours=1)
_BEST = 3
# A night's worth: what is sent even later is sent at every hour of the day anyway.
_LONGEST = 12


class LocalHour(NamedTuple):
    """An hour of the day as a clock of one zone shows it."""

    zone: str
    hour: int


class Slot(BaseModel):
    """An hour at which sending could begin.

    Args:
        at: When.
        fans: How many fans have been about at the hours that sending takes, on average.
    """

    at: datetime
    fans: float


def best_slots(
    activity: Mapping[LocalHour, int],
    *,
    earliest: datetime,
    latest: datetime,
    messages: int,
    per_minute: int,
) -> list[Slot]:
    """The hours at which most fans are about, the best first; of equal ones the earliest.

    Args:
        activity: Fans who were about at each hour of their own day.
        earliest: No slot is before.
        latest: No slot is after.
        messages: How many are to be sent.
        per_minute: How fast.

    Returns:
        At most three; none where nothing is known of these fans.
    """
    if not any(activity.values()):
        return []
    length = min(_LONGEST, max(1, -(-messages // (per_minute * 60))))
    zones = {key.zone: ZoneInfo(key.zone) for key in activity}
    slots = [
        Slot(
            at=at,
            fans=sum(_about(activity, zones, at + n * _HOUR) for n in range(length)) / length,
        )
        for at in _hours(earliest, latest)
    ]
    return sorted(slots, key=lambda slot: (-slot.fans, slot.at))[:_BEST]


def _about(activity: Mapping[LocalHour, int], zones: Mapping[str, ZoneInfo], at: datetime) -> int:
    return sum(
        activity.get(LocalHour(name, at.astimezone(zone).hour), 0) for name, zone in zones.items()
    )


def _hours(earliest: datetime, latest: datetime) -> Iterator[datetime]:
    """The full hours of a range, its beginning included."""
    at = earliest.astimezone(UTC)
    yield at
    at = at.replace(minute=0, second=0, microsecond=0) + _HOUR
    while at <= latest:
        yield at
        at += _HOUR
