"""Rules of operators' routes. Knows nothing of HTTP, SQL or AWS."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from functions.operators.models import (
    DetailedHealth,
    FeatureFlag,
    FeatureFlags,
    FlagChange,
    FlagDraft,
    Lanes,
    Work,
)
from huntaze.flags import Flag, FlagChangedError, FlagState, Rollout

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


class FlagStore(Protocol):
    """Where flags are kept."""

    def read(self, flag: Flag) -> FlagState: ...

    def roll_out(self, flag: Flag, rollout: Rollout, *, version: int, by: UUID) -> FlagState: ...


class FlagLog(Protocol):
    """Where it is written down who ordered which change."""

    def order(self, draft: FlagDraft, by: UUID) -> UUID: ...

    def settle(self, change_id: UUID, *, applied: bool) -> None: ...

    def newest(self, flag: Flag) -> list[FlagChange]: ...


def list_flags(store: FlagStore, changes: FlagLog) -> FeatureFlags:
    """Tell how far each feature has come."""
    return FeatureFlags(items=[_told(flag, store.read(flag), changes) for flag in Flag])


def change_flag(draft: FlagDraft, store: FlagStore, changes: FlagLog, *, by: UUID) -> FeatureFlag:
    """Change how far a feature has come; the order is written down before it is followed.

    Raises:
        FlagChangedError: Somebody else was quicker.
    """
    change_id = changes.order(draft, by)
    try:
        state = store.roll_out(draft.flag, draft.rollout(), version=draft.version, by=by)
    except FlagChangedError:
        changes.settle(change_id, applied=False)
        raise
    changes.settle(change_id, applied=True)
    return _told(draft.flag, state, changes)


def _told(flag: Flag, state: FlagState, changes: FlagLog) -> FeatureFlag:
    return FeatureFlag(flag=flag, changes=changes.newest(flag), **dict(state))
