"""A subscription's life at the stand-in for Stripe, with the account as it was after each event."""

import copy
import itertools
from dataclasses import dataclass, field
from typing import Any

from functions.billing.records import (
    Hint,
    Snapshot,
    read_charge,
    read_dispute,
    read_invoice,
    read_subscription,
)
from huntaze.domain.billing.plans import catalogue
from local.stripe_stand_in.engine import Engine
from local.stripe_stand_in.objects import DAY

START = 1_790_000_000


@dataclass
class Life:
    """An account at Stripe, and what happened in it."""

    events: list[dict[str, Any]] = field(default_factory=list)
    worlds: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with a customer who has bought nothing."""
        numbers = itertools.count(1)
        self.engine = Engine(
            clock=lambda: START, new_id=lambda prefix: f"{prefix}_{next(numbers)}", emit=self._note
        )
        product = self.engine.add_product({"name": "Huntaze"})
        for plan in catalogue().for_sale:
            for interval, price in plan.prices.items():
                self.engine.add_price(
                    {
                        "product": product["id"],
                        "currency": price.currency,
                        "lookup_key": price.lookup_key,
                        "metadata": {"plan": plan.name},
                        "recurring": {"interval": interval},
                        "unit_amount": price.amount_cents,
                    }
                )
        self.customer = self.engine.add_customer({"metadata": {"workspace_id": "w"}})["id"]

    def _note(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        self.worlds.append(copy.deepcopy(self.engine.dump()))

    def buy(self, plan: str, *, trial_days: int | None = None) -> str:
        """Buy a plan on the hosted page; returns the subscription's id."""
        price = next(
            one
            for one in self.engine.prices.values()
            if one["lookup_key"] == f"huntaze_{plan}_month"
        )
        data: dict[str, Any] = {}
        if trial_days is not None:
            data["trial_end"] = self.engine.now(self.customer) + trial_days * DAY
        session = self.engine.open_checkout(
            {
                "mode": "subscription",
                "customer": self.customer,
                "line_items": [{"price": price["id"], "quantity": 1}],
                "subscription_data": data,
                "success_url": "http://app.test/paid",
            }
        )
        bought: str = self.engine.pay(session["id"])["subscription"]
        return bought

    def advance(self, days: int) -> None:
        """Let days pass."""
        self.engine.advance(self.customer, days * DAY)

    def hint(self, event: dict[str, Any]) -> Hint:
        """What the webhook keeps of an event."""
        thing = event["data"]["object"]
        return Hint(
            event["id"],
            event["type"],
            thing["id"],
            thing.get("customer"),
            thing.get("charge") if event["type"].startswith("charge.") else None,
        )

    def look(self, hint: Hint, *, at: int | None = None) -> Snapshot:
        """What a look finds after event ``at``, or now: as ``gateway.StripeBooks`` looks."""
        engine = self.engine
        if at is not None:
            engine = Engine(clock=lambda: START, new_id=str)
            engine.restore(copy.deepcopy(self.worlds[at]))
        mine = [s for s in engine.subscriptions.values() if s["customer"] == self.customer]
        found: dict[str, Any] = {}
        if hint.kind.startswith("invoice."):
            bill = engine.shown(engine.invoices[hint.object_id], ["payments"])
            found["invoices"] = (read_invoice(bill),)
        elif hint.kind.startswith("charge.dispute."):
            found["disputes"] = (read_dispute(engine.disputes[hint.object_id]),)
        elif hint.kind.startswith("charge."):
            found["charges"] = (read_charge(engine.charges[hint.object_id]),)
        return Snapshot(
            subscriptions=tuple(
                read_subscription(engine.shown(one, ["latest_invoice"])) for one in mine
            ),
            **found,
        )


def whole_life() -> tuple[Life, list[int]]:
    """A trial, a card that fails, a late payment, a refund and the end.

    Returns:
        The life, and which of its events are the eight that tests play with.
    """
    life = Life()
    subscription_id = life.buy("pro", trial_days=14)
    life.advance(12)
    life.engine.set_card(life.customer, good=False)
    life.advance(3)
    life.engine.set_card(life.customer, good=True)
    (charge_id,) = life.engine.charges
    life.engine.refund(charge_id, 1_000)
    life.engine.cancel(subscription_id)
    wanted = (
        *("customer.subscription.created", "checkout.session.completed"),
        *("customer.subscription.trial_will_end", "invoice.payment_failed"),
        *("customer.subscription.updated", "invoice.paid", "charge.refunded"),
        "customer.subscription.deleted",
    )
    last = {event["type"]: at for at, event in enumerate(life.events)}
    return life, sorted(last[kind] for kind in wanted)
