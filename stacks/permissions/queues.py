"""Who puts what into which queue, and who is called for it."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from stacks.messaging import Messaging
from stacks.permissions.grants import allow


def wake_lanes(function: lambda_.Function, messaging: Messaging) -> None:
    """Tell workers that a creator's lane has due work."""
    _put_into(function, messaging.lanes, "LANES_QUEUE_URL", messaging.send_actions)


def drain_lanes(role: iam.IGrantable, messaging: Messaging) -> None:
    """Take wake-ups, keep them while a lane drains, and give them back or delete them."""
    allow(
        role,
        ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"],
        [messaging.lanes.queue_arn],
    )


def come_back_later(function: lambda_.Function, messaging: Messaging) -> None:
    """Put what is to be told in a moment into the queue of what is told live."""
    _put_into(function, messaging.queues["realtime"], "REALTIME_QUEUE_URL")


def queue_mails(function: lambda_.Function, messaging: Messaging) -> None:
    """Tell the sender of mails which rows wait."""
    _put_into(function, messaging.queues["email"], "EMAIL_QUEUE_URL", messaging.send_actions)


def queue_webhooks(function: lambda_.Function, messaging: Messaging) -> None:
    """Queue what came in through a webhook."""
    _put_into(function, messaging.queues["webhooks"], "WEBHOOKS_QUEUE_URL")


def queue_platform_events(function: lambda_.Function, messaging: Messaging) -> None:
    """Queue what platforms have pushed."""
    _put_into(function, messaging.queues["platform-webhooks"], "PLATFORM_WEBHOOKS_QUEUE_URL")


def queue_replies(function: lambda_.Function, messaging: Messaging) -> None:
    """Queue messages of fans that had to wait for an answer."""
    _put_into(
        function,
        messaging.queues["ai-processing"],
        "AI_PROCESSING_QUEUE_URL",
        messaging.send_actions,
    )


def wake_exports(function: lambda_.Function, messaging: Messaging) -> None:
    """Let a run of an export begin."""
    _put_into(function, messaging.exports, "EXPORTS_QUEUE_URL")


def wake_erasures(function: lambda_.Function, messaging: Messaging) -> None:
    """Let a run of an erasure begin."""
    _put_into(function, messaging.erasures, "ERASURES_QUEUE_URL")


def run_from(function: lambda_.Function, queue: sqs.IQueue) -> None:
    """Be called for each message of a queue."""
    allow(
        function,
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        [queue.queue_arn],
    )


def wake_imports(function: lambda_.Function, messaging: Messaging) -> None:
    """Let a run of an import begin."""
    _put_into(function, messaging.imports, "IMPORTS_QUEUE_URL")


def wake_enrichment(function: lambda_.Function, messaging: Messaging) -> None:
    """Let the work at something of the library begin."""
    _put_into(function, messaging.queues["enrichment"], "ENRICHMENT_QUEUE_URL")


def _put_into(
    function: lambda_.Function,
    queue: sqs.IQueue,
    variable: str,
    actions: Sequence[str] = ("sqs:SendMessage",),
) -> None:
    function.add_environment(variable, queue.queue_url)
    allow(function, list(actions), [queue.queue_arn])
