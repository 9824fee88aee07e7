"""HTTP door of billing for members: wiring and routes, no rules."""

from datetime import UTC, datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.billing.api import service
from functions.billing.api.repository import PostgresBilling
from functions.billing.api.settings import BillingSettings
from functions.billing.gateway import StripeDesk
from functions.billing.models import (
    Bill,
    CheckoutOrder,
    HostedPage,
    Plans,
    PortalOrder,
    Standing,
)
from huntaze.auth import Principal, Right, current_principal
from huntaze.db import Tenant, database
from huntaze.domain.billing.plans import catalogue
from huntaze.errors import BadRequestError
from huntaze.http import (
    PAGE_LIMIT,
    PAGE_LIMIT_MAX,
    Page,
    create_app,
    decode_cursor,
    encode_cursor,
    lambda_entry,
)
from huntaze.settings import load

_PLANS = "/api/billing/plans"

app = create_app()


def billing_of(request: Request) -> PostgresBilling:
    """The payments of the caller's workspace, the same whatever creators the caller sees."""
    return PostgresBilling(Tenant(database(), current_principal(request).workspace_id))


def stripe_desk() -> service.Desk:
    """Where orders are placed."""
    return StripeDesk()


Caller = Annotated[Principal, Depends(current_principal)]
Billing = Annotated[PostgresBilling, Depends(billing_of)]
Desk = Annotated[service.Desk, Depends(stripe_desk)]


@app.get(_PLANS, tags=["billing"])
def list_plans() -> Plans:
    """Tell what plans there are, what they allow and what they cost."""
    return Plans(items=list(catalogue().plans))


@app.get("/api/billing/subscription", tags=["billing"])
def get_subscription(caller: Caller, billing: Billing) -> Standing:
    """Tell the plan in force, what it allows and how far that is used."""
    caller.require(Right.READ)
    return billing.standing()


@app.get("/api/billing/invoices", tags=["billing"])
def list_invoices(
    caller: Caller,
    billing: Billing,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Page[Bill]:
    """List the invoices, newest first."""
    caller.require(Right.BILL)
    found = billing.bills(_place_of(cursor) if cursor else None, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    next_cursor = encode_cursor(last.created_at.isoformat(), last.id) if last else None
    return Page(items=found[:limit], next_cursor=next_cursor)


@app.post("/api/stripe/create-checkout", tags=["billing"])
def create_checkout(
    order: CheckoutOrder, caller: Caller, billing: Billing, desk: Desk
) -> HostedPage:
    """Open a page of Stripe's where a plan is bought; only an owner may.

    The plan counts as soon as Stripe has told that it is paid, not when the person comes back.
    """
    return _check_out(order, caller, billing, desk)


@app.post("/api/billing/checkout", tags=["billing"])
def checkout(order: CheckoutOrder, caller: Caller, billing: Billing, desk: Desk) -> HostedPage:
    """Open a page of Stripe's where a plan is bought; only an owner may."""
    return _check_out(order, caller, billing, desk)


@app.post("/api/billing/portal", tags=["billing"])
def open_portal(order: PortalOrder, caller: Caller, billing: Billing, desk: Desk) -> HostedPage:
    """Open Stripe's customer portal: another plan or card, invoices, the end; only an owner may."""
    caller.require(Right.BILL)
    origins = load(BillingSettings).origins
    return HostedPage(url=service.open_portal(order, billing, desk, origins=origins))


def _check_out(
    order: CheckoutOrder, caller: Principal, billing: PostgresBilling, desk: service.Desk
) -> HostedPage:
    caller.require(Right.BILL)
    url = service.check_out(
        order,
        caller.workspace_id,
        billing,
        desk,
        plans=catalogue(),
        origins=load(BillingSettings).origins,
        now=datetime.now(UTC),
    )
    return HostedPage(url=url)


def _place_of(cursor: str) -> tuple[datetime, str]:
    at, invoice_id = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(at).astimezone(UTC), invoice_id
    except (ValueError, OverflowError):
        raise BadRequestError("The cursor is not one that this list gave.") from None


_members_only = lambda_entry(app)
_public = lambda_entry(app, authenticated=False)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer members; what plans there are, anybody may know."""
    return (_public if event.get("path") == _PLANS else _members_only)(event, context)
