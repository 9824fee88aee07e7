"""Rules of operators' routes. Knows nothing of HTTP, SQL or AWS."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from functions.operators.models import (
    Breaker,
    Budgets,
    DetailedHealth,
    FeatureFlag,
    FeatureFlags,
    FlagChange,
    FlagDraft,
    Lanes,
    Work,
    Workflows,
)
from huntaze.ai.breaker import Circuit, State
from huntaze.ai.catalogue import Catalogue
from huntaze.ai.models import Hop
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

# A sweep starts each minute what was ordered and not started, and ends what was silent for two
# hours; a workflow asks seven questions and waits for one campaign to be prepared.
_LONGEST_QUEUE = timedelta(minutes=5)
_LONGEST_WORKFLOW = timedelta(minutes=150)


class Figures(Protocol):
    """Where the state of the whole stage is known."""

    def migration(self) -> str: ...

    def lanes(self, patience: timedelta) -> Lanes: ...

    def waiting_work(self) -> list[Work]: ...

    def budgets(self) -> Budgets: ...

    def workflows(self) -> Workflows: ...


class Circuits(Protocol):
    """Where the breakers of models are."""

    def all(self) -> dict[str, Circuit]: ...


def breakers(circuits: Circuits, models: Catalogue, now: datetime) -> list[Breaker]:
    """Tell of every model that can be asked whether it may be."""
    known = circuits.all()
    told: list[Breaker] = []
    for model in models.models:
        if model.has_ended(now.date()):
            continue
        circuit = known.get(Hop(model.provider, model.id).circuit, Circuit())
        closed = circuit.state is State.CLOSED
        told.append(
            Breaker(
                provider=model.provider,
                model=model.id,
                state=circuit.state,
                failures=circuit.failures,
                until=None if closed else datetime.fromtimestamp(circuit.until, UTC),
            )
        )
    return told


def judge_models(found: Iterable[Breaker] | None, workflows: Workflows) -> bool:
    """Whether every model is asked, and no workflow waits or runs longer than it should."""
    late = (workflows.queue_seconds or 0) > _LONGEST_QUEUE.total_seconds() or (
        workflows.oldest_seconds or 0
    ) > _LONGEST_WORKFLOW.total_seconds()
    closed = found is not None and all(one.state is State.CLOSED for one in found)
    return closed and not late


def judge(lanes: Lanes, work: Iterable[Work]) -> bool:
    """Whether nothing has waited longer than it should."""
    late = [
        one
        for one in work
        if one.kind in _LONGEST and (one.oldest_seconds or 0) > _LONGEST[one.kind].total_seconds()
    ]
    return not late and lanes.stalled == 0


def health(figures: Figures, told: list[Breaker] | None) -> DetailedHealth:
    """Tell how the stage is; breakers that nobody could read are None."""
    lanes, work, workflows = figures.lanes(PATIENCE), figures.waiting_work(), figures.workflows()
    well = judge(lanes, work) and judge_models(told, workflows)
    return DetailedHealth(
        status="ok" if well else "degraded",
        migration=figures.migration(),
        lanes=lanes,
        work=work,
        breakers=told,
        budgets=figures.budgets(),
        workflows=workflows,
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
