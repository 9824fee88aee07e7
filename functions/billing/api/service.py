"""Rules of buying: one customer a workspace, our prices, ways back to our own pages."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from functions.billing.models import CheckoutOrder, PortalOrder
from functions.billing.records import CheckoutPage
from huntaze.domain.billing.plans import Catalogue, Plan, Price
from huntaze.errors import ConflictError, InvalidInputError

# https://docs.stripe.com/payments/checkout/free-trials: a trial ends two days ahead at least.
_SHORTEST_TRIAL = timedelta(hours=49)

_SUBSCRIBED = (
    "This workspace has a subscription; change its plan in the portal: POST /api/billing/portal."
)


class PlanNotForSaleError(InvalidInputError):
    """There is no such plan, or not for such an interval."""


class ForeignPageError(InvalidInputError):
    """Stripe would send the person to a page that is not the front end's."""


class SubscribedAlreadyError(ConflictError):
    """There is a subscription; another would be paid beside it."""


class LeavingError(ConflictError):
    """The workspace is to be erased; what is bought would be cancelled with it."""


class NoCustomerError(ConflictError):
    """Nothing was bought yet."""


class Desk(Protocol):
    """Stripe, as far as orders need it."""

    def add_customer(self, workspace_id: UUID) -> str: ...

    def price_id(self, price: Price) -> str: ...

    def pages(self, customer_id: str) -> list[CheckoutPage]: ...

    def open_page(self, order: dict[str, Any], *, idempotency_key: str) -> CheckoutPage: ...

    def close_pages(self, customer_id: str, *, but: str | None = None) -> None: ...

    def has_subscription(self, customer_id: str) -> bool: ...

    def portal_url(self, customer_id: str, return_url: str) -> str: ...


class Customers(Protocol):
    """The workspace as a customer."""

    def customer_id(self) -> str | None: ...

    def add_customer(self, customer_id: str) -> str: ...

    def subscriptions(self) -> tuple[int, bool]: ...

    def trial_ends_at(self) -> datetime: ...

    def is_leaving(self) -> bool: ...


def check_out(
    order: CheckoutOrder,
    workspace_id: UUID,
    customers: Customers,
    desk: Desk,
    *,
    plans: Catalogue,
    origins: Sequence[str],
    now: datetime,
) -> str:
    """Open a page of Stripe's where the order is paid; return its address.

    No other page can be paid from then on: two that are open would be two subscriptions.

    Raises:
        PlanNotForSaleError: There is no such plan.
        ForeignPageError: The way back leads elsewhere.
        LeavingError: The workspace is to be erased.
        SubscribedAlreadyError: The workspace has a subscription.
    """
    plan, price = _priced(order, plans)
    success_url = _own_page(order.success_url, "success_url", "/billing?paid=1", origins)
    cancel_url = _own_page(order.cancel_url, "cancel_url", "/billing", origins)
    if customers.is_leaving():
        raise LeavingError(
            "This workspace is to be erased; withdraw that first:"
            " POST /api/management/account/keep."
        )
    so_far, running = customers.subscriptions()
    if running:
        raise SubscribedAlreadyError(_SUBSCRIBED)
    customer_id = customers.customer_id() or customers.add_customer(desk.add_customer(workspace_id))
    facts = {"workspace_id": str(workspace_id), "plan": plan.name}
    request: dict[str, Any] = {
        "mode": "subscription",
        "customer": customer_id,
        "client_reference_id": str(workspace_id),
        "metadata": facts,
        "line_items": [{"price": desk.price_id(price), "quantity": 1}],
        "subscription_data": {"metadata": facts},
        "success_url": success_url,
        "cancel_url": cancel_url,
    }
    trial_ends_at = customers.trial_ends_at()
    if not so_far and trial_ends_at - now >= _SHORTEST_TRIAL:
        # Who buys early is charged for no day of the trial.
        request["subscription_data"]["trial_end"] = int(trial_ends_at.timestamp())
    return _only_page(workspace_id, customer_id, request, desk)


def _only_page(workspace_id: UUID, customer_id: str, request: dict[str, Any], desk: Desk) -> str:
    """Open the page of an order, or find it; close all others; return its address."""
    order = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:32]
    known = desk.pages(customer_id)
    page = next((one for one in known if one.order == order and one.url), None)
    if page is None:
        # Two clicks at once know of the same pages. Stripe answers a key for a day and longer with
        # the same page, closed or not: one that is asked for later knows of more.
        newest = known[0].id if known else "none"
        key = f"huntaze-checkout-{workspace_id}-{order}-{newest}"
        request["metadata"] = {**request["metadata"], "order": order}
        page = desk.open_page(request, idempotency_key=key)
    # After the opening: of two that are ordered at once each closes the other rather than neither.
    desk.close_pages(customer_id, but=page.id)
    if desk.has_subscription(customer_id):
        # Another page was paid just now, of which no event has come yet.
        desk.close_pages(customer_id)
        raise SubscribedAlreadyError(_SUBSCRIBED)
    if page.url is None:
        raise LookupError(f"Stripe gave {page.id} no address")
    return page.url


def open_portal(
    order: PortalOrder, customers: Customers, desk: Desk, *, origins: Sequence[str]
) -> str:
    """Open the customer portal: change the plan, the card, cancel; return its address.

    Raises:
        ForeignPageError: The way back leads elsewhere.
        NoCustomerError: Nothing was bought yet.
    """
    return_url = _own_page(order.return_url, "return_url", "/billing", origins)
    customer_id = customers.customer_id()
    if customer_id is None:
        raise NoCustomerError("Nothing was bought yet; buy a plan: POST /api/billing/checkout.")
    return desk.portal_url(customer_id, return_url)


def _priced(order: CheckoutOrder, plans: Catalogue) -> tuple[Plan, Price]:
    plan = plans.find(order.plan)
    price = plan.prices.get(order.interval) if plan else None
    if plan is None or price is None:
        names = ", ".join(one.name for one in plans.for_sale)
        raise PlanNotForSaleError(
            f"There is no plan {order.plan!r} to buy by the {order.interval}.",
            fields={"plan": f"one of {names}"},
        )
    return plan, price


def _own_page(url: str | None, field: str, default: str, origins: Sequence[str]) -> str:
    if url is None:
        return origins[0] + default
    try:
        parts = urlsplit(url)
        foreign = f"{parts.scheme}://{parts.netloc}" not in origins
    except ValueError:
        foreign = True
    # What browsers read otherwise than Python does, e.g. a backslash or a line end, is refused.
    if foreign or not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        raise ForeignPageError(
            "People can only be sent back to the front end.",
            fields={field: f"must begin with one of {', '.join(origins)}"},
        )
    return url
