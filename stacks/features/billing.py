"""Plans and payments: members' routes, Stripe's webhook, its consumer and the sweep."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_

from stacks.acknowledge import acknowledge
from stacks.database import DatabaseRole
from stacks.feature_parts import FeatureParts
from stacks.permissions import calls, keys, queues

_OF_A_MEMBER = (
    *("/api/billing/subscription", "/api/billing/invoices", "/api/billing/checkout"),
    *("/api/billing/portal", "/api/stripe/create-checkout"),
)
_PLANS, _WEBHOOK = _PUBLIC = ("/api/billing/plans", "/api/webhooks/stripe")
# A batch asks Stripe twice an event and must end within the queue's patience.
_BATCH = 5
_PATIENCE = Duration.seconds(30)
# The queue's consumers share one allowance of Stripe's calls with everybody else.
_CONSUMERS = 5


def add_billing(parts: FeatureParts) -> None:
    """Define the functions behind ``/api/billing`` and ``/api/webhooks/stripe``."""
    api = parts.function(
        "Billing",
        "billing.api",
        environment={"ALLOWED_ORIGINS": ",".join(parts.settings.allowed_origins)},
        heavy_packages=["stripe"],
    )
    keys.call_stripe(api, parts.settings, parts.data)
    parts.routes.serve(api, _OF_A_MEMBER)
    parts.routes.serve(api, [_PLANS], method="GET", public=True)

    webhook = parts.function("StripeWebhook", "billing.webhook", DatabaseRole.INTAKE)
    keys.verify_stripe(webhook, parts.data)
    queues.queue_webhooks(webhook, parts.messaging)
    parts.routes.serve(webhook, [_WEBHOOK], method="POST", public=True)

    consumer = parts.function(
        "StripeEvents",
        "billing.events",
        DatabaseRole.INTAKE,
        heavy_packages=["stripe"],
        timeout=_PATIENCE,
    )
    keys.call_stripe(consumer, parts.settings, parts.data)
    calls.nudge_outbox(consumer, parts.outbox_relay)
    queues.run_from(consumer, parts.messaging.queues["webhooks"])
    queued = lambda_.EventSourceMapping(
        parts.scope,
        "StripeEventsQueued",
        target=consumer,
        event_source_arn=parts.messaging.queues["webhooks"].queue_arn,
        batch_size=_BATCH,
        max_concurrency=_CONSUMERS,
        report_batch_item_failures=True,
    )
    acknowledge(
        queued,
        "LambdaEventSourceMappingDestination",
        "the queue itself has a dead-letter queue",
        pack="Serverless",
    )

    sweep = parts.function(
        "BillingSweep",
        "billing.sweep",
        DatabaseRole.INTAKE,
        heavy_packages=["stripe"],
        timeout=Duration.minutes(5),
    )
    keys.call_stripe(sweep, parts.settings, parts.data)
    queues.queue_webhooks(sweep, parts.messaging)
    calls.nudge_outbox(sweep, parts.outbox_relay)
    due = events.Rule(
        parts.scope,
        "BillingSweepDue",
        schedule=events.Schedule.rate(Duration.minutes(15)),
        targets=[targets.LambdaFunction(sweep, retry_attempts=0)],
    )
    acknowledge(due, "EventBusDLQ", "the next sweep repeats the work", pack="Serverless")
