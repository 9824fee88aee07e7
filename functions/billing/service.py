"""What is done about an event, and about plans that run out. Knows nothing of SQL and Stripe."""

from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from functions.billing.fold import Notice, Standing, fold, notices, standing
from functions.billing.records import Account, Hint, Snapshot
from huntaze.domain.billing.plans import FREE, TRIAL, Catalogue


class Outcome(StrEnum):
    """What became of an event."""

    APPLIED = "applied"
    # Worked on before: Stripe and the queue both deliver at least once.
    REPEATED = "repeated"
    UNKNOWN_CUSTOMER = "unknown_customer"


class OpenAccount(Protocol):
    """A workspace's account while nobody else changes it."""

    @property
    def account(self) -> Account: ...

    def replace(self, account: Account) -> None: ...

    def stand(self, new: Standing) -> bool: ...

    def announce_trial_end(self) -> bool: ...

    def tell(self, notice: Notice) -> None: ...


class EventLog(Protocol):
    """The events that were taken in."""

    def find(self, event_id: str) -> Hint | None: ...

    def close(self, event_id: str, outcome: Outcome) -> None: ...

    def workspace_of(self, customer_id: str) -> UUID | None: ...


class Accounts(Protocol):
    """What is known of every workspace's payments."""

    def customer_id(self, workspace_id: UUID) -> str | None: ...

    def take_ticket(self, workspace_id: UUID) -> int: ...

    def is_erased(self, workspace_id: UUID) -> bool: ...

    def for_event(
        self, workspace_id: UUID, event_id: str
    ) -> AbstractContextManager[OpenAccount | None]: ...

    def opened(self, workspace_id: UUID) -> AbstractContextManager[OpenAccount]: ...


class Stripe(Protocol):
    """What Stripe knows now, and the end of what it charges."""

    def customer_of_charge(self, charge_id: str) -> str | None: ...

    def look(self, customer_id: str, hint: Hint | None = None) -> Snapshot: ...

    def end_subscriptions(self, customer_id: str) -> int: ...


def consume(
    event_id: str,
    events: EventLog,
    accounts: Accounts,
    stripe: Stripe,
    *,
    plans: Catalogue,
    now: datetime,
) -> Outcome:
    """Work on one event; safe to repeat, beside any other, in any order."""
    hint = events.find(event_id)
    if hint is None:
        return Outcome.REPEATED
    customer_id = hint.customer_id or (
        stripe.customer_of_charge(hint.charge_id) if hint.charge_id else None
    )
    workspace_id = events.workspace_of(customer_id) if customer_id else None
    if workspace_id is None or customer_id is None:
        # The same Stripe account may sell other things.
        events.close(event_id, Outcome.UNKNOWN_CUSTOMER)
        return Outcome.UNKNOWN_CUSTOMER
    ticket, snapshot = _look(workspace_id, customer_id, accounts, stripe, hint)
    with accounts.for_event(workspace_id, event_id) as opened:
        if opened is None:
            return Outcome.REPEATED
        _take_in(opened, snapshot, ticket, hint, plans=plans, now=now)
    return Outcome.APPLIED


def look_again(
    workspace_id: UUID, accounts: Accounts, stripe: Stripe, *, plans: Catalogue, now: datetime
) -> None:
    """Take in what no event told of: one may be lost, or forgotten by a database that came back."""
    customer_id = accounts.customer_id(workspace_id)
    if customer_id is None:
        return
    ticket, snapshot = _look(workspace_id, customer_id, accounts, stripe, None)
    with accounts.opened(workspace_id) as opened:
        _take_in(opened, snapshot, ticket, None, plans=plans, now=now)


def settle(workspace_id: UUID, accounts: Accounts, *, plans: Catalogue, now: datetime) -> None:
    """Write down what a workspace's plan is now that time has passed."""
    with accounts.opened(workspace_id) as opened:
        _stand(opened, standing(opened.account, plans, now=now))


def announce_trial_end(
    workspace_id: UUID, accounts: Accounts, *, plans: Catalogue, now: datetime
) -> None:
    """Tell once that a trial ends which nothing follows; of one with a card, Stripe tells."""
    with accounts.opened(workspace_id) as opened:
        stands = standing(opened.account, plans, now=now)
        if stands.plan == TRIAL and stands.until is not None and opened.announce_trial_end():
            facts = {"trial_ends_at": stands.until.isoformat(), "topic": "nothing_bought"}
            opened.tell(Notice("billing.trial_will_end", facts))


def _look(
    workspace_id: UUID, customer_id: str, accounts: Accounts, stripe: Stripe, hint: Hint | None
) -> tuple[int, Snapshot]:
    # Before the look, so that this ticket's look saw what the event tells of.
    ticket = accounts.take_ticket(workspace_id)
    if accounts.is_erased(workspace_id):
        # A page that was being paid while all pages were closed; nobody is left to cancel.
        stripe.end_subscriptions(customer_id)
    return ticket, stripe.look(customer_id, hint)


def _take_in(
    opened: OpenAccount,
    snapshot: Snapshot,
    ticket: int,
    hint: Hint | None,
    *,
    plans: Catalogue,
    now: datetime,
) -> None:
    before = opened.account
    after = fold(before, snapshot, ticket)
    opened.replace(after)
    for notice in notices(before, after, hint, plans, now=now):
        opened.tell(notice)
    _stand(opened, standing(after, plans, now=now))


def _stand(opened: OpenAccount, new: Standing) -> None:
    if opened.stand(new):
        until = None if new.until is None else new.until.isoformat()
        facts = {"plan": new.plan, "plan_until": until}
        if new.plan == FREE:
            facts["topic"] = "ended"
        opened.tell(Notice("billing.subscription_changed", facts))
