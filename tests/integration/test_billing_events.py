"""From Stripe's door to the plan: real Postgres, the real package, the stand-in for Stripe."""

import base64
import json
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import stripe
from stripe import WebhookSignature

from functions.billing import service
from functions.billing.api import handler as api
from functions.billing.events import handler as events
from functions.billing.gateway import StripeBooks, StripeDesk
from functions.billing.repository import PostgresAccounts, PostgresEvents
from functions.billing.sweep import handler as sweep
from functions.billing.webhook import handler as webhook
from huntaze import clients
from huntaze.db import Connection, SingleConnection
from huntaze.domain.billing import entitlements, metering
from huntaze.domain.billing.plans import catalogue
from huntaze.entry import UnhandledError
from huntaze.ids import new_id
from huntaze.settings import load
from local import stripe_catalogue
from local.processes import free_port
from local.stripe_stand_in.client import StripeStandIn, running_stand_in

SECRET = "whsec_test"
ORIGIN = "https://app.example.com"
ROUTE = "/api/webhooks/stripe"


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    with running_stand_in(tmp_path_factory.mktemp("stripe"), free_port()) as running:
        client = stripe.StripeClient("sk_test", base_addresses={"api": running.url})
        assert len(stripe_catalogue.offer_plans(client)) == 7
        assert stripe_catalogue.offer_plans(client) == []
        yield running


@pytest.fixture(autouse=True)
def queue(as_role: Callable[[str], Connection], stand_in: StripeStandIn, monkeypatch):
    """The functions on the test's database, the stand-in and a queue that is a list."""
    for module, role in ((api, "app"), (webhook, "intake"), (events, "intake"), (sweep, "intake")):
        source = SingleConnection(lambda r=role: as_role(r))
        monkeypatch.setattr(module, "database", lambda s=source: s)
    settings = {
        "STRIPE_API_SECRET_ARN": "api",
        "STRIPE_API_BASE": stand_in.url,
        "STRIPE_WEBHOOK_SECRET_ARN": "webhook",
        "WEBHOOKS_QUEUE_URL": "queue",
        "OUTBOX_RELAY_FUNCTION": "relay",
        "ALLOWED_ORIGINS": f"{ORIGIN},https://other.example.com",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    kept = {"api": {"api_key": "sk_test"}, "webhook": {"current": SECRET, "previous": ""}}
    monkeypatch.setattr(clients, "secret_json", lambda arn: kept[arn])
    monkeypatch.setattr(clients, "functions", Mock())
    waiting: list[str] = []
    sqs = Mock()
    sqs.send_message = lambda **sent: waiting.append(sent["MessageBody"])
    monkeypatch.setattr(clients, "sqs", lambda: sqs)
    for cached in (load, clients.stripe, webhook.signing_secrets):
        cached.cache_clear()
    yield waiting
    for cached in (load, clients.stripe, webhook.signing_secrets):
        cached.cache_clear()


@pytest.fixture
def call(api_event, lambda_context):
    """Ask a route as a member."""

    def ask(method, path, who, body=None, **event):
        sent = api_event(method, path, principal=who, body=body, **event)
        answer = api.handler(sent, lambda_context)
        return answer["statusCode"], json.loads(answer["body"])

    return ask


@pytest.fixture
def owner(as_role, principal):
    """Make a workspace; answers its id and how its owner calls."""

    def make(*, trial_days=14, role="owner"):
        workspace_id, user_id = new_id(), new_id()
        ends = datetime.now(UTC) + timedelta(days=trial_days)
        with as_role("identity") as connection, connection.transaction():
            connection.execute(
                "INSERT INTO users (id, email, name, password_hash) VALUES (%s, %s, 'Test', '')",
                (user_id, f"{user_id}@example.com"),
            )
            connection.execute(
                "INSERT INTO workspaces (id, name, trial_ends_at, plan_until)"
                " VALUES (%s, 'Test', %s, %s)",
                (workspace_id, ends, ends),
            )
            connection.execute(
                "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, %s)",
                (workspace_id, user_id, role),
            )
        who = principal(workspace_id, user_id=user_id, role=role)
        return SimpleNamespace(workspace_id=workspace_id, who=who)

    return make


@pytest.fixture
def deliver(api_event, lambda_context):
    """Send an event to the door as Stripe does."""

    def send(event: dict[str, Any], *, at=None, body=None, header=None, **changes):
        text = json.dumps(event, indent=2) if body is None else body
        signature = header or WebhookSignature.generate_signature_header(
            json.dumps(event, indent=2), SECRET, int(at or time.time())
        )
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json; charset=utf-8"}
        sent = {**api_event("POST", ROUTE, body=text, headers=headers), **changes}
        answer = webhook.handler(sent, lambda_context)
        return answer["statusCode"], json.loads(answer["body"])

    return send


@pytest.fixture
def work(queue, lambda_context):
    """Let the consumer work on what is queued."""

    def run():
        records = [{"messageId": str(n), "body": body} for n, body in enumerate([*queue], start=1)]
        queue.clear()
        return events.handler({"Records": records}, lambda_context)["batchItemFailures"]

    return run


@pytest.fixture
def stored(tenant):
    """What a workspace's tables say, apart from tickets."""

    def read(workspace_id):
        found: dict[str, Any] = {}
        with tenant(workspace_id).transaction() as connection:
            for table in ("subscriptions", "invoices", "charges", "disputes"):
                rows = connection.execute(
                    f"SELECT to_jsonb(t) - 'ticket' FROM {table} t ORDER BY id"
                ).fetchall()
                found[table] = [row[0] for row in rows]
            found["plan"] = connection.execute("SELECT plan, plan_until FROM workspaces").fetchone()
        return found

    return read


@pytest.fixture
def told(tenant):
    """Kinds of the billing events in a workspace's outbox."""

    def read(workspace_id):
        with tenant(workspace_id).transaction() as connection:
            rows = connection.execute(
                "SELECT event_type FROM events_outbox WHERE starts_with(event_type, 'billing.')"
            )
            # Those of one transaction may have ids of one millisecond.
            return sorted(row[0] for row in rows)

    return read


@pytest.fixture
def buy(stand_in, call, tenant):
    """Buy a plan on the hosted page; answers the customer's id."""

    def order(owner, plan="pro", **body):
        status, page = call(
            "POST", "/api/stripe/create-checkout", owner.who, {"plan": plan, **body}
        )
        assert status == 200, page
        assert stand_in.submit(page["url"], card="good").is_success
        with tenant(owner.workspace_id).transaction() as connection:
            row = connection.execute("SELECT stripe_customer_id FROM billing_accounts").fetchone()
        return row[0]

    return order


@pytest.fixture
def happened(stand_in):
    """The events about a customer, oldest first, as Stripe tells them."""

    def read(customer):
        charges = {one["id"] for one in stand_in.listed("charges", customer=customer)}
        found = reversed(stand_in.listed("events", limit="100000"))
        return [
            event
            for event in found
            for thing in [event["data"]["object"]]
            if thing.get("customer") == customer or thing.get("charge") in charges
        ]

    return read


def test_a_purchase_on_the_hosted_page_becomes_the_plan(
    owner, buy, call, happened, deliver, work, told
):
    me = owner()
    customer = buy(me, "pro", interval="year")
    assert call("GET", "/api/billing/subscription", me.who)[1]["plan"] == "trial"
    for event in happened(customer):
        assert deliver(event)[0] == 200
    assert work() == []
    status, standing = call("GET", "/api/billing/subscription", me.who)
    assert status == 200
    assert (standing["plan"], standing["plan_until"]) == ("pro", None)
    assert standing["subscription"]["status"] == "trialing"
    assert standing["subscription"]["interval"] == "year"
    assert standing["limits"]["creators"] == {"limit": 5, "used": 0}
    assert standing["limits"]["members"] == {"limit": 10, "used": 1}
    assert "ab_tests" in standing["features"]
    assert told(me.workspace_id) == ["billing.subscription_changed"]


def test_the_plan_is_not_won_by_coming_back_from_the_page(owner, buy, call):
    me = owner(trial_days=-1)
    buy(me)
    assert call("GET", "/api/billing/subscription", me.who)[1]["plan"] == "free"


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


def test_plans_are_for_everybody(call):
    status, plans = call("GET", "/api/billing/plans", None)
    assert status == 200
    by_name = {plan["name"]: plan for plan in plans["items"]}
    assert by_name["starter"]["prices"]["month"]["amount_cents"] == 2900
    assert by_name["agency"]["limits"]["creators"] is None
    assert by_name["free"]["names"]["fr"] == "Gratuit"


def test_invoices_come_newest_first_page_by_page_with_their_refunds(
    owner, buy, happened, deliver, work, stand_in, call
):
    me = owner(trial_days=-1)
    customer = buy(me, "starter")
    stand_in.advance(customer, days=31)
    charge = stand_in.listed("charges", customer=customer)[-1]
    stand_in.refund(charge["id"], 900)
    for event in happened(customer):
        deliver(event)
    assert work() == []
    _, page = call("GET", "/api/billing/invoices", me.who, query={"limit": "1"})
    assert [bill["amount_paid_cents"] for bill in page["items"]] == [2900]
    assert page["items"][0]["refunded_cents"] == 0
    _, last = call("GET", "/api/billing/invoices", me.who, query={"cursor": page["next_cursor"]})
    assert [bill["refunded_cents"] for bill in last["items"]] == [900]
    assert last["next_cursor"] is None
    assert last["items"][0]["hosted_invoice_url"].startswith(stand_in.url)
    other = owner()
    assert call("GET", "/api/billing/invoices", other.who)[1]["items"] == []
    bad = call("GET", "/api/billing/invoices", me.who, query={"cursor": "bm9wZQ"})
    assert bad[0] == 400


def test_only_an_owner_pays(owner, call):
    for role in ("manager", "chatter", "analyst"):
        someone = owner(role=role)
        for path in ("/api/billing/checkout", "/api/stripe/create-checkout"):
            status, answer = call("POST", path, someone.who, {"plan": "pro"})
            assert (status, answer["error"]) == (403, "Forbidden")
        assert call("POST", "/api/billing/portal", someone.who, {})[0] == 403
        assert call("GET", "/api/billing/invoices", someone.who)[0] == 403
        assert call("GET", "/api/billing/subscription", someone.who)[0] == 200


def test_a_second_click_is_the_same_order_and_another_order_another(owner, call, stand_in):
    me = owner()
    path = "/api/billing/checkout"
    before = len(stand_in.listed("prices"))
    first = call("POST", path, me.who, {"plan": "pro"})[1]["url"]
    assert call("POST", path, me.who, {"plan": "pro"})[1]["url"] == first
    assert call("POST", path, me.who, {"plan": "agency"})[1]["url"] != first
    assert len(stand_in.listed("prices")) == before


def test_the_caller_chooses_a_plan_and_nothing_of_its_price(owner, call):
    me = owner()
    path = "/api/billing/checkout"
    for body in ({"plan": "free"}, {"plan": "trial"}, {"plan": "x"}, {"plan": "price_1"}):
        status, answer = call("POST", path, me.who, body)
        assert (status, answer["error"]) == (422, "PlanNotForSale"), body
    for more in ({"price": "price_1"}, {"amount_cents": 1}, {"customer": "cus_1"}):
        assert call("POST", path, me.who, {"plan": "pro", **more})[0] == 422


def test_stripe_sends_people_back_to_our_own_pages_alone(owner, call):
    me = owner()
    good = {"success_url": f"{ORIGIN}/x?y=1", "cancel_url": "https://other.example.com/"}
    assert call("POST", "/api/billing/checkout", me.who, {"plan": "pro", **good})[0] == 200
    for url in (
        "https://evil.example.com/",
        f"{ORIGIN}.evil.example.com/",
        f"{ORIGIN}@evil.example.com/",
        f"{ORIGIN}\\@evil.example.com/",
        "http://app.example.com/",
        "//app.example.com/",
        "javascript:alert(1)",
        "https://[",
        "/billing",
        f"{ORIGIN}/ x",
        f"{ORIGIN}/\n",
        "",
    ):
        for field in ("success_url", "cancel_url"):
            body = {"plan": "pro", field: url}
            assert call("POST", "/api/billing/checkout", me.who, body)[0] == 422, url
        assert call("POST", "/api/billing/portal", me.who, {"return_url": url})[0] == 422, url


def test_who_has_a_plan_changes_it_in_the_portal(
    owner, buy, happened, deliver, work, call, stand_in
):
    me = owner()
    assert call("POST", "/api/billing/portal", me.who, {})[0] == 409
    customer = buy(me, "starter")
    for event in happened(customer):
        deliver(event)
    assert work() == []
    status, answer = call("POST", "/api/billing/checkout", me.who, {"plan": "pro"})
    assert (status, answer["error"]) == (409, "SubscribedAlready")
    page = call("POST", "/api/billing/portal", me.who, {})[1]["url"]
    pro = next(p for p in stand_in.listed("prices") if p["lookup_key"] == "huntaze_pro_month")
    stand_in.submit(page, what="plan", price=pro["id"])
    for event in happened(customer):
        deliver(event)
    assert work() == []
    assert call("GET", "/api/billing/subscription", me.who)[1]["plan"] == "pro"
    stand_in.submit(page, what="cancel")
    for event in happened(customer):
        deliver(event)
    assert work() == []
    _, standing = call("GET", "/api/billing/subscription", me.who)
    assert (standing["plan"], standing["subscription"]["cancel_at_period_end"]) == ("pro", True)


def test_a_declined_card_buys_nothing(owner, call, stand_in):
    me = owner()
    page = call("POST", "/api/billing/checkout", me.who, {"plan": "pro"})[1]["url"]
    answer = stand_in.submit(page, card="bad")
    assert answer.headers["location"].endswith("?declined")
    assert f'href="{ORIGIN}/billing?paid=1"' in stand_in.submit(page, card="good").text


def test_a_price_that_is_not_the_one_shown_is_not_charged(owner, call, monkeypatch):
    me = owner()
    dearer = catalogue().model_copy(deep=True)
    starter = dearer.find("starter")
    assert starter is not None
    starter.prices["month"].__dict__["amount_cents"] = 1
    monkeypatch.setattr(api, "catalogue", lambda: dearer)
    status, answer = call("POST", "/api/billing/checkout", me.who, {"plan": "starter"})
    assert (status, answer["error"]) == (500, "PriceUnlikeShown")


def test_time_ends_a_trial_and_the_sweep_writes_it_down(owner, lambda_context, tenant, told):
    me = owner(trial_days=-1)
    with tenant(me.workspace_id).transaction() as connection:
        assert entitlements.current(connection, me.workspace_id).plan.name == "free"
    # Only who was a customer has an account to lock; a trial ends for everybody.
    sweep.handler({}, lambda_context)
    with tenant(me.workspace_id).transaction() as connection:
        row = connection.execute("SELECT plan, plan_until FROM workspaces").fetchone()
    assert row == ("free", None)
    assert told(me.workspace_id) == ["billing.subscription_changed"]
    sweep.handler({}, lambda_context)
    assert len(told(me.workspace_id)) == 1


def test_use_is_reported_once_however_often_its_answer_is_lost(
    owner, lambda_context, tenant, as_role, stand_in, monkeypatch
):
    me = owner(trial_days=-1)
    customer = f"cus_{me.workspace_id}"
    meter = metering.Meter.AI_COST

    def use(source_id, quantity):
        with tenant(me.workspace_id).transaction() as connection:
            return metering.record_use(
                connection, me.workspace_id, meter, source_id=source_id, quantity=quantity
            )

    def reported():
        found = stand_in.meter_events()
        return [one for one in found if one["payload"]["stripe_customer_id"] == customer]

    # Before anything was bought: free.
    assert use(new_id(), 1000)
    with tenant(me.workspace_id).transaction() as connection:
        connection.execute(
            "INSERT INTO billing_accounts (workspace_id, stripe_customer_id) VALUES (%s, %s)",
            (me.workspace_id, customer),
        )
    with as_role("intake") as connection, connection.transaction():
        connection.execute(
            "SELECT set_config('app.workspace_id', %s, true)", (str(me.workspace_id),)
        )
        connection.execute(
            "INSERT INTO subscriptions (workspace_id, id, ticket, status, cancel_at_period_end,"
            " created_at) VALUES (%s, 'sub', 1, 'active', false, clock_timestamp())",
            (me.workspace_id,),
        )
    call_id = new_id()
    assert use(call_id, 250)
    assert not use(call_id, 250)
    assert use(new_id(), 50)
    assert not use(new_id(), 0)
    told = StripeDesk.report_use

    def lose_the_answer(desk, **use):
        told(desk, **use)
        raise ConnectionError

    monkeypatch.setattr(StripeDesk, "report_use", lose_the_answer)
    with pytest.raises(sweep.WorkFailedError):
        sweep.handler({}, lambda_context)
    monkeypatch.setattr(StripeDesk, "report_use", told)
    sweep.handler({}, lambda_context)
    assert use(new_id(), 7)
    sweep.handler({}, lambda_context)
    sweep.handler({}, lambda_context)
    assert [one["payload"]["value"] for one in reported()] == ["300", "7"]
