"""The routes of messages: wiring, no rules."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.conversations import service
from functions.conversations.callers import Caller, tenant_of
from functions.conversations.messages.models import (
    AddressedReply,
    FoundMessage,
    ReplyDraft,
    UnsendOrder,
)
from functions.conversations.messages.repository import PostgresMessages, Sought
from functions.conversations.models import DirectMessage, SendQueued
from functions.conversations.quick_replies.repository import PostgresQuickReplies
from functions.conversations.repository import PostgresOutbox
from huntaze.auth import Principal, Right
from huntaze.domain.conversations import Conversation
from huntaze.domain.conversations.threads import Thread
from huntaze.domain.outbound.wake import wake_soon
from huntaze.http import PAGE_LIMIT, PAGE_LIMIT_MAX, Page

# The library's constructor has no annotations.
router = Router()  # type: ignore[no-untyped-call]

Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)]


def _messages(caller: Principal, right: Right) -> PostgresMessages:
    return PostgresMessages(tenant_of(caller, right), caller.user_id)


@router.get("/api/crm/conversations/<conversation_id>/messages", tags=["conversations"])
@router.get("/api/of/threads/<conversation_id>", tags=["conversations"])
def list_messages(
    conversation_id: UUID, caller: Caller, limit: Limit = PAGE_LIMIT, cursor: str | None = None
) -> Thread:
    """Read a conversation, newest message first.

    The first page also names the replies that are no messages yet: waiting, being sent, refused or
    with an outcome that nobody knows. What came to nothing is named for thirty days.
    """
    store = _messages(caller, Right.READ)
    return store.thread(conversation_id, limit=limit, cursor=cursor)


@router.post(
    "/api/crm/conversations/<conversation_id>/messages",
    status_code=HTTPStatus.ACCEPTED,
    tags=["conversations"],
)
def reply(conversation_id: UUID, draft: ReplyDraft, caller: Caller) -> SendQueued:
    """Answer a fan; it goes before any campaign's message."""
    return _reply(conversation_id, draft, caller)


@router.post("/api/messages/reply", status_code=HTTPStatus.ACCEPTED, tags=["conversations"])
def reply_to(draft: AddressedReply, caller: Caller) -> SendQueued:
    """Answer a fan in the conversation that the body names."""
    return _reply(draft.conversation_id, draft, caller)


def _reply(conversation_id: UUID, draft: ReplyDraft, caller: Principal) -> SendQueued:
    tenant = tenant_of(caller, Right.REPLY)
    store = PostgresMessages(tenant, caller.user_id)
    conversation = store.conversation(conversation_id)
    seen = None
    if draft.message_id is not None:
        seen = store.platform_id(conversation_id, draft.message_id)
    text = draft.message
    if draft.quick_reply_id is not None:
        quick = PostgresQuickReplies(tenant, caller.user_id, caller.creators)
        text = quick.said_to(draft.quick_reply_id, conversation.fan.id)
    message = DirectMessage(
        creator_id=conversation.creator_id,
        fan_id=conversation.fan.id,
        message=text or "",
        price_cents=draft.price_cents,
        media_ids=draft.media_ids,
    )
    queued = service.send(
        conversation.creator_id,
        message,
        PostgresOutbox(tenant),
        author=caller.user_id,
        answers=seen,
    )
    wake_soon(conversation.creator_id)
    return queued


@router.post("/api/messages/<message_id>/read", tags=["conversations"])
def mark_read(message_id: UUID, caller: Caller) -> Conversation:
    """Mark a message, and all that the fan wrote before it, as read."""
    return _messages(caller, Right.REPLY).mark_read(message_id)


@router.post(
    "/api/messages/<message_id>/unsend", status_code=HTTPStatus.ACCEPTED, tags=["conversations"]
)
def unsend_message(message_id: UUID, caller: Caller) -> UnsendOrder:
    """Take a message back on the platform; ordering it again changes nothing."""
    creator_id, order = _messages(caller, Right.REPLY).unsend(message_id)
    wake_soon(creator_id)
    return order


@router.get("/api/messages/search", tags=["conversations"])
def search_messages(
    caller: Caller,
    q: Annotated[str, Query(max_length=200)] = "",
    creator_id: UUID | None = None,
    conversation_id: UUID | None = None,
    limit: Limit = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[FoundMessage]:
    """Find a creator's messages, or one conversation's, by their words, newest first.

    Case and accents do not matter. All words must be there; from three letters on, the beginning of
    a word is enough. Without a word nothing is found.
    """
    sought = Sought(q, creator_id, conversation_id)
    return _messages(caller, Right.READ).search(sought, limit=limit, cursor=cursor)
