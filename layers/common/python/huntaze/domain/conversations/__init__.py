"""Conversations with fans and the messages in them; the one writer of their tables."""

from huntaze.domain.conversations.gaps import (
    ListedChat,
    SeenPage,
    ThreadToRead,
    give_up,
    next_thread,
    note_listed,
    put_off,
    seen_while_sending,
    take_page,
)
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
from huntaze.domain.conversations.standing import NEWS, revalue
from huntaze.domain.conversations.storing import (
    forget_fan,
    mark_paid,
    mark_unsent,
    record_sent,
    store,
)
from huntaze.domain.conversations.telling import correct, note_opened, note_taken_back

__all__ = [
    "NEWS",
    "Conversation",
    "ConversationChanges",
    "ConversationState",
    "FanCard",
    "Label",
    "LastMessage",
    "ListedChat",
    "Note",
    "NoteText",
    "SeenMessage",
    "SeenPage",
    "Stored",
    "ThreadToRead",
    "correct",
    "forget_fan",
    "give_up",
    "mark_paid",
    "mark_unsent",
    "next_thread",
    "note_listed",
    "note_opened",
    "note_taken_back",
    "put_off",
    "record_sent",
    "revalue",
    "seen_while_sending",
    "store",
    "take_page",
]
