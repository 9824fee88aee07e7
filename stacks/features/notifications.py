"""Notifications of members, and mails."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda_event_sources as sources

from stacks.acknowledge import acknowledge
from stacks.database import DatabaseRole
from stacks.feature_function import FeatureFunction
from stacks.feature_parts import FeatureParts, below, run_every_minute
from stacks.permissions import calls, queues

# Finer than any time zone's distance from the whole hour.
_DIGESTS_EVERY = Duration.minutes(5)


def add_notifications(parts: FeatureParts) -> None:
    """Define what tells members of events, and what sends mails."""
    _add_mails(parts)
    api = parts.function("Notifications", "notifications.api")
    parts.routes.serve(api, below("/api/notifications"))
    told = parts.function("NotificationEvents", "notifications.events")
    calls.nudge_outbox(told, parts.outbox_relay)
    queues.queue_mails(told, parts.messaging)
    _work_on(parts, told, "notifications")
    digests = parts.function("Digests", "notifications.digests", timeout=Duration.minutes(2))
    queues.queue_mails(digests, parts.messaging)
    due = events.Rule(
        digests.stack,
        "DigestsDue",
        schedule=events.Schedule.rate(_DIGESTS_EVERY),
        targets=[targets.LambdaFunction(digests, retry_attempts=0)],
    )
    acknowledge(due, "EventBusDLQ", "the next sweep repeats the work", pack="Serverless")


def _add_mails(parts: FeatureParts) -> None:
    """Define the functions that send mails, find lost ones and learn what became of them."""
    mailer = parts.function(
        "Mailer",
        "notifications.mailer",
        DatabaseRole.MAILER,
        environment={"APP_URL": parts.settings.app_url},
    )
    calls.send_mails(mailer, parts.messaging, parts.settings)
    _work_on(parts, mailer, "email")
    sweep = parts.function("MailSweep", "notifications.sweep", DatabaseRole.MAILER)
    queues.queue_mails(sweep, parts.messaging)
    run_every_minute("MailSweepMinute", sweep)
    outcomes = parts.function("MailOutcomes", "notifications.outcomes", DatabaseRole.MAILER)
    _work_on(parts, outcomes, "mail-events")


def _work_on(parts: FeatureParts, function: FeatureFunction, queue: str) -> None:
    """Call a function for what is in a queue."""
    function.add_event_source(
        sources.SqsEventSource(
            parts.messaging.queues[queue], batch_size=10, report_batch_item_failures=True
        )
    )
    acknowledge(
        function,
        "LambdaEventSourceMappingDestination",
        "a queue's own dead letters are where failures go",
        pack="Serverless",
    )
