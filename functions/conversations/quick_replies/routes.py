"""The routes of quick replies: wiring, no rules."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel

from functions.conversations.callers import Caller, tenant_of
from functions.conversations.quick_replies.repository import PostgresQuickReplies
from huntaze.auth import Principal, Right
from huntaze.domain.conversations.quick_replies import QuickReply, QuickReplyDraft
from huntaze.http import PAGE_LIMIT, PAGE_LIMIT_MAX, Page

# The library's constructor has no annotations.
router = Router()  # type: ignore[no-untyped-call]


class FilledReply(BaseModel):
    """What a quick reply says to a fan."""

    text: str


def _store(caller: Principal, right: Right) -> PostgresQuickReplies:
    return PostgresQuickReplies(tenant_of(caller, right), caller.user_id, caller.creators)


@router.get("/api/crm/quick-replies", tags=["conversations"])
def list_quick_replies(
    caller: Caller,
    creator_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[QuickReply]:
    """List quick replies by name; of a creator: its own and those for every creator."""
    return _store(caller, Right.READ).page(creator_id, limit=limit, cursor=cursor)


@router.post("/api/crm/quick-replies", status_code=HTTPStatus.CREATED, tags=["conversations"])
def create_quick_reply(draft: QuickReplyDraft, caller: Caller) -> QuickReply:
    """Keep a text for replies.

    `{display_name|there}` and `{handle|there}` are filled from the fan; every placeholder needs
    what stands in its place where the fan has no name.
    """
    return _store(caller, Right.REPLY).add(draft)


@router.get("/api/crm/quick-replies/<quick_reply_id>", tags=["conversations"])
def read_quick_reply(quick_reply_id: UUID, caller: Caller) -> QuickReply:
    """Read a quick reply."""
    return _store(caller, Right.READ).get(quick_reply_id)


@router.put("/api/crm/quick-replies/<quick_reply_id>", tags=["conversations"])
def replace_quick_reply(quick_reply_id: UUID, draft: QuickReplyDraft, caller: Caller) -> QuickReply:
    """Put another text, another name or another reach in the place of a quick reply's."""
    return _store(caller, Right.REPLY).replace(quick_reply_id, draft)


@router.delete(
    "/api/crm/quick-replies/<quick_reply_id>",
    status_code=HTTPStatus.NO_CONTENT,
    tags=["conversations"],
)
def delete_quick_reply(quick_reply_id: UUID, caller: Caller) -> None:
    """Delete a quick reply; what was sent with it stays."""
    _store(caller, Right.REPLY).delete(quick_reply_id)


@router.get("/api/crm/quick-replies/<quick_reply_id>/text", tags=["conversations"])
def fill_quick_reply(
    quick_reply_id: UUID, caller: Caller, fan_id: UUID | None = None
) -> FilledReply:
    """Read what a quick reply says to a fan, for instance to change it before it is sent."""
    return FilledReply(text=_store(caller, Right.READ).said_to(quick_reply_id, fan_id))
