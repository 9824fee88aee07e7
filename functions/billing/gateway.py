"""Stripe: the only calls of this feature to it."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from functions.billing.records import (
    NEVER_BEGAN,
    CheckoutPage,
    Hint,
    Json,
    MadeCustomer,
    Snapshot,
    id_of,
    read_charge,
    read_customer,
    read_dispute,
    read_invoice,
    read_subscription,
)
from huntaze import clients
from huntaze.db import outside_of_transaction
from huntaze.domain.billing.plans import Price
from huntaze.errors import HuntazeError
from huntaze.settings import Settings, load

if TYPE_CHECKING:
    from stripe import StripeClient, StripeObject, Subscription

# A customer has one subscription, or a few over the years; of pages, one is open.
_MOST_LISTED = 100
# A month has one invoice, and a few payments of it that failed.
_NEWEST = 20
_OVER = ("canceled", "incomplete_expired")

log = logging.getLogger(__name__)


class StripeSettings(Settings):
    """Which secret holds the key, and where Stripe answers."""

    stripe_api_secret_arn: str
    # Empty: where the package says.
    stripe_api_base: str = ""


class PriceUnlikeShownError(HuntazeError):
    """Stripe would charge something else than what the caller was shown."""


def _client() -> "StripeClient":
    settings = load(StripeSettings)
    return clients.stripe(settings.stripe_api_secret_arn, settings.stripe_api_base)


def _running(customer_id: str) -> "list[Subscription]":
    # Without a status Stripe lists what was not cancelled.
    found = _client().v1.subscriptions.list({"customer": customer_id, "limit": _MOST_LISTED}).data
    return [one for one in found if one.status not in _OVER]


def _close_pages(customer_id: str, but: str | None) -> None:
    sessions = _client().v1.checkout.sessions
    listed = sessions.list({"customer": customer_id, "status": "open", "limit": _MOST_LISTED})
    for one in listed.data:
        if one.id == but:
            continue
        try:
            sessions.expire(one.id)
        except clients.stripe_refusal():
            # It was paid meanwhile, or closed by somebody else.
            log.info("a checkout page was closed already")


def _page_of(session: Json) -> CheckoutPage:
    is_open = session["status"] == "open"
    order = (session.get("metadata") or {}).get("order")
    return CheckoutPage(session["id"], order, session["url"] if is_open else None)


def _object_of(hint: Hint) -> Snapshot:
    api = _client().v1
    if hint.kind.startswith("invoice."):
        found = _unless_gone(
            lambda: api.invoices.retrieve(hint.object_id, {"expand": ["payments"]})
        )
        return Snapshot(invoices=tuple(map(read_invoice, found)))
    if hint.kind.startswith("charge.dispute."):
        found = _unless_gone(lambda: api.disputes.retrieve(hint.object_id))
        return Snapshot(disputes=tuple(map(read_dispute, found)))
    if hint.kind.startswith("charge."):
        # Of a refund, the charge is what changes.
        found = _unless_gone(lambda: api.charges.retrieve(hint.charge_id or hint.object_id))
        return Snapshot(charges=tuple(map(read_charge, found)))
    return Snapshot()


def _newest_of(customer_id: str) -> Snapshot:
    api = _client().v1
    invoices = api.invoices.list(
        {"customer": customer_id, "limit": _NEWEST, "expand": ["data.payments"]}
    )
    charges = api.charges.list({"customer": customer_id, "limit": _NEWEST})
    return Snapshot(
        invoices=tuple(read_invoice(found) for found in invoices.to_dict()["data"]),
        # Of payments it counts what went back.
        charges=tuple(
            read_charge(found) for found in charges.to_dict()["data"] if found["amount_refunded"]
        ),
    )


def _unless_gone(retrieve: Callable[[], "StripeObject"]) -> list[Json]:
    """An object; nothing when Stripe has it no more: asking again would never end."""
    try:
        return [retrieve().to_dict()]
    except clients.stripe_refusal() as refusal:
        if refusal.code != "resource_missing":
            raise
        log.warning("an object of an event is gone at Stripe")
        return []


class StripeBooks:
    """What Stripe knows of customers now, and the end of what it charges them."""

    def customer_of_charge(self, charge_id: str) -> str | None:
        """Whose payment it was."""
        api = _client().v1
        found = _unless_gone(lambda: api.charges.retrieve(charge_id))
        return id_of(found[0].get("customer")) if found else None

    def look(self, customer_id: str, hint: Hint | None = None) -> Snapshot:
        """Read a customer's subscriptions, and the object of an event, which may concern them.

        Without an event, the newest invoices and payments are read instead.
        """
        listed = (
            _client()
            .v1.subscriptions.list(
                {
                    "customer": customer_id,
                    "status": "all",
                    "limit": _MOST_LISTED,
                    "expand": ["data.latest_invoice"],
                }
            )
            .to_dict()
        )
        subscriptions = tuple(map(read_subscription, listed["data"]))
        found = _newest_of(customer_id) if hint is None else _object_of(hint)
        return replace(found, subscriptions=subscriptions)

    def customers_since(self, moment: datetime) -> Iterator[MadeCustomer]:
        """The customers that were made for workspaces since a moment."""
        made = _client().v1.customers.list(
            {"created": {"gte": int(moment.timestamp())}, "limit": _MOST_LISTED}
        )
        for one in made.auto_paging_iter():
            customer = read_customer(one.to_dict())
            if customer is not None:
                yield customer

    def end_subscriptions(self, customer_id: str) -> int:
        """Cancel at once whatever still runs, and let nothing begin; return how many there were."""
        # First: a page that is paid while it is closed has left its subscription to be found.
        _close_pages(customer_id, None)
        running = _running(customer_id)
        for one in running:
            _client().v1.subscriptions.cancel(one.id)
        return len(running)


class StripeDesk:
    """What members ask of Stripe: to pay, and to change how they pay."""

    def add_customer(self, workspace_id: UUID) -> str:
        """Make the workspace's customer; asked twice, Stripe answers with the same one."""
        with outside_of_transaction():
            made = _client().v1.customers.create(
                {"metadata": {"workspace_id": str(workspace_id)}},
                {"idempotency_key": f"huntaze-customer-{workspace_id}"},
            )
        return made.id

    def price_id(self, price: Price) -> str:
        """Find Stripe's price of a plan.

        Raises:
            PriceUnlikeShownError: There is none, or its amount is another.
        """
        wanted = [price.lookup_key]
        # That the workspace is a customer may be kept.
        with outside_of_transaction(keep=True):
            found = _client().v1.prices.list({"lookup_keys": wanted, "active": True}).data
        for one in found:
            if (one.unit_amount, one.currency) == (price.amount_cents, price.currency):
                return one.id
        raise PriceUnlikeShownError(
            f"Stripe has no active price {price.lookup_key} of {price.amount_cents}"
            f" {price.currency}: this plan cannot be bought now."
        )

    def pages(self, customer_id: str) -> list[CheckoutPage]:
        """The newest pages that were opened for a customer, the last one first."""
        # That the workspace is a customer may be kept.
        with outside_of_transaction(keep=True):
            found = _client().v1.checkout.sessions.list(
                {"customer": customer_id, "limit": _MOST_LISTED}
            )
        return [_page_of(one.to_dict()) for one in found.data]

    def open_page(self, order: dict[str, Any], *, idempotency_key: str) -> CheckoutPage:
        """Open a page on which an order is paid."""
        with outside_of_transaction():
            session = _client().v1.checkout.sessions.create(
                cast("Any", order), {"idempotency_key": idempotency_key}
            )
        return _page_of(session.to_dict())

    def close_pages(self, customer_id: str, *, but: str | None = None) -> None:
        """Let nothing be bought on a customer's pages, but for one."""
        with outside_of_transaction():
            _close_pages(customer_id, but)

    def has_subscription(self, customer_id: str) -> bool:
        """Whether something runs that is paid for, or is to be."""
        with outside_of_transaction():
            found = _running(customer_id)
        return any(one.status not in NEVER_BEGAN for one in found)

    def portal_url(self, customer_id: str, return_url: str) -> str:
        """Open a session of the customer portal and return the address of its page."""
        with outside_of_transaction():
            session = _client().v1.billing_portal.sessions.create(
                {"customer": customer_id, "return_url": return_url}
            )
        return session.url

    def report_use(
        self, *, meter: str, identifier: str, customer_id: str, quantity: int, at: int
    ) -> None:
        """Tell a meter of use; Stripe takes an identifier once, and says so the next time."""
        try:
            _client().v1.billing.meter_events.create(
                {
                    "event_name": meter,
                    "identifier": identifier,
                    "payload": {"stripe_customer_id": customer_id, "value": str(quantity)},
                    "timestamp": at,
                }
            )
        except clients.stripe_refusal() as refusal:
            if "already exists" not in str(refusal):
                raise
