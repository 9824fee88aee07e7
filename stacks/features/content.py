"""The media library, and the work at what is uploaded into it."""

from aws_cdk import aws_lambda as lambda_

from stacks import permissions
from stacks.acknowledge import acknowledge
from stacks.feature_parts import FeatureParts, below, run_every_minute
from stacks.messaging import LONG_TIME
from stacks.step_machine import Machine

# Each unpacks a picture in its memory or passes a video through.
_RUNS_AT_ONCE = 10


def add_content(parts: FeatureParts) -> None:
    """Define the function behind ``/api/content``, and the one that looks at files."""
    content = parts.function("Content", "content")
    permissions.show_media(content, parts.data)
    permissions.take_media_uploads(content, parts.data)
    permissions.wake_enrichment(content, parts.messaging)
    permissions.nudge_outbox(content, parts.outbox_relay)
    permissions.start_executions(content, parts.settings, Machine.PIPELINE)
    permissions.stop_executions(content, parts.settings, Machine.PIPELINE)
    parts.routes.serve(content, below("/api/content"))
    _add_files(parts)


def _add_files(parts: FeatureParts) -> None:
    files = parts.function(
        "ContentFiles",
        "content.files",
        heavy_packages=["pillow"],
        # Three copies of the largest picture fit, and it is one whole processor.
        memory_mb=1769,
        timeout=LONG_TIME,
    )
    permissions.keep_media(files, parts.data)
    permissions.wake_enrichment(files, parts.messaging)
    permissions.work_on_enrichment(files, parts.messaging)
    permissions.start_executions(files, parts.settings, Machine.PIPELINE)
    runs = lambda_.EventSourceMapping(
        parts.scope,
        "ContentFileRuns",
        target=files,
        event_source_arn=parts.messaging.queues["enrichment"].queue_arn,
        batch_size=1,
        max_concurrency=_RUNS_AT_ONCE,
    )
    acknowledge(
        runs,
        "LambdaEventSourceMappingDestination",
        "the queue itself has a dead-letter queue",
        pack="Serverless",
    )
    run_every_minute("ContentSweep", files)
