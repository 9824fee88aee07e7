"""What Huntaze keeps of Stripe's objects, read from their JSON (API 2026-10-28.endive)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from huntaze.domain.billing.plans import catalogue

type Json = dict[str, Any]

# Statuses with which a subscription gives its plan; what is past due gives it for a while.
PAID_FOR = frozenset({"active", "trialing"})
PAST_DUE = "past_due"
# The first payment never came: it is as if nothing had been bought.
NEVER_BEGAN = frozenset({"incomplete", "incomplete_expired"})
# Of those nobody has ended; Stripe charges for them, or tries to, or goes on when it is asked to.
RUNNING = PAID_FOR | {PAST_DUE, "unpaid", "paused"}


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription to a plan."""

    id: str
    status: str
    plan: str | None
    billing_interval: str | None
    current_period_start: datetime | None
    current_period_end: datetime | None
    trial_ends_at: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    canceled_at: datetime | None
    ended_at: datetime | None
    past_due_since: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Invoice:
    """A bill and how far it is paid."""

    id: str
    subscription_id: str | None
    number: str | None
    status: str
    currency: str
    amount_due_cents: int
    amount_paid_cents: int
    attempts: int
    next_attempt_at: datetime | None
    period_start: datetime | None
    period_end: datetime | None
    hosted_invoice_url: str | None
    invoice_pdf: str | None
    payment_intents: tuple[str, ...]
    paid_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Charge:
    """A payment and what went back."""

    id: str
    payment_intent: str | None
    currency: str
    amount_cents: int
    refunded_cents: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Dispute:
    """A payment that a bank takes back, or tries to."""

    id: str
    charge_id: str
    status: str
    reason: str
    currency: str
    amount_cents: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MadeCustomer:
    """A customer at Stripe, and the workspace that it was made for."""

    id: str
    workspace_id: UUID


@dataclass(frozen=True, slots=True)
class CheckoutPage:
    """A page on which a plan is bought.

    Args:
        id: Of its session.
        order: What was ordered, in short; None: by a release that did not say.
        url: None: it is closed.
    """

    id: str
    order: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one look at Stripe found."""

    subscriptions: tuple[Subscription, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    charges: tuple[Charge, ...] = ()
    disputes: tuple[Dispute, ...] = ()


@dataclass(frozen=True, slots=True)
class Hint:
    """An event: something about this object may have changed."""

    event_id: str
    kind: str
    object_id: str
    customer_id: str | None = None
    charge_id: str | None = None


@dataclass(frozen=True, slots=True)
class Seen[Record]:
    """A record and the ticket of the look that found it."""

    ticket: int
    record: Record


@dataclass(frozen=True, slots=True)
class Account:
    """All that is known of a workspace's payments."""

    trial_ends_at: datetime
    subscriptions: dict[str, Seen[Subscription]] = field(default_factory=dict)
    invoices: dict[str, Seen[Invoice]] = field(default_factory=dict)
    charges: dict[str, Seen[Charge]] = field(default_factory=dict)
    disputes: dict[str, Seen[Dispute]] = field(default_factory=dict)


def read_subscription(found: Json) -> Subscription:
    """Read a subscription, its newest invoice expanded."""
    # One item: Huntaze sells one plan at a time. A metered price may stand beside it.
    items: list[Json] = found["items"]["data"]
    item = next((one for one in items if plan_of(one["price"])), items[0] if items else {})
    price: Json = item.get("price") or {}
    invoice = found.get("latest_invoice")
    return Subscription(
        id=found["id"],
        status=found["status"],
        plan=plan_of(price),
        billing_interval=(price.get("recurring") or {}).get("interval"),
        current_period_start=moment(item.get("current_period_start")),
        current_period_end=moment(item.get("current_period_end")),
        trial_ends_at=moment(found.get("trial_end")),
        cancel_at_period_end=found["cancel_at_period_end"],
        cancel_at=moment(found.get("cancel_at")),
        canceled_at=moment(found.get("canceled_at")),
        ended_at=moment(found.get("ended_at")),
        past_due_since=_past_due_since(found, invoice if isinstance(invoice, dict) else {}),
        created_at=at_second(found["created"]),
    )


def plan_of(price: Json) -> str | None:
    """The plan that a price stands for.

    A lookup key moves on to the next price when prices change; the old one, which subscribers
    keep, still carries the plan in its metadata.
    """
    named = (price.get("metadata") or {}).get("plan")
    if named and catalogue().find(named) is not None:
        return str(named)
    plan = catalogue().of_lookup_key(price.get("lookup_key") or "")
    return plan.name if plan else None


def _past_due_since(subscription: Json, invoice: Json) -> datetime | None:
    """Since when money is missing; Stripe keeps no such moment, but that of the open invoice."""
    if subscription["status"] != PAST_DUE:
        return None
    transitions: Json = invoice.get("status_transitions") or {}
    return moment(transitions.get("finalized_at") or invoice.get("created")) or at_second(
        subscription["created"]
    )


def read_invoice(found: Json) -> Invoice:
    """Read an invoice, its payments expanded."""
    details: Json = (found.get("parent") or {}).get("subscription_details") or {}
    payments: list[Json] = (found.get("payments") or {}).get("data", [])
    intents = (id_of((one.get("payment") or {}).get("payment_intent")) for one in payments)
    return Invoice(
        id=found["id"],
        subscription_id=id_of(details.get("subscription")),
        number=found.get("number"),
        status=found.get("status") or "draft",
        currency=found["currency"],
        amount_due_cents=found["amount_due"],
        amount_paid_cents=found["amount_paid"],
        attempts=found["attempt_count"],
        next_attempt_at=moment(found.get("next_payment_attempt")),
        period_start=moment(found.get("period_start")),
        period_end=moment(found.get("period_end")),
        hosted_invoice_url=found.get("hosted_invoice_url"),
        invoice_pdf=found.get("invoice_pdf"),
        payment_intents=tuple(sorted(intent for intent in intents if intent)),
        paid_at=moment((found.get("status_transitions") or {}).get("paid_at")),
        created_at=at_second(found["created"]),
    )


def read_customer(found: Json) -> MadeCustomer | None:
    """Read a customer; None: of something else that the same Stripe account sells."""
    try:
        return MadeCustomer(found["id"], UUID((found.get("metadata") or {})["workspace_id"]))
    except (KeyError, ValueError):
        return None


def read_charge(found: Json) -> Charge:
    """Read a charge."""
    return Charge(
        id=found["id"],
        payment_intent=id_of(found.get("payment_intent")),
        currency=found["currency"],
        amount_cents=found["amount"],
        refunded_cents=found["amount_refunded"],
        created_at=at_second(found["created"]),
    )


def read_dispute(found: Json) -> Dispute:
    """Read a dispute."""
    return Dispute(
        id=found["id"],
        charge_id=id_of(found["charge"]) or "",
        status=found["status"],
        reason=found["reason"],
        currency=found["currency"],
        amount_cents=found["amount"],
        created_at=at_second(found["created"]),
    )


def id_of(reference: str | Json | None) -> str | None:
    """The id of an object that may be expanded."""
    return reference["id"] if isinstance(reference, dict) else reference


def moment(seconds: int | None) -> datetime | None:
    """A moment that may be missing."""
    return None if seconds is None else at_second(seconds)


def at_second(seconds: int) -> datetime:
    """A moment as Stripe writes it, whole seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)
