"""Connections of creators to their platforms, and what platforms push."""

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_

from stacks.acknowledge import acknowledge
from stacks.database import DatabaseRole
from stacks.feature_parts import FeatureParts
from stacks.permissions import calls, keys, queues

_PATIENCE = Duration.seconds(30)
_BATCH = 10
# A platform may push a burst; the database has other callers.
_CONSUMERS = 5
_PUBLIC = ("/api/webhooks/platforms/{name}",)


def add_platforms(parts: FeatureParts) -> None:
    """Define the functions behind the connection routes of ``/api/of``, and of what is pushed."""
    platforms = parts.function("Platforms", "platforms")
    keys.write_creator_credentials(platforms, parts.data)
    keys.write_browser_sessions(platforms, parts.data)
    keys.seal_platform_webhooks(platforms, parts.settings, parts.data)
    queues.wake_lanes(platforms, parts.messaging)
    # Whatever no other feature has a route of its own for.
    parts.routes.serve(platforms, ["/api/of/{proxy+}"])
    _add_pushes(parts)


def _add_pushes(parts: FeatureParts) -> None:
    door = parts.function("PlatformWebhook", "platforms.webhook", DatabaseRole.INTAKE)
    keys.verify_platforms(door, parts.settings, parts.data)
    queues.queue_platform_events(door, parts.messaging)
    parts.routes.serve(door, _PUBLIC, method="POST", public=True)

    consumer = parts.function("PlatformEvents", "platforms.events", timeout=_PATIENCE)
    calls.nudge_outbox(consumer, parts.outbox_relay)
    queue = parts.messaging.queues["platform-webhooks"]
    queues.run_from(consumer, queue)
    queued = lambda_.EventSourceMapping(
        parts.scope,
        "PlatformEventsQueued",
        target=consumer,
        event_source_arn=queue.queue_arn,
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
