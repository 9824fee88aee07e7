"""How long to wait after failed logins: longer each time, never for ever."""

import math
from datetime import datetime, timedelta
from typing import NamedTuple

from huntaze.errors import TooManyRequestsError


class Throttle(NamedTuple):
    """How patient we are with one kind of subject."""

    # Failures before anybody has to wait: people mistype, machines do not stop there.
    free: int
    # Only failures of this recent time count.
    window: timedelta
    longest: timedelta


class Failures(NamedTuple):
    """What a subject did wrong lately."""

    failed: int
    last_at: datetime | None


class Allowance(NamedTuple):
    """How much of something a subject may ask for."""

    limit: int
    window: timedelta


def refuse(delay: timedelta, why: str) -> None:
    """Refuse when somebody has to wait.

    Raises:
        TooManyRequestsError: They have.
    """
    if delay > timedelta(0):
        raise TooManyRequestsError(why, retry_after=math.ceil(delay.total_seconds()))


FIRST_DELAY = timedelta(seconds=1)
# Who is sent more than this to their own address has the links already.
MAILS_TO_ADDRESS = Allowance(limit=5, window=timedelta(hours=1))
# An office or a mobile network is one address with many people behind it.
MAILS_FROM_NETWORK = Allowance(limit=100, window=timedelta(hours=1))
ACCOUNTS_FROM_NETWORK = Allowance(limit=200, window=timedelta(hours=1))
# At 15 minutes a try an attacker has under a hundred guesses a day, and the owner is never out
# for longer than a coffee.
ACCOUNT = Throttle(free=5, window=timedelta(days=1), longest=timedelta(minutes=15))
ADDRESS = Throttle(free=50, window=timedelta(hours=1), longest=timedelta(minutes=15))


def wait(throttle: Throttle, failures: Failures, now: datetime) -> timedelta:
    """How long the subject has to wait before its next try."""
    if failures.failed < throttle.free or failures.last_at is None:
        return timedelta(0)
    # Doublings beyond the longest delay change nothing, and overflow when there are many.
    doublings = min(failures.failed - throttle.free, 20)
    delay = min(FIRST_DELAY * (1 << doublings), throttle.longest)
    return max(failures.last_at + delay - now, timedelta(0))
