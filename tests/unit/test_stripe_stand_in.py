"""The stand-in speaks as the installed ``stripe`` package expects."""

import inspect

import pytest
import stripe

from local.stripe_stand_in import objects
from local.stripe_stand_in.engine import StripeRefusal
from local.stripe_stand_in.forms import unflatten
from tests.fakes.stripe_life import Life, whole_life

KINDS = {
    "customer": stripe.Customer,
    "product": stripe.Product,
    "price": stripe.Price,
    "checkout.session": stripe.checkout.Session,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "charge": stripe.Charge,
    "dispute": stripe.Dispute,
    "billing_portal.session": stripe.billing_portal.Session,
    "billing.meter": stripe.billing.Meter,
    "billing.meter_event": stripe.billing.MeterEvent,
    "event": stripe.Event,
}


@pytest.fixture(scope="module")
def life():
    lived, _ = whole_life()
    (charge_id,) = lived.engine.charges
    lived.engine.open_dispute(charge_id)
    lived.engine.open_portal({"customer": lived.customer})
    lived.engine.add_meter(
        {"event_name": "m", "display_name": "m", "default_aggregation": {"formula": "sum"}}
    )
    lived.engine.meter({"event_name": "m", "identifier": "1", "payload": {"value": "1"}})
    return lived


def test_it_speaks_the_version_of_the_package():
    assert stripe.api_version == objects.API_VERSION


def test_every_field_of_every_object_is_one_that_the_package_knows(life):
    engine = life.engine
    kinds = (
        *("customers", "products", "prices", "sessions", "subscriptions", "invoices"),
        *("payments", "charges", "disputes", "portals", "meters", "meter_events", "events"),
    )
    seen = set()
    for kind in kinds:
        for thing in getattr(engine, kind).values():
            _check(engine.shown(thing), seen)
    assert seen == set(KINDS)


def _check(thing, seen):
    """Compare an object, and every object inside it, with the package's class."""
    if isinstance(thing, list):
        for one in thing:
            _check(one, seen)
        return
    if not isinstance(thing, dict):
        return
    kind = thing.get("object")
    if isinstance(kind, str) and kind in KINDS:
        seen.add(kind)
        known = _fields(KINDS[kind])
        assert set(thing) <= known, (kind, set(thing) - known)
    for value in thing.values():
        _check(value, seen)


def _fields(cls: type) -> set[str]:
    found: set[str] = set()
    for base in cls.__mro__:
        found |= set(inspect.get_annotations(base))
    return found


def test_the_inner_shapes_of_an_invoice_are_the_packages(life):
    bill = next(iter(life.engine.invoices.values()))
    assert set(bill["parent"]) <= _fields(stripe.Invoice.Parent)
    details = bill["parent"]["subscription_details"]
    assert set(details) <= _fields(stripe.Invoice.Parent.SubscriptionDetails)
    assert set(bill["status_transitions"]) <= _fields(stripe.Invoice.StatusTransitions)


def test_a_life_has_the_events_that_stripe_would_send(life):
    kinds = [event["type"] for event in life.events]
    assert kinds[:6] == [
        *("customer.subscription.created", "invoice.created", "invoice.finalized", "invoice.paid"),
        *("invoice.payment_succeeded", "checkout.session.completed"),
    ]
    for kind in ("trial_will_end", "updated", "deleted"):
        assert f"customer.subscription.{kind}" in kinds
    assert {"invoice.payment_failed", "charge.refunded", "charge.dispute.created"} <= set(kinds)


def test_a_card_that_keeps_failing_ends_the_subscription_after_its_tries():
    life = Life()
    bought = life.engine.subscriptions[life.buy("starter")]
    life.engine.set_card(life.customer, good=False)
    life.advance(31)
    assert bought["status"] == "past_due"
    life.advance(16)
    assert bought["status"] == "canceled"
    failed = [event for event in life.events if event["type"] == "invoice.payment_failed"]
    assert len(failed) == 4


def test_a_subscription_that_was_cancelled_runs_until_its_period_ends():
    life = Life()
    bought = life.engine.subscriptions[life.buy("starter")]
    life.engine.change_subscription(bought["id"], {"cancel_at_period_end": "true"})
    life.advance(29)
    assert (bought["status"], bought["cancel_at_period_end"]) == ("active", True)
    life.advance(2)
    assert bought["status"] == "canceled"


def test_no_more_goes_back_than_was_paid():
    life = Life()
    life.buy("starter")
    (charge_id,) = life.engine.charges
    life.engine.refund(charge_id, 2_000)
    with pytest.raises(StripeRefusal):
        life.engine.refund(charge_id, 901)
    assert life.engine.refund(charge_id)["refunded"]


def test_a_page_is_paid_once():
    life = Life()
    life.buy("starter")
    (session_id,) = life.engine.sessions
    with pytest.raises(StripeRefusal):
        life.engine.pay(session_id)
    assert len(life.engine.subscriptions) == 1


def test_a_page_that_is_closed_cannot_be_paid_or_closed_again():
    life = Life()
    life.buy("starter")
    (session_id,) = life.engine.sessions
    with pytest.raises(StripeRefusal):
        life.engine.expire(session_id)
    assert life.engine.sessions[session_id]["status"] == "complete"


def test_reads_nested_forms():
    pairs = [("a[0][b]", "1"), ("a[1][b]", "2"), ("m[x]", "y"), ("expand[]", "p"), ("s", "t")]
    assert unflatten(pairs) == {
        "a": [{"b": "1"}, {"b": "2"}],
        "m": {"x": "y"},
        "expand": ["p"],
        "s": "t",
    }
