"""Reports of use: summed up once, told until Stripe has taken them."""

from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID


class Report(NamedTuple):
    """What a meter is told."""

    id: UUID
    meter: str
    quantity: int
    customer_id: str
    created_at: datetime


class Meters(Protocol):
    """Where use is told."""

    def report_use(
        self, *, meter: str, identifier: str, customer_id: str, quantity: int, at: int
    ) -> None: ...


class UseStore(Protocol):
    """Where use and reports live."""

    def sum_up(self, workspace_id: UUID) -> None: ...

    def waiting(self, workspace_id: UUID) -> list[Report]: ...

    def sent(self, workspace_id: UUID, report_id: UUID) -> None: ...


def report(workspace_id: UUID, store: UseStore, meters: Meters) -> int:
    """Tell what a workspace has used since the last time; returns how many reports.

    A report keeps its id, so that one whose answer was lost is the same when it is told again.
    """
    store.sum_up(workspace_id)
    waiting = store.waiting(workspace_id)
    for one in waiting:
        meters.report_use(
            meter=one.meter,
            identifier=str(one.id),
            customer_id=one.customer_id,
            quantity=one.quantity,
            at=int(one.created_at.timestamp()),
        )
        store.sent(workspace_id, one.id)
    return len(waiting)
