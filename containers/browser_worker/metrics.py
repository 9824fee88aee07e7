"""Figures of the worker; no creator and no fan is a dimension."""

from huntaze.domain.outbound.states import Priority
from huntaze.metrics import (
    DELIVERIES,
    DELIVERY_DURATION,
    DELIVERY_WAIT,
    LANES_HELD,
    READ_BACKS,
    TROUBLES,
    UTILISATION,
    record,
)


def record_delivery(platform: str, outcome: str, seconds: float) -> None:
    """Record how one try to send ended and how long it took."""
    record(DELIVERIES, 1, platform=platform, outcome=outcome)
    record(DELIVERY_DURATION, seconds, platform=platform)


def record_wait(priority: int, seconds: float) -> None:
    """Record how long a message was due before its thread was opened for it."""
    record(DELIVERY_WAIT, max(0.0, seconds), priority=Priority(priority).name.lower())


def record_read_back(outcome: str) -> None:
    """Record what a reading of the thread settled."""
    record(READ_BACKS, 1, outcome=outcome)


def record_trouble(code: str) -> None:
    """Record trouble with a page."""
    record(TROUBLES, 1, trouble=code)


def record_lanes(held: int, most: int) -> None:
    """Record how many lanes this worker drains, of how many it could."""
    record(LANES_HELD, held)
    record(UTILISATION, 100 * held / most)
