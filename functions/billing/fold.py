"""How what Stripe says becomes what counts: pure rules, in which the order of looking is all.

An event is a hint. Whoever works on one takes a ticket of the workspace, looks at Stripe, and
folds what was found into what is known; of each object the look with the highest ticket stays. A
ticket is taken before its look, so the last one saw every change that any event told of: in
whatever order events come, and however often, the end is the same (ADR 0015).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from functions.billing.records import (
    NEVER_BEGAN,
    PAID_FOR,
    PAST_DUE,
    RUNNING,
    Account,
    Hint,
    Invoice,
    Seen,
    Snapshot,
    Subscription,
)
from huntaze.domain.billing.plans import FREE, TRIAL, Catalogue

# https://docs.stripe.com/billing/invoices/subscription: an hour; three days at most.
_DRAFT = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a workspace has paid for.

    Args:
        plan: The plan's name.
        until: When it stops to count; None: not by itself.
    """

    plan: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should be told."""

    kind: str
    facts: dict[str, Any]


class _Kept(Protocol):
    @property
    def id(self) -> str: ...


def fold(account: Account, snapshot: Snapshot, ticket: int) -> Account:
    """Take in what a look found; what a later look has found already stays."""
    return replace(
        account,
        subscriptions=_newest(account.subscriptions, snapshot.subscriptions, ticket),
        invoices=_newest(account.invoices, snapshot.invoices, ticket),
        charges=_newest(account.charges, snapshot.charges, ticket),
        disputes=_newest(account.disputes, snapshot.disputes, ticket),
    )


def _newest[R: _Kept](
    known: dict[str, Seen[R]], found: Iterable[R], ticket: int
) -> dict[str, Seen[R]]:
    newer = {
        record.id: Seen(ticket, record)
        for record in found
        if record.id not in known or known[record.id].ticket < ticket
    }
    return {**known, **newer} if newer else known


def standing(account: Account, plans: Catalogue, *, now: datetime) -> Standing:
    """What counts now: the best plan that is paid for, else the rest of the trial, else nothing."""
    subscriptions = [seen.record for seen in account.subscriptions.values()]
    best = max(
        (one for one in subscriptions if _gives(one, account, plans, now)),
        key=lambda one: (
            plans.rank(one.plan or ""),
            one.status in PAID_FOR,
            one.created_at,
            one.id,
        ),
        default=None,
    )
    if best is not None and best.plan is not None:
        return Standing(best.plan, _until(best, account, plans))
    bought_before = any(one.status not in NEVER_BEGAN for one in subscriptions)
    if bought_before or account.trial_ends_at <= now:
        return Standing(FREE, None)
    return Standing(TRIAL, account.trial_ends_at)


def _gives(subscription: Subscription, account: Account, plans: Catalogue, now: datetime) -> bool:
    if subscription.plan is None or plans.find(subscription.plan) is None:
        return False
    if subscription.status in PAID_FOR:
        return True
    until = _until(subscription, account, plans)
    return until is not None and until > now


def _until(subscription: Subscription, account: Account, plans: Catalogue) -> datetime | None:
    """When a plan whose payment failed stops to count: another unpaid month adds nothing."""
    newest = subscription.past_due_since
    if subscription.status != PAST_DUE or newest is None:
        return None
    unpaid = (
        seen.record.created_at
        for seen in account.invoices.values()
        if seen.record.subscription_id == subscription.id
        and seen.record.status == "open"
        and seen.record.attempts
    )
    # The newest one itself was made some hours before it was due.
    older = (made for made in unpaid if made < newest - _DRAFT)
    return min(older, default=newest) + plans.grace


def notices(
    before: Account, after: Account, hint: Hint | None, plans: Catalogue, *, now: datetime
) -> list[Notice]:
    """What is new and worth telling; each fact once, because each event is worked on once.

    A look without an event tells what is new to it, too.
    """
    told = [
        *_invoice_notices(before.invoices, after.invoices, after, plans),
        *_refund_notices(before, after),
        *_dispute_notices(before, after),
        *_twice_notices(before, after),
    ]
    if hint is not None and hint.kind == "customer.subscription.trial_will_end":
        seen = after.subscriptions.get(hint.object_id)
        ends = seen.record.trial_ends_at if seen and seen.record.status == "trialing" else None
        if ends is not None and ends > now:
            told.append(Notice("billing.trial_will_end", {"trial_ends_at": ends.isoformat()}))
    return told


def _invoice_notices(
    before: Mapping[str, Seen[Invoice]],
    after: Mapping[str, Seen[Invoice]],
    account: Account,
    plans: Catalogue,
) -> Iterable[Notice]:
    for invoice_id, seen in after.items():
        invoice = seen.record
        old = before[invoice_id].record if invoice_id in before else None
        if invoice.status == "paid" and (old is None or old.status != "paid"):
            if invoice.amount_paid_cents:
                yield Notice("billing.payment_succeeded", _facts(invoice))
        elif invoice.status == "open" and invoice.attempts > (old.attempts if old else 0):
            bought = account.subscriptions.get(invoice.subscription_id or "")
            until = _until(bought.record, account, plans) if bought else None
            yield Notice(
                "billing.payment_failed",
                {
                    **_facts(invoice),
                    "attempts": invoice.attempts,
                    "next_attempt_at": _text(invoice.next_attempt_at),
                    "plan_until": _text(until),
                },
            )


def _facts(invoice: Invoice) -> dict[str, Any]:
    return {
        "invoice_id": invoice.id,
        "number": invoice.number,
        "amount_cents": invoice.amount_paid_cents or invoice.amount_due_cents,
        "currency": invoice.currency,
    }


def _refund_notices(before: Account, after: Account) -> Iterable[Notice]:
    for charge_id, seen in after.charges.items():
        charge = seen.record
        old = before.charges.get(charge_id)
        more = charge.refunded_cents - (old.record.refunded_cents if old else 0)
        if more > 0:
            facts = {"charge_id": charge.id, "amount_cents": more, "currency": charge.currency}
            yield Notice("billing.refunded", facts)


def _dispute_notices(before: Account, after: Account) -> Iterable[Notice]:
    for dispute_id, seen in after.disputes.items():
        dispute = seen.record
        old = before.disputes.get(dispute_id)
        if old is None or old.record.status != dispute.status:
            yield Notice(
                "billing.disputed",
                {
                    "dispute_id": dispute.id,
                    "status": dispute.status,
                    "reason": dispute.reason,
                    "amount_cents": dispute.amount_cents,
                    "currency": dispute.currency,
                },
            )


def _twice_notices(before: Account, after: Account) -> Iterable[Notice]:
    """Whoever has two pages of Checkout paid at once has two plans, and pays for both."""
    running = _running(after)
    if len(running) > 1 and not running <= _running(before):
        yield Notice("billing.subscribed_twice", {"subscription_ids": sorted(running)})


def _running(account: Account) -> set[str]:
    records = (seen.record for seen in account.subscriptions.values())
    return {one.id for one in records if one.plan is not None and one.status in RUNNING}


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
