"""Conversations with fans and the messages in them; the one writer of their tables."""

from huntaze.domain.conversations.models import (
    ConversationState,
    SeenMessage,
    Stored,
)
from huntaze.domain.conversations.storing import (
    NEWS,
    forget_fan,
    mark_unsent,
    record_sent,
    store,
)

__all__ = [
    "NEWS",
    "ConversationState",
    "SeenMessage",
    "Stored",
    "forget_fan",
    "mark_unsent",
    "record_sent",
    "store",
]
