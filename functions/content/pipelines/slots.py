"""When items could be published: moments that the clocks of a zone really show."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


class Slot(NamedTuple):
    """A time of the clock on the wall of a zone, and the moment that it is."""

    local_at: datetime
    time_zone: str
    at: datetime


def slots(
    first: date | None,
    time_zone: str,
    times: list[time],
    *,
    every_days: int,
    now: datetime,
    taken: set[datetime],
) -> Iterator[Slot]:
    """Moments after ``now`` without end, the earliest first.

    A time that clocks leave out is later by as much as they leave out; of two times that they show
    twice it is the first.

    Args:
        first: The first day; None is tomorrow, as the zone has it.
        time_zone: Whose clocks.
        times: Of a day, in their order.
        every_days: From one day to the next.
        now: The time.
        taken: Moments that something else has.
    """
    zone = ZoneInfo(time_zone)
    day = first or now.astimezone(zone).date() + _DAY
    used = set(taken)
    while True:
        for one in times:
            slot = _slot(datetime.combine(day, one), zone, time_zone)
            if slot.at > now and slot.at not in used:
                used.add(slot.at)
                yield slot
        day += every_days * _DAY


def _slot(wanted: datetime, zone: ZoneInfo, name: str) -> Slot:
    at = wanted.replace(tzinfo=zone).astimezone(UTC)
    shown = at.astimezone(zone)
    return Slot(shown.replace(tzinfo=None, fold=0), name, at)
