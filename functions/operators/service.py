"""Rules of operators' routes. Knows nothing of HTTP, SQL or AWS."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

from functions.operators.models import DetailedHealth, Lanes, Work

# As long as the sweeps of lanes wait, so that both speak of the same lanes.
PATIENCE = timedelta(minutes=10)
# Sweeps repeat each of these within a minute or two; what waits much longer is stuck. Imports work
# for as long as their files are long, and are judged by nobody here.
_LONGEST: dict[str, timedelta] = {
    "events": timedelta(minutes=5),
    "mails": timedelta(minutes=15),
    "orders": timedelta(minutes=30),
    "webhooks": timedelta(minutes=15),
}


class Figures(Protocol):
    """Where the state of the whole stage is known."""

    def migration(self) -> str: ...

    def lanes(self, patience: timedelta) -> Lanes: ...

    def waiting_work(self) -> list[Work]: ...


def judge(lanes: Lanes, work: Iterable[Work]) -> bool:
    """Whether nothing has waited longer than it should."""
    late = [
        one
        for one in work
        if one.kind in _LONGEST and (one.oldest_seconds or 0) > _LONGEST[one.kind].total_seconds()
    ]
    return not late and lanes.stalled == 0


def health(figures: Figures) -> DetailedHealth:
    """Tell how the stage is."""
    lanes, work = figures.lanes(PATIENCE), figures.waiting_work()
    return DetailedHealth(
        status="ok" if judge(lanes, work) else "degraded",
        migration=figures.migration(),
        lanes=lanes,
        work=work,
    )
