"""Rules of digests: when one is due in the calendar of its member, and that it is one."""

from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from huntaze.domain.notices.preferences import DigestPlan

_MONDAY = 0


class Due(NamedTuple):
    """When a digest is due.

    Args:
        at: The moment.
        period: The day of the member's calendar that it is the digest of.
    """

    at: datetime
    period: date


class Item(NamedTuple):
    """What a digest tells of."""

    id: UUID
    kind: str
    about: str | None


class Digests(Protocol):
    """The digests of one member."""

    def transaction(self) -> AbstractContextManager[object]:
        """Open the transaction that all calls share."""
        ...

    def hold(self) -> DigestPlan | None:
        """Read what the member's digest follows from; nobody else makes one meanwhile."""
        ...

    def is_made(self, period: date) -> bool:
        """Whether there is a digest of a period."""
        ...

    def untold(self, until: datetime) -> list[Item]:
        """Read what is unread, was never mailed, and the member may see; newest first."""
        ...

    def add(self, period: date, items: list[Item]) -> None:
        """Store a digest with its mail; what it tells of is told."""
        ...

    def plan_next(self, done: Due, following: Due) -> None:
        """Write until when digests are made, and when the next is due."""
        ...


def next_due(plan: DigestPlan, after: datetime) -> Due:
    """The first moment after ``after`` at which a digest of ``plan`` is due.

    An hour that the clocks leave out is due when they have moved on, one that comes twice the first
    time.
    """
    zone = ZoneInfo(plan.time_zone)
    # At the date line the day before may still have its hour to come.
    day = after.astimezone(zone).date() - timedelta(days=1)
    while True:
        if plan.digest == "daily" or day.weekday() == _MONDAY:
            at = datetime.combine(day, time(plan.digest_hour), zone).astimezone(UTC)
            if at > after:
                return Due(at, day)
        day += timedelta(days=1)


def latest_due(plan: DigestPlan, now: datetime) -> Due | None:
    """The last digest that is due by ``now``; None when none is.

    What was missed by an outage is not made up for one by one: the last one tells of it all.
    """
    due = next_due(plan, plan.digested_until)
    if due.at > now:
        return None
    # Whole weeks at once, so that a long silence costs no walk over each of its days.
    ahead = max(due.at, now - timedelta(days=8))
    found = due
    while (following := next_due(plan, ahead)).at <= now:
        found, ahead = following, following.at
    return found


def make(digests: Digests, *, now: datetime) -> bool:
    """Make a member's digest if one is due; whether there was something to tell."""
    with digests.transaction():
        plan = digests.hold()
        if plan is None or plan.digest == "off" or not plan.emails:
            return False
        due = latest_due(plan, now)
        if due is None:
            until = Due(plan.digested_until, plan.digested_until.date())
            digests.plan_next(until, next_due(plan, plan.digested_until))
            return False
        items = [] if digests.is_made(due.period) else digests.untold(due.at)
        if items:
            digests.add(due.period, items)
        digests.plan_next(due, next_due(plan, now))
    return bool(items)
