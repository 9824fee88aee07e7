"""Rules of erasing: step by step, each of them safe to repeat. Knows no HTTP, SQL or AWS.

A step that is done is written down; after a run that dies the next one goes on, and a step that is
done twice does nothing the second time. What must wait (a message that is being submitted, an
import that runs, the end of payments) is asked for again by the sweep of each minute.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

# Longer than a step goes on without renewing it; after a crash nothing is done for so long.
LEASE = timedelta(minutes=3)
# What waits is asked for again after it.
PAUSE = timedelta(minutes=1)
# The longest run of a function is 15 minutes: who was let in before members were gone has ended.
LAST_LOOK = timedelta(minutes=20)
_LEFT_FOR_A_STEP = 60.0

type RunEnd = Literal["not ours", "handed on", "waiting", "done", "lost"]


class LostClaimError(Exception):
    """The order was withdrawn, or another run has taken it over."""


class Step(StrEnum):
    """What is done, in this order."""

    # Of a workspace.
    DISCONNECTED = "disconnected"
    BEGUN = "begun"
    STOPPED = "stopped"
    PEOPLE_FORGOTTEN = "people_forgotten"
    OBJECTS_DELETED = "objects_deleted"
    ROWS_DELETED = "rows_deleted"
    PAYMENTS_ENDED = "payments_ended"
    LOOKED_AGAIN = "looked_again"
    CLOSED = "closed"
    # Of a fan.
    TEXTS_BLANKED = "texts_blanked"
    FILES_DELETED = "files_deleted"


class Claim(NamedTuple):
    """A run's right to work at an erasure."""

    workspace_id: UUID
    erasure_id: UUID
    kind: Literal["fan", "workspace"]
    creator_id: UUID | None
    fan_id: UUID | None
    requested_at: datetime
    # Whether it can still be withdrawn.
    is_pending: bool
    steps: dict[str, datetime]
    payments_ended: bool
    fence: int


class ErasureStore(Protocol):
    """The erasures of a workspace, as runs work at them, and what the database holds of it."""

    def claim(self, erasure_id: UUID, lease: timedelta) -> Claim | None: ...

    def hold(self, claim: Claim, lease: timedelta) -> None: ...

    def mark(self, claim: Claim, step: Step) -> None: ...

    def release(self, claim: Claim, pause: timedelta) -> None: ...

    def creators(self) -> list[UUID]: ...

    def begin(self, claim: Claim) -> None: ...

    def executions(self) -> list[str]: ...

    def forget_people(self, claim: Claim) -> None: ...

    def delete_rows(self, claim: Claim) -> Iterator[int]: ...

    def close(self, claim: Claim) -> None: ...

    def blank_texts(self, claim: Claim) -> bool: ...

    def files_of_fan(self, claim: Claim, stored: list[UUID]) -> list[UUID] | None: ...

    def exports_with_fan(self, claim: Claim) -> list[UUID] | None: ...

    def remove_exports(self, claim: Claim, exports: list[UUID]) -> None: ...

    def finish(self, claim: Claim) -> None: ...


class Stores(Protocol):
    """What lies beside the database."""

    def disconnect(self, creator_id: UUID) -> None: ...

    def stop(self, execution: str) -> None: ...

    def delete_workspace(self, workspace_id: UUID) -> int: ...

    def import_files(self, workspace_id: UUID) -> list[UUID]: ...

    def delete_import_files(self, workspace_id: UUID, ids: list[UUID]) -> None: ...

    def delete_export(self, workspace_id: UUID, export_id: UUID) -> None: ...

    def delete_screenshots(self, workspace_id: UUID, creator_id: UUID) -> None: ...


class Run(NamedTuple):
    """What a run works with."""

    claim: Claim
    store: ErasureStore
    stores: Stores
    now: Callable[[], datetime]
    last_look: timedelta


def run(
    erasure_id: UUID,
    store: ErasureStore,
    stores: Stores,
    *,
    now: Callable[[], datetime],
    seconds_left: Callable[[], float],
    last_look: timedelta = LAST_LOOK,
) -> RunEnd:
    """Carry out an order as far as it goes now.

    Raises:
        Exception: Something failed that may not fail again; the claim is given back.
    """
    claim = store.claim(erasure_id, LEASE)
    if claim is None:
        return "not ours"
    working = Run(claim, store, stores, now, last_look)
    try:
        return _go_on(working, seconds_left)
    except LostClaimError:
        return "lost"
    except BaseException:
        store.release(claim, timedelta(0))
        raise


def _go_on(working: Run, seconds_left: Callable[[], float]) -> RunEnd:
    claim, store = working.claim, working.store
    steps = _OF_WORKSPACE if claim.kind == "workspace" else _OF_FAN
    for step, work in steps.items():
        if step in claim.steps:
            continue
        if step is Step.BEGUN and claim.is_pending:
            store.release(claim, timedelta(0))
            return "waiting"
        store.hold(claim, LEASE)
        if seconds_left() < _LEFT_FOR_A_STEP:
            store.release(claim, timedelta(0))
            return "handed on"
        if not work(working, seconds_left):
            is_short = seconds_left() < _LEFT_FOR_A_STEP
            store.release(claim, timedelta(0) if is_short else PAUSE)
            return "handed on" if is_short else "waiting"
        if step is not Step.CLOSED:
            store.mark(claim, step)
    if claim.kind == "fan":
        store.finish(claim)
    return "done"


type _Work = Callable[[Run, Callable[[], float]], bool]


def _disconnect(working: Run, _: Callable[[], float]) -> bool:
    for creator_id in working.store.creators():
        working.stores.disconnect(creator_id)
    return True


def _begin(working: Run, seconds_left: Callable[[], float]) -> bool:
    working.store.begin(working.claim)
    # What was connected again while the order could be withdrawn.
    return _disconnect(working, seconds_left)


def _stop(working: Run, _: Callable[[], float]) -> bool:
    for execution in working.store.executions():
        working.stores.stop(execution)
    return True


def _forget_people(working: Run, _: Callable[[], float]) -> bool:
    working.store.forget_people(working.claim)
    return True


def _delete_objects(working: Run, seconds_left: Callable[[], float]) -> bool:
    while working.stores.delete_workspace(working.claim.workspace_id):
        working.store.hold(working.claim, LEASE)
        if seconds_left() < _LEFT_FOR_A_STEP:
            return False
    return True


def _delete_rows(working: Run, seconds_left: Callable[[], float]) -> bool:
    return all(seconds_left() >= _LEFT_FOR_A_STEP for _ in working.store.delete_rows(working.claim))


def _payments(working: Run, _: Callable[[], float]) -> bool:
    return working.claim.payments_ended


def _look_again(working: Run, seconds_left: Callable[[], float]) -> bool:
    since = working.claim.steps.get(Step.PEOPLE_FORGOTTEN)
    # None: this very run has forgotten them.
    if since is None or working.now() < since + working.last_look:
        return False
    # The creators are gone; whoever connected one late has left a secret under a name that only
    # the row knew. So rows go last.
    return (
        _disconnect(working, seconds_left)
        and _delete_objects(working, seconds_left)
        and _delete_rows(working, seconds_left)
    )


def _close(working: Run, _: Callable[[], float]) -> bool:
    working.store.close(working.claim)
    return True


def _blank_texts(working: Run, _: Callable[[], float]) -> bool:
    return working.store.blank_texts(working.claim)


def _delete_files(working: Run, _: Callable[[], float]) -> bool:
    """Delete files that hold the fan among others, once nobody works at one."""
    claim, store, stores = working.claim, working.store, working.stores
    uploads = store.files_of_fan(claim, stores.import_files(claim.workspace_id))
    exports = store.exports_with_fan(claim)
    if uploads is None or exports is None or claim.creator_id is None:
        return False
    stores.delete_import_files(claim.workspace_id, uploads)
    for export_id in exports:
        stores.delete_export(claim.workspace_id, export_id)
    store.remove_exports(claim, exports)
    stores.delete_screenshots(claim.workspace_id, claim.creator_id)
    return True


_OF_WORKSPACE: dict[Step, _Work] = {
    Step.DISCONNECTED: _disconnect,
    Step.BEGUN: _begin,
    Step.STOPPED: _stop,
    Step.PEOPLE_FORGOTTEN: _forget_people,
    Step.OBJECTS_DELETED: _delete_objects,
    Step.ROWS_DELETED: _delete_rows,
    Step.PAYMENTS_ENDED: _payments,
    Step.LOOKED_AGAIN: _look_again,
    Step.CLOSED: _close,
}
_OF_FAN: dict[Step, _Work] = {
    Step.TEXTS_BLANKED: _blank_texts,
    Step.FILES_DELETED: _delete_files,
}
