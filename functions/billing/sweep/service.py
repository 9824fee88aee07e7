"""Reports of use, told until Stripe has taken them; ends of payments; customers that were lost."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

from functions.billing.records import MadeCustomer

# A customer is made at Stripe a moment before it is stored; the clocks are two.
_BEFORE = timedelta(hours=1)


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


class Place(StrEnum):
    """What the database says of a customer."""

    ADDED = "added"
    KNOWN = "known"
    # The workspace has another customer; one of them may be charged and nobody sees it.
    BESIDE_ANOTHER = "beside_another"
    # It was registered after the moment, and is forgotten like everything in it.
    WITHOUT_WORKSPACE = "without_workspace"


class Books(Protocol):
    """Stripe, as far as it knows of customers."""

    def customers_since(self, moment: datetime) -> Iterable[MadeCustomer]: ...


class Forgotten(Protocol):
    """The accounts of a database that came back."""

    def take_back(self, customer: MadeCustomer) -> Place: ...

    def look_again(self) -> int: ...


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


def take_back(moment: datetime, books: Books, accounts: Forgotten) -> dict[str, int | list[str]]:
    """Give workspaces their customers back, and let every account be looked at by the next sweeps.

    Args:
        moment: The one that the backup goes back to.
        books: Stripe.
        accounts: The database that came back.

    Returns:
        How many were added or known, which customers need a person, and how many will be looked at.
    """
    places: dict[Place, list[str]] = {place: [] for place in Place}
    for customer in books.customers_since(moment - _BEFORE):
        places[accounts.take_back(customer)].append(customer.id)
    return {
        "added": len(places[Place.ADDED]),
        "known": len(places[Place.KNOWN]),
        "beside_another": places[Place.BESIDE_ANOTHER],
        "without_workspace": places[Place.WITHOUT_WORKSPACE],
        "looked_at_again": accounts.look_again(),
    }
