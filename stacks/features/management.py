"""Creators, members and settings of a workspace; its exports, and its erasure."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from stacks.acknowledge import acknowledge
from stacks.database import DatabaseRole
from stacks.feature_function import FeatureFunction
from stacks.feature_parts import FeatureParts, run_regularly
from stacks.messaging import RUN_TIME
from stacks.permissions import calls, erasure, files, queues, tables

# Lambda asks for two at least; a run reads or deletes as fast as the database lets it.
_RUNS_AT_ONCE = 2
# Nobody waits for what they find: a message that was lost, an erasure that had to wait.
_SWEEPS = events.Schedule.rate(Duration.minutes(5))


def add_management(parts: FeatureParts) -> None:
    """Define the function behind ``/api/management``, and those that export and erase."""
    management = parts.function("Management", "management")
    if parts.settings.lane_limits is not None:
        management.add_environment("LANE_LIMITS", parts.settings.lane_limits)
    calls.nudge_outbox(management, parts.outbox_relay)
    queues.queue_mails(management, parts.messaging)
    files.give_exports_away(management, parts.data)
    queues.wake_exports(management, parts.messaging)
    queues.wake_erasures(management, parts.messaging)
    parts.routes.serve(management, ["/api/management/{proxy+}"])
    _add_exports(parts)
    _add_erasures(parts)


def _add_exports(parts: FeatureParts) -> None:
    exports = parts.function("Exports", "management.exports", memory_mb=1024, timeout=RUN_TIME)
    files.write_exports(exports, parts.data)
    files.list_what_exports_name(exports, parts.data)
    queues.queue_mails(exports, parts.messaging)
    queues.wake_exports(exports, parts.messaging)
    _run_from(parts, exports, "ExportRuns", parts.messaging.exports)
    run_regularly("ExportSweep", exports, _SWEEPS)


def _add_erasures(parts: FeatureParts) -> None:
    erasures = parts.function(
        "Erasures", "management.erasures", DatabaseRole.ERASER, timeout=RUN_TIME
    )
    erasure.erase_stores(erasures, parts.settings, parts.data)
    tables.change_flags(erasures, parts.data)
    queues.wake_erasures(erasures, parts.messaging)
    _run_from(parts, erasures, "ErasureRuns", parts.messaging.erasures)
    run_regularly("ErasureSweep", erasures, _SWEEPS)


def _run_from(
    parts: FeatureParts, function: FeatureFunction, construct_id: str, queue: sqs.IQueue
) -> None:
    queues.run_from(function, queue)
    runs = lambda_.EventSourceMapping(
        parts.scope,
        construct_id,
        target=function,
        event_source_arn=queue.queue_arn,
        batch_size=1,
        max_concurrency=_RUNS_AT_ONCE,
    )
    acknowledge(
        runs,
        "LambdaEventSourceMappingDestination",
        "the queue itself has a dead-letter queue",
        pack="Serverless",
    )
