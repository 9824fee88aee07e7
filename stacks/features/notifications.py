"""Mails."""

from aws_cdk import aws_lambda_event_sources as sources

from stacks import permissions
from stacks.acknowledge import acknowledge
from stacks.database import DatabaseRole
from stacks.feature_parts import FeatureParts, run_every_minute


def add_notifications(parts: FeatureParts) -> None:
    """Define the functions that send mails and find lost ones."""
    mailer = parts.function(
        "Mailer",
        "notifications.mailer",
        DatabaseRole.MAILER,
        environment={"APP_URL": parts.settings.app_url},
    )
    permissions.send_mails(mailer, parts.messaging, parts.settings)
    mailer.add_event_source(
        sources.SqsEventSource(
            parts.messaging.queues["email"], batch_size=10, report_batch_item_failures=True
        )
    )
    acknowledge(
        mailer,
        "LambdaEventSourceMappingDestination",
        "a queue's own dead letters are where failures go",
        pack="Serverless",
    )
    sweep = parts.function("MailSweep", "notifications.sweep", DatabaseRole.MAILER)
    permissions.queue_mails(sweep, parts.messaging)
    run_every_minute("MailSweepMinute", sweep)
