"""The routes of the inbox: wiring, no rules."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.conversations.callers import Caller, tenant_of
from functions.conversations.inbox import service
from functions.conversations.inbox.models import (
    Assigned,
    ConversationDraft,
    InboxFilter,
    NoteDraft,
    Notes,
)
from functions.conversations.inbox.repository import PostgresInbox
from huntaze.auth import Principal, Right
from huntaze.domain.conversations import (
    Conversation,
    ConversationChanges,
    ConversationState,
    Note,
)
from huntaze.domain.conversations.reading import Sort
from huntaze.http import PAGE_LIMIT, PAGE_LIMIT_MAX, Page

# The library's constructor has no annotations.
router = Router()  # type: ignore[no-untyped-call]


def _inbox(caller: Principal, right: Right) -> PostgresInbox:
    return PostgresInbox(tenant_of(caller, right), caller.user_id)


@router.get("/api/crm/conversations", tags=["conversations"])
@router.get("/api/of/inbox", tags=["conversations"])
@router.get("/api/of/threads", tags=["conversations"])
def list_conversations(
    caller: Caller,
    creator_id: UUID | None = None,
    state: ConversationState | None = None,
    assigned: Assigned | None = None,
    member_id: UUID | None = None,
    label: Annotated[str | None, Query(min_length=1, max_length=60)] = None,
    unread: bool | None = None,
    sort: Sort = Sort.NEWEST,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[Conversation]:
    """List a creator's conversations.

    `sort` is `newest` (message first), `to_answer` (who should be answered first: what is open and
    waits, the longest wait moved ahead by what the fan is worth) or `value` (who has paid most).
    `assigned` is about who looks after the fan: `me`, `nobody` or `somebody`; `member_id` names
    them. Hidden conversations are in no list.
    """
    which = InboxFilter(creator_id, state, assigned, member_id, label, unread)
    return _inbox(caller, Right.READ).page(which, sort, limit=limit, cursor=cursor)


@router.post("/api/crm/conversations", status_code=HTTPStatus.CREATED, tags=["conversations"])
def open_conversation(draft: ConversationDraft, caller: Caller) -> Conversation:
    """Open a conversation with a fan.

    A fan has one conversation: where there is one already, it is answered as it is, and shown again
    if it was hidden.
    """
    return _inbox(caller, Right.REPLY).open(draft)


@router.get("/api/crm/conversations/<conversation_id>", tags=["conversations"])
def read_conversation(conversation_id: UUID, caller: Caller) -> Conversation:
    """Read a conversation with the card of its fan."""
    return _inbox(caller, Right.READ).get(conversation_id)


@router.patch("/api/crm/conversations/<conversation_id>", tags=["conversations"])
def change_conversation(
    conversation_id: UUID, changes: ConversationChanges, caller: Caller
) -> Conversation:
    """Say where a conversation stands, who looks after the fan, and which labels it has.

    A snoozed one is open again within a minute of `snoozed_until`, and at once when the fan writes.
    Name the newest `message_id` that you have seen, so that nothing is put away that the fan writes
    meanwhile.
    """
    service.check_changes(changes, now=datetime.now(UTC))
    return _inbox(caller, Right.REPLY).change(conversation_id, changes)


@router.delete(
    "/api/crm/conversations/<conversation_id>",
    status_code=HTTPStatus.NO_CONTENT,
    tags=["conversations"],
)
def hide_conversation(
    conversation_id: UUID,
    caller: Caller,
    message_id: Annotated[
        UUID | None,
        Query(
            description="The newest message that you have seen: with a newer one of the fan's, or"
            " one that came since and is unread, the conversation stays, and the refusal is"
            " `MovedOn`."
        ),
    ] = None,
) -> None:
    """Close a conversation and hide it from all lists.

    Nothing that was said is deleted: the platform has it, too, and money and proofs refer to it.
    The conversation comes back when the fan writes, or when somebody opens it or changes its state.
    What is known of a fan is forgotten by erasing the fan.
    """
    _inbox(caller, Right.REPLY).hide(conversation_id, seen=message_id)


@router.get("/api/crm/conversations/<conversation_id>/notes", tags=["conversations"])
def list_notes(conversation_id: UUID, caller: Caller) -> Notes:
    """Read what members have put down about a conversation, newest first."""
    return Notes(items=_inbox(caller, Right.READ).notes(conversation_id))


@router.post(
    "/api/crm/conversations/<conversation_id>/notes",
    status_code=HTTPStatus.CREATED,
    tags=["conversations"],
)
def add_note(conversation_id: UUID, draft: NoteDraft, caller: Caller) -> Note:
    """Put a note on a conversation; the fan never sees it."""
    return _inbox(caller, Right.REPLY).add_note(conversation_id, draft.text)


@router.delete(
    "/api/crm/conversations/<conversation_id>/notes/<note_id>",
    status_code=HTTPStatus.NO_CONTENT,
    tags=["conversations"],
)
def delete_note(conversation_id: UUID, note_id: UUID, caller: Caller) -> None:
    """Delete a note."""
    _inbox(caller, Right.REPLY).delete_note(conversation_id, note_id)
