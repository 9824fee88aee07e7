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
    recent: Sequence[Interval],
    limits: Limits,
    *,
    paced_per_minute: int | None = None,
    paced_from: datetime | None = None,
) -> datetime | None:
    """Tell the earliest moment of the next grant.

    Args:
        recent: The last intervals, oldest first; at least the last ``messages_per_minute``.
        limits: What the platform accepts.
        paced_per_minute: For sends that nobody waits for: spread evenly, so that a person who
            writes in between waits at most one slot; at this rate where it is slower.
        paced_from: The last grant of what goes at that slower rate; None is long ago.

    Returns:
        None when nothing stands in the way.
    """
    most = limits.messages_per_minute
    moments: list[datetime] = []
    if recent:
        moments.append(recent[-1].end + limits.min_gap)
        if len(recent) >= most:
            moments.append(recent[-most].end + WINDOW)
        if paced_per_minute is not None:
            moments.append(_evenly(recent, most))
    if paced_from is not None and paced_per_minute is not None and paced_per_minute < most:
        # From its own last message: what others send meanwhile must not hold it back.
        moments.append(paced_from + WINDOW / paced_per_minute)
    return max(moments, default=None)


def _evenly(recent: Sequence[Interval], most: int) -> datetime:
    """The earliest even moment, grant to grant; lost time may be made up for.

    A message that took long would otherwise cost every later one its time. So a send may come
    early, as long as a person who writes right after it still finds a slot within the next
    ``WINDOW / most``.
    """
    if most == 1:
        return recent[-1].start + WINDOW
    slot = WINDOW / most
    early = max(slot, CATCH_UP)
    last = recent[1 - most :]
    earliest = max(
        interval.start + (len(last) - index) * slot - early for index, interval in enumerate(last)
    )
    return max(earliest, last[0].start + WINDOW - slot) if len(last) == most - 1 else earliest
