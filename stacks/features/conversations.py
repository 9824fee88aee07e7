"""Messages between fans and the people who answer them."""

from stacks.feature_parts import FeatureParts, below
from stacks.permissions import calls, queues


def add_conversations(parts: FeatureParts) -> None:
    """Define the function behind the inbox and single messages."""
    conversations = parts.function("Conversations", "conversations")
    queues.wake_lanes(conversations, parts.messaging)
    calls.nudge_outbox(conversations, parts.outbox_relay)
    parts.routes.serve(
        conversations,
        [
            *below("/api/of/send", "/api/of/inbox", "/api/of/threads"),
            *below("/api/crm/conversations", "/api/crm/quick-replies"),
            "/api/messages/{proxy+}",
        ],
    )
