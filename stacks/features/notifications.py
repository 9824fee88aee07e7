"""Mails."""

from aws_cdk import aws_lambda_event_sources as sources

from stacks import permissions
from stacks.acknowledge import acknowledge
from stacks.database import DatabaseRole
from stacks.feature_function import FeatureFunction
from stacks.feature_parts import FeatureParts, run_every_minute


def add_notifications(parts: FeatureParts) -> None:
    """Define the functions that send mails, find lost ones and learn what became of them."""
    mailer = parts.function(
        "Mailer",
        "notifications.mailer",
        DatabaseRole.MAILER,
        environment={"APP_URL": parts.settings.app_url},
    )
    permissions.send_mails(mailer, parts.messaging, parts.settings)
    _work_on(parts, mailer, "email")
    sweep = parts.function("MailSweep", "notifications.sweep", DatabaseRole.MAILER)
    permissions.queue_mails(sweep, parts.messaging)
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
