"""The chatbot: its routes, and the function that works on what fans write."""

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_

from stacks.acknowledge import acknowledge
from stacks.feature_parts import FeatureParts, below, run_every_minute
from stacks.permissions import calls, queues
from stacks.permissions.models import ask_models

# Each asks models; more at a time would only meet their limits.
_AT_ONCE = 10


def add_chatbot(parts: FeatureParts) -> None:
    """Define the function behind ``/api/chatbot``, and the one behind fans' messages."""
    api = parts.function("Chatbot", "chatbot.api", heavy_packages=["openai"])
    replies = parts.function(
        "ChatbotReplies",
        "chatbot.replies",
        heavy_packages=["openai"],
        timeout=Duration.seconds(60),
    )
    for function in (api, replies):
        ask_models(function, parts.settings, parts.data)
        queues.wake_lanes(function, parts.messaging)
        calls.nudge_outbox(function, parts.outbox_relay)
    parts.routes.serve(api, below("/api/chatbot"))
    queues.run_from(replies, parts.messaging.queues["ai-processing"])
    queues.queue_replies(replies, parts.messaging)
    batches = lambda_.EventSourceMapping(
        parts.scope,
        "ChatbotReplyBatches",
        target=replies,
        event_source_arn=parts.messaging.queues["ai-processing"].queue_arn,
        # A message asks three questions; a batch of several would have to wait for all of them.
        batch_size=1,
        max_concurrency=_AT_ONCE,
        report_batch_item_failures=True,
    )
    acknowledge(
        batches,
        "LambdaEventSourceMappingDestination",
        "the queue itself has a dead-letter queue",
        pack="Serverless",
    )
    run_every_minute("ChatbotSweepMinute", replies)
