"""Stripe's objects as its API writes them, as far as anybody here looks at them."""

from typing import Any

type Json = dict[str, Any]

API_VERSION = "2026-10-28.endive"
DAY = 86_400
_MONTH, _YEAR = 30 * DAY, 365 * DAY


def period_of(interval: str) -> int:
    """Seconds of a billing period; every month has thirty days here."""
    return _YEAR if interval == "year" else _MONTH


def listed(data: list[Json], url: str) -> Json:
    """A list without another page."""
    return {"object": "list", "data": data, "has_more": False, "url": url}


def customer(customer_id: str, metadata: Json, now: int) -> Json:
    """A customer."""
    return {
        "id": customer_id,
        "object": "customer",
        "balance": 0,
        "created": now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "email": None,
        "livemode": False,
        "metadata": metadata,
        "name": None,
        "shipping": None,
    }


def price(price_id: str, wanted: Json, now: int) -> Json:
    """A price of a product."""
    return {
        "id": price_id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": now,
        "currency": wanted["currency"],
        "livemode": False,
        "lookup_key": wanted.get("lookup_key"),
        "metadata": wanted.get("metadata", {}),
        "nickname": None,
        "product": wanted["product"],
        "recurring": {
            "interval": wanted["recurring"]["interval"],
            "interval_count": 1,
            "usage_type": "licensed",
        },
        "tax_behavior": "unspecified",
        "type": "recurring",
        "unit_amount": int(wanted["unit_amount"]),
        "unit_amount_decimal": str(wanted["unit_amount"]),
    }


def product(product_id: str, wanted: Json, now: int) -> Json:
    """A product."""
    return {
        "id": product_id,
        "object": "product",
        "active": True,
        "created": now,
        "description": None,
        "images": [],
        "livemode": False,
        "metadata": wanted.get("metadata", {}),
        "name": wanted["name"],
        "updated": now,
    }


def checkout_session(session_id: str, wanted: Json, url: str, now: int) -> Json:
    """A session of Checkout, open."""
    return {
        "id": session_id,
        "object": "checkout.session",
        "cancel_url": wanted.get("cancel_url"),
        "client_reference_id": wanted.get("client_reference_id"),
        "created": now,
        "currency": None,
        "customer": wanted["customer"],
        "expires_at": now + DAY,
        "invoice": None,
        "livemode": False,
        "metadata": wanted.get("metadata", {}),
        "mode": wanted["mode"],
        "payment_intent": None,
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "status": "open",
        "subscription": None,
        "success_url": wanted["success_url"],
        "url": f"{url}/pay/{session_id}",
    }


def subscription(subscription_id: str, wanted: Json, item_id: str, now: int) -> Json:
    """A subscription to one price, before its first invoice."""
    its_price: Json = wanted["price"]
    trial_end: int | None = wanted.get("trial_end")
    ends = trial_end or now + period_of(its_price["recurring"]["interval"])
    return {
        "id": subscription_id,
        "object": "subscription",
        "billing_cycle_anchor": trial_end or now,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "collection_method": "charge_automatically",
        "created": now,
        "currency": its_price["currency"],
        "customer": wanted["customer"],
        "ended_at": None,
        "items": listed(
            [
                {
                    "id": item_id,
                    "object": "subscription_item",
                    "created": now,
                    "current_period_end": ends,
                    "current_period_start": now,
                    "metadata": {},
                    "price": its_price,
                    "quantity": 1,
                    "subscription": subscription_id,
                    "tax_rates": [],
                }
            ],
            f"/v1/subscription_items?subscription={subscription_id}",
        ),
        "latest_invoice": None,
        "livemode": False,
        "metadata": wanted.get("metadata", {}),
        "start_date": now,
        "status": "trialing" if trial_end else "incomplete",
        "trial_end": trial_end,
        "trial_start": now if trial_end else None,
    }


def invoice(invoice_id: str, wanted: Json, url: str, now: int) -> Json:
    """An invoice of a subscription, finalized and open."""
    number, amount = wanted["number"], wanted["amount"]
    return {
        "id": invoice_id,
        "object": "invoice",
        "amount_due": amount,
        "amount_paid": 0,
        "amount_remaining": amount,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "billing_reason": wanted["reason"],
        "collection_method": "charge_automatically",
        "created": now,
        "currency": wanted["currency"],
        "customer": wanted["customer"],
        "hosted_invoice_url": f"{url}/invoices/{invoice_id}",
        "invoice_pdf": f"{url}/invoices/{invoice_id}",
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": number,
        "parent": {
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": wanted["subscription"]},
        },
        "period_end": wanted["period_end"],
        "period_start": wanted["period_start"],
        "status": "open",
        "status_transitions": {
            "finalized_at": now,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": amount,
        "total": amount,
    }


def invoice_payment(payment_id: str, bill: Json, intent: str, now: int) -> Json:
    """What an invoice was paid with."""
    return {
        "id": payment_id,
        "object": "invoice_payment",
        "amount_paid": bill["amount_due"],
        "amount_requested": bill["amount_due"],
        "created": now,
        "currency": bill["currency"],
        "invoice": bill["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": intent},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": now},
    }


def charge(charge_id: str, bill: Json, intent: str, now: int) -> Json:
    """A payment that went through."""
    return {
        "id": charge_id,
        "object": "charge",
        "amount": bill["amount_due"],
        "amount_captured": bill["amount_due"],
        "amount_refunded": 0,
        "captured": True,
        "created": now,
        "currency": bill["currency"],
        "customer": bill["customer"],
        "disputed": False,
        "livemode": False,
        "metadata": {},
        "paid": True,
        "payment_intent": intent,
        "refunded": False,
        "status": "succeeded",
    }


def dispute(dispute_id: str, of: Json, reason: str, now: int) -> Json:
    """A payment that a bank wants back."""
    return {
        "id": dispute_id,
        "object": "dispute",
        "amount": of["amount"],
        "balance_transactions": [],
        "charge": of["id"],
        "created": now,
        "currency": of["currency"],
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": of["payment_intent"],
        "reason": reason,
        "status": "needs_response",
    }


def portal_session(session_id: str, wanted: Json, url: str, now: int) -> Json:
    """A session of the customer portal."""
    return {
        "id": session_id,
        "object": "billing_portal.session",
        "configuration": "bpc_standing",
        "created": now,
        "customer": wanted["customer"],
        "flow": None,
        "livemode": False,
        "locale": None,
        "on_behalf_of": None,
        "return_url": wanted.get("return_url"),
        "url": f"{url}/portal/{session_id}",
    }


def meter(meter_id: str, wanted: Json, now: int) -> Json:
    """A meter of use."""
    return {
        "id": meter_id,
        "object": "billing.meter",
        "created": now,
        "default_aggregation": wanted["default_aggregation"],
        "display_name": wanted["display_name"],
        "event_name": wanted["event_name"],
        "livemode": False,
        "status": "active",
        "updated": now,
    }


def meter_event(wanted: Json, now: int) -> Json:
    """Use that a meter was told of."""
    return {
        "object": "billing.meter_event",
        "created": now,
        "event_name": wanted["event_name"],
        "identifier": wanted["identifier"],
        "livemode": False,
        "payload": wanted["payload"],
        "timestamp": int(wanted.get("timestamp", now)),
    }


def event(event_id: str, kind: str, thing: Json, now: int) -> Json:
    """Something that has happened to an object."""
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": now,
        "data": {"object": thing},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
