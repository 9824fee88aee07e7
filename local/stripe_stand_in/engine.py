"""What happens to whom: purchases, renewals, cards that fail, refunds, the passing of time.

Everything happens at once in one thread; each change of an object is an event, in order. Proration
is left out: another plan costs its price from the next period on.
"""

import copy
from collections.abc import Callable
from typing import Any

from local.stripe_stand_in import objects
from local.stripe_stand_in.objects import DAY, Json

# After a card fails, and then again; as Stripe's smart retries, at fixed days.
_RETRY_DAYS = (3, 5, 7)
_TRIAL_NOTICE = 3 * DAY
_STATE = ("customers", "products", "prices", "sessions", "subscriptions", "invoices", "payments")
_MORE_STATE = (
    "charges",
    "disputes",
    "portals",
    "meters",
    "meter_events",
    "events",
    "cards",
    "told",
    "ahead",
)


class StripeRefusal(Exception):  # noqa: N818 (an answer, not a fault)
    """A call that Stripe would refuse."""

    def __init__(self, message: str, *, status: int = 400, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.param = param


class Engine:
    """A Stripe account in test mode.

    Args:
        clock: Seconds since 1970; a customer's time may be ahead of it.
        new_id: Makes ids from a prefix.
        url: Where the hosted pages are.
        emit: Is given each event.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], int],
        new_id: Callable[[str], str],
        url: str = "http://stripe.test",
        emit: Callable[[Json], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._new_id = new_id
        self._url = url
        self._emit = emit
        self.customers: dict[str, Json] = {}
        self.products: dict[str, Json] = {}
        self.prices: dict[str, Json] = {}
        self.sessions: dict[str, Json] = {}
        self.subscriptions: dict[str, Json] = {}
        self.invoices: dict[str, Json] = {}
        self.payments: dict[str, Json] = {}
        self.charges: dict[str, Json] = {}
        self.disputes: dict[str, Json] = {}
        self.portals: dict[str, Json] = {}
        self.meters: dict[str, Json] = {}
        self.meter_events: dict[str, Json] = {}
        self.events: dict[str, Json] = {}
        # Whether a customer's card is good, and what was announced of a trial: no objects.
        self.cards: dict[str, bool] = {}
        self.told: dict[str, bool] = {}
        # Seconds by which a customer's time was advanced.
        self.ahead: dict[str, int] = {}

    def now(self, customer_id: str | None = None) -> int:
        """Stripe's time, which runs ahead for a customer on a test clock."""
        return self._clock() + self.ahead.get(customer_id or "", 0)

    def dump(self) -> Json:
        """All that is known, to be kept."""
        return {name: getattr(self, name) for name in (*_STATE, *_MORE_STATE)}

    def restore(self, kept: Json) -> None:
        """Take up what was kept."""
        for name in (*_STATE, *_MORE_STATE):
            setattr(self, name, kept[name])

    # The catalogue

    def add_product(self, wanted: Json) -> Json:
        """Make a product."""
        made = objects.product(self._new_id("prod"), wanted, self.now())
        return self._keep(self.products, made)

    def add_price(self, wanted: Json) -> Json:
        """Make a price of a product."""
        self.find(self.products, wanted["product"])
        key = wanted.get("lookup_key")
        if key and any(one["lookup_key"] == key for one in self.prices.values()):
            raise StripeRefusal(f"A price already uses the lookup key `{key}`.")
        return self._keep(self.prices, objects.price(self._new_id("price"), wanted, self.now()))

    def add_meter(self, wanted: Json) -> Json:
        """Make a meter."""
        if any(one["event_name"] == wanted["event_name"] for one in self.meters.values()):
            raise StripeRefusal(f"A meter already takes `{wanted['event_name']}`.")
        return self._keep(self.meters, objects.meter(self._new_id("mtr"), wanted, self.now()))

    # What the API is asked for

    def add_customer(self, wanted: Json) -> Json:
        """Make a customer."""
        made = objects.customer(self._new_id("cus"), wanted.get("metadata", {}), self.now())
        made["email"] = wanted.get("email")
        return self._keep(self.customers, made)

    def open_checkout(self, wanted: Json) -> Json:
        """Open a session of Checkout."""
        self.find(self.customers, wanted.get("customer", ""))
        now = self.now(wanted["customer"])
        for line in wanted.get("line_items", []):
            self.find(self.prices, line["price"])
        if wanted.get("mode") != "subscription" or not wanted.get("line_items"):
            raise StripeRefusal("This stand-in sells subscriptions only.", param="mode")
        trial_end = self._trial_end(wanted)
        if trial_end is not None and trial_end < now + 2 * DAY:
            raise StripeRefusal(
                "The `trial_end` date has to be at least 2 days in the future.",
                param="subscription_data[trial_end]",
            )
        made = objects.checkout_session(self._new_id("cs_test"), wanted, self._url, now)
        made["_wanted"] = wanted
        return self._keep(self.sessions, made)

    def expire(self, session_id: str) -> Json:
        """Close a page of Checkout before its time."""
        session = self.find(self.sessions, session_id)
        if session["status"] != "open":
            raise StripeRefusal(
                f"This Session is {session['status']}: only an open one can be expired."
            )
        session |= {"status": "expired", "url": None}
        self._happened("checkout.session.expired", session)
        return session

    def open_portal(self, wanted: Json) -> Json:
        """Open a session of the portal."""
        self.find(self.customers, wanted.get("customer", ""))
        made = objects.portal_session(
            self._new_id("bps"), wanted, self._url, self.now(wanted["customer"])
        )
        return self._keep(self.portals, made)

    def meter(self, wanted: Json) -> Json:
        """Take a use; one identifier counts once."""
        if all(one["event_name"] != wanted["event_name"] for one in self.meters.values()):
            raise StripeRefusal(f"No active meter takes `{wanted['event_name']}`.")
        known = self.meter_events.get(wanted["identifier"])
        if known is not None:
            raise StripeRefusal("An event already exists with this identifier.")
        made = objects.meter_event(wanted, self.now())
        self.meter_events[made["identifier"]] = made
        return made

    def change_subscription(self, subscription_id: str, wanted: Json) -> Json:
        """Change the price, or whether it ends with its period."""
        bought = self.find(self.subscriptions, subscription_id)
        if "cancel_at_period_end" in wanted:
            bought["cancel_at_period_end"] = wanted["cancel_at_period_end"] in (True, "true")
            ends = bought["items"]["data"][0]["current_period_end"]
            bought["cancel_at"] = ends if bought["cancel_at_period_end"] else None
            bought["canceled_at"] = (
                self.now(bought["customer"]) if bought["cancel_at_period_end"] else None
            )
        for item in wanted.get("items", []):
            bought["items"]["data"][0]["price"] = self.find(self.prices, item["price"])
        self._happened("customer.subscription.updated", bought)
        return bought

    def cancel(self, subscription_id: str) -> Json:
        """End a subscription now."""
        bought = self.find(self.subscriptions, subscription_id)
        now = self.now(bought["customer"])
        bought |= {"status": "canceled", "canceled_at": now, "ended_at": now}
        self._happened("customer.subscription.deleted", bought)
        return bought

    def refund(self, charge_id: str, amount: int | None = None) -> Json:
        """Give money back."""
        paid = self.find(self.charges, charge_id)
        left = paid["amount"] - paid["amount_refunded"]
        more = left if amount is None else amount
        if not 0 < more <= left:
            raise StripeRefusal(f"Refund amount ({more}) is greater than charge ({left}).")
        paid["amount_refunded"] += more
        paid["refunded"] = paid["amount_refunded"] == paid["amount"]
        self._happened("charge.refunded", paid)
        return paid

    def open_dispute(self, charge_id: str, reason: str = "fraudulent") -> Json:
        """Let the bank want a payment back."""
        paid = self.find(self.charges, charge_id)
        paid["disputed"] = True
        made = objects.dispute(self._new_id("du"), paid, reason, self.now(paid["customer"]))
        self.disputes[made["id"]] = made
        self._happened("charge.dispute.created", made)
        return made

    def close_dispute(self, dispute_id: str, *, won: bool) -> Json:
        """Let the bank decide."""
        found = self.find(self.disputes, dispute_id)
        found["status"] = "won" if won else "lost"
        self._happened("charge.dispute.closed", found)
        return found

    # What people do on the hosted pages

    def pay(self, session_id: str) -> Json:
        """Pay a session with a good card."""
        session = self.find(self.sessions, session_id)
        if session["status"] != "open":
            raise StripeRefusal("This page has been used or is over.", status=409)
        wanted: Json = session["_wanted"]
        self.cards[session["customer"]] = True
        data: Json = wanted.get("subscription_data", {})
        bought = objects.subscription(
            self._new_id("sub"),
            {
                "customer": session["customer"],
                "price": self.find(self.prices, wanted["line_items"][0]["price"]),
                "trial_end": self._trial_end(wanted),
                "metadata": data.get("metadata", {}),
            },
            self._new_id("si"),
            self.now(session["customer"]),
        )
        self.subscriptions[bought["id"]] = bought
        self._happened("customer.subscription.created", bought)
        bill = self._bill(bought, "subscription_create")
        session |= {
            "status": "complete",
            "payment_status": "paid" if bill["amount_due"] else "no_payment_required",
            "subscription": bought["id"],
            "invoice": bill["id"],
            "url": None,
        }
        self._happened("checkout.session.completed", session)
        return session

    def set_card(self, customer_id: str, *, good: bool) -> None:
        """Give a customer another card; a good one pays what is open."""
        self.cards[customer_id] = good
        for bill in list(self.invoices.values()):
            if good and bill["customer"] == customer_id and bill["status"] == "open":
                self._collect(bill)

    # Time

    def advance(self, customer_id: str, seconds: int) -> None:
        """Let time pass for a customer, a day at a time, and do what falls due."""
        self.find(self.customers, customer_id)
        end = self.ahead.get(customer_id, 0) + seconds
        while self.ahead.get(customer_id, 0) < end:
            self.ahead[customer_id] = min(self.ahead.get(customer_id, 0) + DAY, end)
            now = self.now(customer_id)
            for bought in [*self.subscriptions.values()]:
                if bought["customer"] == customer_id:
                    self._pass_time(bought, now)
            for bill in [*self.invoices.values()]:
                due = bill["next_payment_attempt"]
                mine = bill["customer"] == customer_id and bill["status"] == "open"
                if mine and due is not None and due <= now:
                    self._collect(bill)

    def _pass_time(self, bought: Json, now: int) -> None:
        if bought["status"] in ("canceled", "incomplete", "incomplete_expired"):
            return
        item = bought["items"]["data"][0]
        ends: int = item["current_period_end"]
        ends_soon = bought["status"] == "trialing" and ends - now <= _TRIAL_NOTICE
        if ends_soon and not self.told.get(bought["id"]):
            self.told[bought["id"]] = True
            self._happened("customer.subscription.trial_will_end", bought)
        if ends > now:
            return
        if bought["cancel_at_period_end"]:
            self.cancel(bought["id"])
            return
        interval = item["price"]["recurring"]["interval"]
        item["current_period_start"] = ends
        item["current_period_end"] = ends + objects.period_of(interval)
        if bought["status"] == "trialing":
            bought["status"] = "active"
        self._happened("customer.subscription.updated", bought)
        self._bill(bought, "subscription_cycle")

    # Money

    def _bill(self, bought: Json, reason: str) -> Json:
        item = bought["items"]["data"][0]
        free = bought["status"] == "trialing"
        made = objects.invoice(
            self._new_id("in"),
            {
                "amount": 0 if free else item["price"]["unit_amount"],
                "currency": bought["currency"],
                "customer": bought["customer"],
                "number": f"HZ-{len(self.invoices) + 1:04d}",
                "period_end": item["current_period_end"],
                "period_start": item["current_period_start"],
                "reason": reason,
                "subscription": bought["id"],
            },
            self._url,
            self.now(bought["customer"]),
        )
        self.invoices[made["id"]] = made
        bought["latest_invoice"] = made["id"]
        self._happened("invoice.created", made)
        self._happened("invoice.finalized", made)
        self._collect(made)
        return made

    def _collect(self, bill: Json) -> None:
        """Charge the card for an invoice."""
        if not bill["amount_due"] or self.cards.get(bill["customer"], False):
            self._paid(bill)
        else:
            self._failed(bill)

    def _paid(self, bill: Json) -> None:
        now = self.now(bill["customer"])
        if bill["amount_due"]:
            intent = self._new_id("pi")
            paid = objects.charge(self._new_id("ch"), bill, intent, now)
            self.charges[paid["id"]] = paid
            part = objects.invoice_payment(self._new_id("inpay"), bill, intent, now)
            self.payments[part["id"]] = part
            bill["attempt_count"] += 1
        bill |= {
            "amount_paid": bill["amount_due"],
            "amount_remaining": 0,
            "attempted": True,
            "next_payment_attempt": None,
            "status": "paid",
        }
        bill["status_transitions"]["paid_at"] = now
        self._happened("invoice.paid", bill)
        self._happened("invoice.payment_succeeded", bill)
        self._follow(bill, {"incomplete": "active", "past_due": "active", "unpaid": "active"})

    def _failed(self, bill: Json) -> None:
        tried = bill["attempt_count"]
        bill |= {"attempt_count": tried + 1, "attempted": True}
        more = tried < len(_RETRY_DAYS)
        bill["next_payment_attempt"] = (
            self.now(bill["customer"]) + _RETRY_DAYS[tried] * DAY if more else None
        )
        self._happened("invoice.payment_failed", bill)
        if more:
            self._follow(bill, {"active": "past_due"})
        else:
            bought = self._subscription_of(bill)
            if bought["status"] == "past_due":
                self.cancel(bought["id"])

    def _follow(self, bill: Json, moves: dict[str, str]) -> None:
        """Let the subscription follow what became of its invoice."""
        bought = self._subscription_of(bill)
        if bought["status"] in moves:
            bought["status"] = moves[bought["status"]]
            self._happened("customer.subscription.updated", bought)

    def _subscription_of(self, bill: Json) -> Json:
        return self.subscriptions[bill["parent"]["subscription_details"]["subscription"]]

    # Objects

    def find(self, kind: dict[str, Json], object_id: str) -> Json:
        """The object of an id."""
        if object_id not in kind:
            raise StripeRefusal(f"No such object: '{object_id}'", status=404, param="id")
        return kind[object_id]

    def shown(self, thing: Json, expand: list[str] | None = None) -> Json:
        """A copy as the API writes it, with what is to be expanded written out."""
        copied: Json = copy.deepcopy({k: v for k, v in thing.items() if not k.startswith("_")})
        for path in expand or []:
            head, _, rest = path.partition(".")
            if head == "latest_invoice" and head in copied:
                inner = [rest] if rest else []
                bill = self.invoices.get(copied[head] or "")
                copied[head] = bill and self.shown(bill, inner)
            elif head == "payments":
                parts = [p for p in self.payments.values() if p["invoice"] == copied["id"]]
                copied[head] = objects.listed(copy.deepcopy(parts), "/v1/invoice_payments")
            else:
                raise StripeRefusal(f"This property cannot be expanded ({path}).", param="expand")
        return copied

    def _keep(self, kind: dict[str, Json], made: Json) -> Json:
        kind[made["id"]] = made
        return made

    def _trial_end(self, wanted: Json) -> int | None:
        found: Any = wanted.get("subscription_data", {}).get("trial_end")
        return None if found is None else int(found)

    def _happened(self, kind: str, thing: Json) -> None:
        made = objects.event(
            self._new_id("evt"), kind, self.shown(thing), self.now(self._customer_of(thing))
        )
        self.events[made["id"]] = made
        self._emit(made)

    def _customer_of(self, thing: Json) -> str | None:
        paid = self.charges.get(thing.get("charge", ""), {})
        found: str | None = thing.get("customer") or paid.get("customer")
        return found
