"""What a month will have cost, with an interval: the days before, and how much they differ.

Days are taken to be alike and independent. The sum of the days to come lies around their number
times the average day; how far around follows from how much days differ and from how few of them the
average is known (Student's distribution). A weekly rhythm or a launch makes it wider, not wrong.
"""

import calendar
import math
import statistics
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

# What is older says little of tomorrow.
DAYS_LOOKED_AT = 28
# With fewer, an interval would be wider than it is worth.
_FEWEST_DAYS = 7
PERCENT = 80
# The 90 % quantiles of Student's distribution by degrees of freedom, from 6 on.
_QUANTILES = (
    *(1.440, 1.415, 1.397, 1.383, 1.372, 1.363, 1.356, 1.350, 1.345, 1.341, 1.337, 1.333, 1.330),
    *(1.328, 1.325, 1.323, 1.321, 1.319, 1.318, 1.316, 1.315, 1.314),
)


class Outlook(NamedTuple):
    """What is expected, in billionths of a dollar; None: no day before today tells anything."""

    expected: int | None
    low: int | None
    high: int | None
    average_day: int | None
    limit_reached_on: date | None


def outlook(days: Sequence[int], spent: int, limit: int | None, *, now: datetime) -> Outlook:
    """Look at the end of the month.

    Args:
        days: What each of the days before today cost, at most `DAYS_LOOKED_AT`, in any order.
        spent: What the month cost so far, today included.
        limit: What may be spent in the month.
        now: In UTC.
    """
    if not days:
        reached = now.date() if limit is not None and spent >= limit else None
        return Outlook(None, None, None, None, reached)
    left = _days_left(now)
    average = statistics.fmean(days)
    expected = spent + round(average * left)
    low = high = None
    if len(days) >= _FEWEST_DAYS:
        around = _QUANTILES[len(days) - _FEWEST_DAYS] * math.sqrt(
            statistics.variance(days, average) * (left + left * left / len(days))
        )
        # What is spent is spent.
        low = max(spent, expected - round(around))
        high = expected + round(around)
    return Outlook(expected, low, high, round(average), _reached_on(spent, average, limit, now))


def _days_left(now: datetime) -> float:
    """Days until the month ends, with what is left of today."""
    days = calendar.monthrange(now.year, now.month)[1]
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return days - now.day + 1 - (now - midnight) / timedelta(days=1)


def _reached_on(spent: int, average: float, limit: int | None, now: datetime) -> date | None:
    if limit is None:
        return None
    if spent >= limit:
        return now.date()
    if average == 0 or (limit - spent) / average >= _days_left(now):
        return None
    return (now + timedelta(days=(limit - spent) / average)).date()
