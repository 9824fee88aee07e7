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


class Customers(Protocol):
    """Who is whose customer."""

    def customer_id(self, workspace_id: UUID) -> str | None: ...


class Endings(Protocol):
    """Where workspaces that are being erased wait for the end of their payments."""

    def ended(self, workspace_id: UUID) -> None: ...


class Subscriptions(Protocol):
    """Where subscriptions are cancelled."""

    def end_subscriptions(self, customer_id: str) -> int: ...


def end(
    workspace_id: UUID, customers: Customers, endings: Endings, subscriptions: Subscriptions
) -> None:
    """Let nothing be charged any more for a workspace that is being erased; safe to repeat."""
    customer_id = customers.customer_id(workspace_id)
    if customer_id is not None:
        subscriptions.end_subscriptions(customer_id)
    endings.ended(workspace_id)


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
