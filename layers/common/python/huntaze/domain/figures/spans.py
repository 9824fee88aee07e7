"""Spans of days by name, in the days of a time zone."""

from calendar import monthrange
from datetime import date, timedelta
from typing import Annotated, NamedTuple

from pydantic import StringConstraints

# Names of the list in `span_of`, or a calendar month.
PAST_PATTERN = (
    r"^(today|yesterday|last_7_days|last_30_days|this_month|last_month|this_year|all_time"
    r"|20[0-9][0-9]-(0[1-9]|1[0-2]))$"
)
type Period = Annotated[str, StringConstraints(pattern=PAST_PATTERN.replace("(", "(now|", 1))]

_DAY = timedelta(days=1)


class Span(NamedTuple):
    """Days, both ends included; ``since`` of None is from the beginning."""

    since: date | None
    until: date

    @property
    def before(self) -> "Span | None":
        """As many days just before it; what has no beginning has none."""
        if self.since is None:
            return None
        last = self.since - _DAY
        return Span(last - (self.until - self.since), last)


def span_of(period: str, today: date) -> Span:
    """The days of a period; see `Period`."""
    first_of_month = today.replace(day=1)
    last_of_last_month = first_of_month - _DAY
    named = {
        "now": Span(None, today),
        "all_time": Span(None, today),
        "today": Span(today, today),
        "yesterday": Span(today - _DAY, today - _DAY),
        "last_7_days": Span(today - 6 * _DAY, today),
        "last_30_days": Span(today - 29 * _DAY, today),
        "this_month": Span(first_of_month, today),
        "last_month": Span(last_of_last_month.replace(day=1), last_of_last_month),
        "this_year": Span(today.replace(month=1, day=1), today),
    }
    if period in named:
        return named[period]
    year, month = (int(part) for part in period.split("-"))
    return Span(date(year, month, 1), date(year, month, monthrange(year, month)[1]))
