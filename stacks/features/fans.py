"""Fans, their transactions and lists, imports and exports."""

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_

from stacks.acknowledge import acknowledge
from stacks.feature_parts import FeatureParts, below, run_every_minute
from stacks.messaging import RUN_TIME
from stacks.permissions import files, queues

# Each run holds a connection and writes as fast as the database takes it.
_RUNS_AT_ONCE = 10


def add_fans(parts: FeatureParts) -> None:
    """Define the function behind ``/api/crm/fans`` and its neighbours, and the one that imports."""
    fans = parts.function("Fans", "fans", timeout=Duration.seconds(60))
    files.take_import_uploads(fans, parts.data)
    queues.wake_imports(fans, parts.messaging)
    queues.wake_erasures(fans, parts.messaging)
    parts.routes.serve(
        fans,
        below(
            "/api/crm/fans",
            "/api/crm/transactions",
            "/api/crm/lists",
            "/api/onlyfans/subscribers",
        ),
    )
    _add_imports(parts)


def _add_imports(parts: FeatureParts) -> None:
    imports = parts.function(
        "Imports",
        "fans.imports",
        # One whole processor: reading a file is what keeps it busy.
        memory_mb=1769,
        timeout=RUN_TIME,
    )
    files.read_import_uploads(imports, parts.data)
    queues.wake_imports(imports, parts.messaging)
    queues.run_from(imports, parts.messaging.imports)
    runs = lambda_.EventSourceMapping(
        parts.scope,
        "ImportRuns",
        target=imports,
        event_source_arn=parts.messaging.imports.queue_arn,
        batch_size=1,
        max_concurrency=_RUNS_AT_ONCE,
    )
    acknowledge(
        runs,
        "LambdaEventSourceMappingDestination",
        "the queue itself has a dead-letter queue",
        pack="Serverless",
    )
    run_every_minute("ImportSweep", imports)
