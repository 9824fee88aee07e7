"""Uploads into the media library, and the work at their files."""

from aws_cdk import aws_lambda as lambda_

from stacks.acknowledge import acknowledge
from stacks.feature_parts import FeatureParts, below, run_every_minute
from stacks.messaging import LONG_TIME
from stacks.permissions import files, queues

# Each unpacks a picture in its memory or passes a video through.
_RUNS_AT_ONCE = 10


def add_uploads(parts: FeatureParts) -> None:
    """Define the function behind ``/api/content/uploads``, and the one that looks at files."""
    uploads = parts.function("Uploads", "uploads.api")
    files.take_media_uploads(uploads, parts.data)
    queues.wake_enrichment(uploads, parts.messaging)
    parts.routes.serve(uploads, below("/api/content/uploads"))
    _add_runs(parts)


def _add_runs(parts: FeatureParts) -> None:
    runs = parts.function(
        "UploadRuns",
        "uploads.runs",
        heavy_packages=["pillow"],
        # Three copies of the largest picture fit, and it is one whole processor.
        memory_mb=1769,
        timeout=LONG_TIME,
    )
    files.keep_media(runs, parts.data)
    queues.wake_enrichment(runs, parts.messaging)
    queues.run_from(runs, parts.messaging.queues["enrichment"])
    queued = lambda_.EventSourceMapping(
        parts.scope,
        "QueuedUploadRuns",
        target=runs,
        event_source_arn=parts.messaging.queues["enrichment"].queue_arn,
        batch_size=1,
        max_concurrency=_RUNS_AT_ONCE,
    )
    acknowledge(
        queued,
        "LambdaEventSourceMappingDestination",
        "the queue itself has a dead-letter queue",
        pack="Serverless",
    )
    run_every_minute("UploadSweep", runs)
