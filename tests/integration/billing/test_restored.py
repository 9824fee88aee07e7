"""A database that came back from a backup learns what was bought after its moment."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe

from functions.billing.api.repository import PostgresBilling
from functions.billing.gateway import StripeDesk
from functions.billing.sweep import handler as sweep
from huntaze.entry import UnhandledError
from huntaze.ids import new_id

CHECKOUT = "/api/billing/checkout"


@pytest.fixture
def forgotten(owner, call, stand_in, happened, deliver, work, monkeypatch):
    """A workspace whose customer was made, and has paid, after the moment of the backup."""
    me = owner(trial_days=-1)
    add_customer = PostgresBilling.add_customer
    monkeypatch.setattr(PostgresBilling, "add_customer", lambda _, customer_id: customer_id)
    page = call("POST", CHECKOUT, me.who, {"plan": "pro"})[1]["url"]
    monkeypatch.setattr(PostgresBilling, "add_customer", add_customer)
    assert stand_in.submit(page, card="good").is_success
    (customer,) = [
        one["id"]
        for one in stand_in.listed("customers")
        if one["metadata"].get("workspace_id") == str(me.workspace_id)
    ]
    for event in happened(customer):
        deliver(event)
    assert work() == []
    return me, customer


@pytest.fixture
def restored(lambda_context):
    """Say that the database came back."""

    def order(*, hours):
        moment = datetime.now(UTC) - timedelta(hours=hours)
        return sweep.handler({"action": "restored", "moment": moment.isoformat()}, lambda_context)

    return order


def test_what_was_bought_after_the_moment_counts_again(
    forgotten, restored, lambda_context, call, stored
):
    me, _ = forgotten
    sweep.handler({}, lambda_context)
    assert call("GET", "/api/billing/subscription", me.who)[1]["plan"] == "free"
    assert restored(hours=3)["added"] == 1
    sweep.handler({}, lambda_context)
    assert call("GET", "/api/billing/subscription", me.who)[1]["plan"] == "pro"
    assert len(stored(me.workspace_id)["invoices"]) == 1
    again = restored(hours=3)
    assert (again["added"], again["known"] >= 1) == (0, True)


@pytest.fixture
def another_customer(stand_in):
    """Make a customer without a key, as Stripe does when the key's time is over."""

    def make(workspace_id):
        client = stripe.StripeClient("sk_test", base_addresses={"api": stand_in.url})
        metadata = {"workspace_id": str(workspace_id)}
        return client.v1.customers.create({"metadata": metadata}).id

    return make


def test_customers_without_a_place_are_named(owner, buy, restored, another_customer):
    strangers = StripeDesk().add_customer(new_id())
    me = owner()
    mine = buy(me)
    other = another_customer(me.workspace_id)
    found = restored(hours=3)
    assert strangers in found["without_workspace"]
    assert other in found["beside_another"]
    assert mine not in found["beside_another"]


def test_an_unclear_order_is_refused(lambda_context):
    with pytest.raises(UnhandledError):
        sweep.handler({"action": "restored"}, lambda_context)
