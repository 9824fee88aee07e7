"""Conversations with fans and the messages in them; the one writer of their tables."""

from huntaze.domain.conversations.models import (
    Conversation,
    ConversationChanges,
    ConversationState,
    FanCard,
    Label,
    LastMessage,
    Note,
    NoteText,
    SeenMessage,
    Stored,
)
from huntaze.domain.conversations.storing import (
    NEWS,
    forget_fan,
    mark_paid,
    mark_unsent,
    record_sent,
    store,
)

__all__ = [
    "NEWS",
    "Conversation",
    "ConversationChanges",
    "ConversationState",
    "FanCard",
    "Label",
    "LastMessage",
    "Note",
    "NoteText",
    "SeenMessage",
    "Stored",
    "forget_fan",
    "mark_paid",
    "mark_unsent",
    "record_sent",
    "store",
]
