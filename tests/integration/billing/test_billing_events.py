"""Stripe's events: only Stripe's, each counted once, in whatever order, through any outage."""

import base64
import json
import random
import threading
import time
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest
import stripe
from stripe import WebhookSignature

from functions.billing import service
from functions.billing.gateway import StripeBooks
from functions.billing.repository import PostgresAccounts, PostgresEvents
from huntaze import clients
from huntaze.db import SingleConnection
from huntaze.domain.billing.plans import catalogue
from huntaze.entry import UnhandledError
from huntaze.ids import new_id
from huntaze.settings import load
from local.processes import free_port


@pytest.fixture
def live(owner, buy, stand_in, happened, deliver, work, stored):
    """Live a whole life; its events come in some order, twice, while it goes on and after it."""

    def run(chance):
        me = owner(trial_days=-1)
        customer = buy(me)
        acts = [
            lambda: stand_in.set_card(customer, good=False),
            lambda: stand_in.advance(customer, days=31),
            lambda: stand_in.set_card(customer, good=True),
            lambda: stand_in.refund(stand_in.listed("charges", customer=customer)[0]["id"], 500),
            lambda: stand_in.dispute(stand_in.listed("charges", customer=customer)[0]["id"]),
        ]
        for act in acts:
            some = happened(customer)
            for event in chance.sample(some, k=len(some) // 2):
                assert deliver(event)[0] == 200
                if chance.random() < 0.3:
                    assert work() == []
            act()
        everything = happened(customer) * 2
        for event in chance.sample(everything, k=len(everything)):
            assert deliver(event)[0] == 200
            if chance.random() < 0.2:
                assert work() == []
        assert work() == []
        return me, stored(me.workspace_id)

    return run


def test_a_sample_of_all_orders_ends_the_same_in_postgres(live):
    ends = []
    for seed in range(6):
        _, end = live(random.Random(seed))  # noqa: S311
        (bought,) = end["subscriptions"]
        # Moments and ids are another life's; all else must be the same.
        ends.append(
            (
                (bought["status"], bought["plan"], bought["past_due_since"]),
                sorted(
                    (i["status"], i["amount_paid_cents"], i["attempts"]) for i in end["invoices"]
                ),
                sorted((c["amount_cents"], c["refunded_cents"]) for c in end["charges"]),
                [(d["status"], d["amount_cents"]) for d in end["disputes"]],
                end["plan"],
            )
        )
    assert ends == [ends[0]] * 6
    bought, invoices, charges, disputes, plan = ends[0]
    assert bought == ("active", "pro", None)
    assert invoices == [("paid", 9900, 1), ("paid", 9900, 2)]
    assert charges == [(9900, 500)]
    assert disputes == [("needs_response", 9900)]
    assert plan == ("pro", None)


def test_two_consumers_with_one_event_apply_it_once(
    owner, buy, happened, deliver, as_role, queue, told
):
    me = owner(trial_days=-1)
    customer = buy(me)
    event = next(one for one in happened(customer) if one["type"] == "invoice.paid")
    deliver(event)
    start, outcomes = threading.Barrier(4), []

    def consume():
        source = SingleConnection(lambda: as_role("intake"))
        start.wait()
        outcomes.append(
            service.consume(
                event["id"],
                PostgresEvents(source),
                PostgresAccounts(source),
                StripeBooks(),
                plans=catalogue(),
                now=datetime.now(UTC),
            )
        )

    workers = [threading.Thread(target=consume) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(outcomes) == ["applied", "repeated", "repeated", "repeated"]
    assert told(me.workspace_id) == ["billing.payment_succeeded", "billing.subscription_changed"]
    assert len(queue) == 1


def test_what_is_not_stripes_is_refused(owner, buy, happened, deliver):
    customer = buy(owner())
    event = happened(customer)[0]
    now = time.time()
    foreign = WebhookSignature.generate_signature_header(json.dumps(event), "whsec_other")
    assert deliver(event, header=foreign)[0] == 400
    for at in (now - 400, now + 400):
        status, answer = deliver(event, at=at)
        assert (status, answer["error"]) == (400, "NotFromStripe")
    # The same facts in other bytes.
    assert deliver(event, body=json.dumps(event))[0] == 400


def test_refusals_store_and_queue_nothing(owner, buy, happened, deliver, queue, as_role):
    customer = buy(owner())
    event = {**happened(customer)[0], "id": f"evt_{new_id()}"}
    assert deliver(event, body=json.dumps(event))[0] == 400
    assert deliver(event, at=time.time() - 400)[0] == 400
    assert deliver(event, body="x" * 600_000)[0] in (400, 413)
    assert queue == []
    row = as_role("intake").execute("SELECT FROM stripe_events WHERE id = %s", (event["id"],))
    assert row.fetchone() is None


def test_takes_the_body_as_api_gateway_may_wrap_it(owner, buy, happened, deliver, queue):
    customer = buy(owner())
    event = happened(customer)[0]
    text = json.dumps(event, indent=2)
    wrapped = base64.b64encode(text.encode()).decode()
    assert deliver(event, body=wrapped, isBase64Encoded=True)[0] == 200
    assert len(queue) == 1


def test_an_event_is_stored_once_and_queued_until_it_is_worked_on(
    owner, buy, happened, deliver, queue, work
):
    customer = buy(owner())
    event = happened(customer)[0]
    assert [deliver(event)[0] for _ in range(3)] == [200] * 3
    assert len(queue) == 3
    assert work() == []
    deliver(event)
    assert queue == []


def test_a_queue_that_fails_makes_stripe_come_again(owner, buy, happened, deliver, monkeypatch):
    event = happened(buy(owner()))[0]
    broken = Mock()
    broken.send_message.side_effect = RuntimeError
    monkeypatch.setattr(clients, "sqs", lambda: broken)
    with pytest.raises(UnhandledError):
        deliver(event)


def test_kinds_that_nobody_asked_for_are_taken_and_forgotten(owner, buy, happened, deliver, queue):
    event = {**happened(buy(owner()))[0], "type": "customer.tax_id.created"}
    assert deliver(event)[0] == 200
    assert queue == []


def test_a_customer_of_something_else_is_left_alone(happened, deliver, work, owner, buy, as_role):
    event = happened(buy(owner()))[0]
    stranger = {**event, "id": f"evt_{new_id()}"}
    stranger["data"] = {"object": {**event["data"]["object"], "customer": "cus_of_another_shop"}}
    deliver(stranger)
    assert work() == []
    row = as_role("intake").execute(
        "SELECT outcome FROM stripe_events WHERE id = %s", (stranger["id"],)
    )
    assert row.fetchone() == ("unknown_customer",)


@pytest.mark.parametrize(
    ("kind", "more", "outcome"),
    [
        ("invoice.updated", {}, "applied"),
        ("charge.refunded", {}, "applied"),
        ("charge.dispute.closed", {"charge": "ch_gone"}, "applied"),
        ("charge.dispute.closed", {"customer": None, "charge": "ch_gone"}, "unknown_customer"),
    ],
)
def test_what_is_gone_at_stripe_is_not_asked_for_for_ever(
    owner, buy, happened, deliver, work, as_role, stored, kind, more, outcome
):
    me = owner(trial_days=-1)
    customer = buy(me)
    thing = {"id": f"gone_{new_id().hex}", "customer": customer, **more}
    event = {**happened(customer)[0], "id": f"evt_{new_id()}", "type": kind}
    assert deliver({**event, "data": {"object": thing}})[0] == 200
    assert work() == []
    row = as_role("intake").execute(
        "SELECT outcome FROM stripe_events WHERE id = %s", (event["id"],)
    )
    assert row.fetchone() == (outcome,)
    # What else the look has found counts.
    assert len(stored(me.workspace_id)["subscriptions"]) == (outcome == "applied")


def test_an_outage_of_stripe_loses_nothing(
    owner, buy, happened, deliver, work, queue, monkeypatch, call, stand_in
):
    me = owner()
    customer = buy(me, "starter")
    for event in happened(customer):
        deliver(event)
    kept = [*queue]
    monkeypatch.setenv("STRIPE_API_BASE", f"http://127.0.0.1:{free_port()}")
    load.cache_clear()
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0)
    assert len(work()) == len(kept)
    monkeypatch.setenv("STRIPE_API_BASE", stand_in.url)
    load.cache_clear()
    # The queue brings back what was not worked on.
    queue.extend(kept)
    assert work() == []
    assert call("GET", "/api/billing/subscription", me.who)[1]["plan"] == "starter"
