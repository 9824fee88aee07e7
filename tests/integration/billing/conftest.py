"""Billing on real Postgres with the real package of Stripe, against the stand-in for Stripe."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import stripe
from stripe import WebhookSignature

from functions.billing.api import handler as api
from functions.billing.events import handler as events
from functions.billing.sweep import handler as sweep
from functions.billing.webhook import handler as webhook
from huntaze import clients
from huntaze.db import Connection, SingleConnection
from huntaze.ids import new_id
from huntaze.settings import load
from local import stripe_catalogue
from local.processes import free_port
from local.stripe_stand_in.client import StripeStandIn, running_stand_in

SECRET = "whsec_test"
ORIGIN = "https://app.example.com"
ROUTE = "/api/webhooks/stripe"


@pytest.fixture
def origin() -> str:
    """Where the pages are that people come from and go back to."""
    return ORIGIN


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
