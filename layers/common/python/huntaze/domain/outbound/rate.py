"""The rate budget of one creator: when the next message may go.

At most N messages in any sliding minute and at least a gap between two, measured from the end of
the earlier one. A message is an interval, from the grant to the moment that its outcome was known:
the platform counted it somewhere in between, so only the end is safe to measure from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(seconds=60)
# What paced sends may make up for at once: about one long message.
CATCH_UP = timedelta(seconds=6)


@dataclass(frozen=True)
class Limits:
    """What a platform accepts from one creator.

    Args:
        messages_per_minute: N of any sliding 60 seconds.
        min_gap: Between the end of one message and the grant of the next.
    """

    messages_per_minute: int
    min_gap: timedelta


@dataclass(frozen=True)
class Interval:
    """A message on its way: granted at ``start``, settled or reserved until ``end``."""

    start: datetime
    end: datetime


def reserved(
    recent: Sequence[Interval], limits: Limits, *, now: datetime, until: datetime
) -> list[Interval]:
    """The intervals to keep once a message is granted: no rule looks back further than N."""
    return [*recent, Interval(now, until)][-limits.messages_per_minute :]


def next_grant(
    recent: Sequence[Interval], limits: Limits, *, paced_per_minute: int | None = None
) -> datetime | None:
    """Tell the earliest moment of the next grant.

    Args:
        recent: The last intervals, oldest first; at least the last ``messages_per_minute``.
        limits: What the platform accepts.
        paced_per_minute: For sends that nobody waits for: spread evenly at this rate, so that a
            person who writes in between waits at most one slot.

    Returns:
        None when nothing stands in the way.
    """
    if not recent:
        return None
    earliest = recent[-1].end + limits.min_gap
    if len(recent) >= limits.messages_per_minute:
        earliest = max(earliest, recent[-limits.messages_per_minute].end + WINDOW)
    if paced_per_minute is not None:
        earliest = max(earliest, _evenly(recent, limits.messages_per_minute, paced_per_minute))
    return earliest


def _evenly(recent: Sequence[Interval], most: int, paced: int) -> datetime:
    """The earliest even moment, grant to grant; at full pace, lost time may be made up for.

    A message that took long would otherwise cost every later one its time. So at full pace a send
    may come early, as long as a person who writes right after it still finds a slot within the
    next ``WINDOW / most``.
    """
    if paced < most or most == 1:
        return recent[-1].start + WINDOW / min(paced, most)
    slot = WINDOW / most
    early = max(slot, CATCH_UP)
    last = recent[1 - most :]
    earliest = max(
        interval.start + (len(last) - index) * slot - early for index, interval in enumerate(last)
    )
    return max(earliest, last[0].start + WINDOW - slot) if len(last) == most - 1 else earliest
