"""HTTP door of the chatbot: wiring and routes, no rules."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.chatbot import service
from functions.chatbot.contexts import PostgresContexts, Wanted
from functions.chatbot.drafts import PostgresDrafts
from functions.chatbot.proof import PostgresProof
from functions.chatbot.releasing import Decision
from functions.chatbot.repository import PostgresConversations
from functions.chatbot.rules import PostgresRules
from functions.chatbot.shapes import (
    Activation,
    Approval,
    AutoReply,
    AutoReplyDraft,
    ChatbotConversation,
    ChatbotState,
    ContextChanges,
    Deactivation,
    DraftAnswer,
    DraftState,
    Edit,
    FanContext,
    HandOverNote,
    Rejection,
    ReplyDraft,
    Resolution,
    Reversion,
    Training,
)
from functions.chatbot.switches import PostgresSwitches
from functions.chatbot.training import PostgresStyles, Styles, StyleVersion
from huntaze import ai, outbox
from huntaze.auth import Principal, Right, current_principal
from huntaze.db import Tenant, database
from huntaze.domain.proofs import ProofLine
from huntaze.errors import ForbiddenError
from huntaze.http import PAGE_LIMIT, PAGE_LIMIT_MAX, Page, create_app, lambda_entry

app = create_app()

Caller = Annotated[Principal, Depends(current_principal)]
Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)]
_PATH = "/api/chatbot"
_ONE = f"{_PATH}/conversations/<conversation_id>"


def _tenant(caller: Principal, right: Right) -> Tenant:
    caller.require(right)
    return Tenant(database(), caller.workspace_id, caller.creators)


@app.get(f"{_PATH}/conversations", tags=["chatbot"])
def list_chatbot_conversations(
    caller: Caller,
    creator_id: UUID | None = None,
    wanted: Wanted | None = None,
    limit: Limit = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[ChatbotConversation]:
    """List conversations with their drafts and hand-overs; `wanted` keeps to those with one."""
    store = PostgresContexts(_tenant(caller, Right.READ))
    return store.page(creator_id, wanted, limit=limit, cursor=cursor)


@app.post(f"{_ONE}/draft", status_code=HTTPStatus.CREATED, tags=["chatbot"])
def draft_reply(conversation_id: UUID, caller: Caller) -> DraftAnswer:
    """Have a reply written to the fan's newest message; a person decides about it."""
    tenant = _tenant(caller, Right.REPLY)
    store = PostgresConversations(tenant)
    said = service.draft(conversation_id, store, ai.writer, by=caller.user_id)
    outbox.nudge()
    over = said.hand_over
    return DraftAnswer(
        draft=PostgresDrafts(tenant).get(said.draft_id) if said.draft_id else None,
        handed_over=HandOverNote(topic=over.topic, reasons=over.reasons) if over else None,
    )


@app.get(f"{_ONE}/context", tags=["chatbot"])
def read_fan_context(conversation_id: UUID, caller: Caller) -> FanContext:
    """Read what is known of the fan: a summary, and facts with the messages that say so."""
    return PostgresContexts(_tenant(caller, Right.READ)).get(conversation_id)


@app.patch(f"{_ONE}/context", tags=["chatbot"])
def change_fan_context(
    conversation_id: UUID, changes: ContextChanges, caller: Caller
) -> FanContext:
    """Write what a person knows better; no model writes over it."""
    store = PostgresContexts(_tenant(caller, Right.WRITE_FANS))
    return store.change(conversation_id, changes, by=caller.user_id)


@app.post(f"{_ONE}/resolve", tags=["chatbot"])
def resolve_hand_over(conversation_id: UUID, resolution: Resolution, caller: Caller) -> FanContext:
    """Say that a person has answered what was handed over; the chatbot goes on."""
    store = PostgresContexts(_tenant(caller, Right.REPLY))
    return store.resolve(conversation_id, by=caller.user_id, satisfaction=resolution.satisfaction)


@app.get(f"{_PATH}/drafts", tags=["chatbot"])
def list_reply_drafts(
    caller: Caller,
    creator_id: UUID | None = None,
    conversation_id: UUID | None = None,
    state: DraftState | None = None,
    limit: Limit = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[ReplyDraft]:
    """List drafts of replies and what became of them, newest first."""
    store = PostgresDrafts(_tenant(caller, Right.READ))
    return store.page(creator_id, conversation_id, state, limit=limit, cursor=cursor)


@app.post(f"{_PATH}/drafts/<reply_id>/approve", tags=["chatbot"])
def approve_reply(reply_id: UUID, approval: Approval, caller: Caller) -> ReplyDraft:
    """Send a draft as it is, unless the conversation has moved on."""
    store = PostgresDrafts(_tenant(caller, Right.REPLY))
    return store.approve(reply_id, Decision(caller.user_id, disclose=approval.disclose))


@app.post(f"{_PATH}/drafts/<reply_id>/edit", tags=["chatbot"])
def edit_reply(reply_id: UUID, edit: Edit, caller: Caller) -> ReplyDraft:
    """Send something else in a draft's place; it passes the rules again."""
    store = PostgresDrafts(_tenant(caller, Right.REPLY))
    return store.approve(reply_id, Decision(caller.user_id, edit.text, edit.disclose))


@app.post(f"{_PATH}/drafts/<reply_id>/reject", tags=["chatbot"])
def reject_reply(reply_id: UUID, rejection: Rejection, caller: Caller) -> ReplyDraft:
    """Do not send a draft."""
    store = PostgresDrafts(_tenant(caller, Right.REPLY))
    return store.reject(reply_id, by=caller.user_id, why=rejection.why)


@app.get(f"{_PATH}/auto-reply", tags=["chatbot"])
def list_auto_replies(
    caller: Caller,
    creator_id: UUID | None = None,
    limit: Limit = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[AutoReply]:
    """List a creator's answers that are written beforehand, newest first."""
    store = PostgresRules(_tenant(caller, Right.READ), caller.user_id)
    return store.page(creator_id, limit=limit, cursor=cursor)


# What it says goes out without another look: whoever writes it must be one who may approve.
@app.post(f"{_PATH}/auto-reply", status_code=HTTPStatus.CREATED, tags=["chatbot"])
def create_auto_reply(draft: AutoReplyDraft, caller: Caller) -> AutoReply:
    """Write an answer beforehand, and say when it is given."""
    return PostgresRules(_tenant(caller, Right.APPROVE), caller.user_id).add(draft)


@app.get(f"{_PATH}/auto-reply/<rule_id>", tags=["chatbot"])
def read_auto_reply(rule_id: UUID, caller: Caller) -> AutoReply:
    """Read an answer that is written beforehand."""
    return PostgresRules(_tenant(caller, Right.READ), caller.user_id).get(rule_id)


@app.put(f"{_PATH}/auto-reply/<rule_id>", tags=["chatbot"])
def replace_auto_reply(rule_id: UUID, draft: AutoReplyDraft, caller: Caller) -> AutoReply:
    """Write an answer anew; what waits to be sent of the old one is cancelled."""
    return PostgresRules(_tenant(caller, Right.APPROVE), caller.user_id).replace(rule_id, draft)


@app.delete(f"{_PATH}/auto-reply/<rule_id>", status_code=HTTPStatus.NO_CONTENT, tags=["chatbot"])
def delete_auto_reply(rule_id: UUID, caller: Caller) -> None:
    """Delete an answer; what waits to be sent of it is cancelled."""
    PostgresRules(_tenant(caller, Right.APPROVE), caller.user_id).delete(rule_id)


@app.get(f"{_PATH}/state", tags=["chatbot"])
def read_chatbot_state(caller: Caller, creator_id: UUID | None = None) -> ChatbotState:
    """Tell for whom the chatbot works, and how."""
    return PostgresSwitches(_tenant(caller, Right.READ), caller.user_id).state(creator_id)


@app.post(f"{_PATH}/activate", tags=["chatbot"])
def activate_chatbot(wanted: Activation, caller: Caller) -> ChatbotState:
    """Turn the chatbot on for a creator, or for the replies to one campaign."""
    store = PostgresSwitches(_tenant(caller, Right.APPROVE), caller.user_id)
    return store.activate(wanted)


@app.post(f"{_PATH}/deactivate", tags=["chatbot"])
def deactivate_chatbot(wanted: Deactivation, caller: Caller) -> ChatbotState:
    """Turn the chatbot off; what it would have sent by itself is cancelled."""
    store = PostgresSwitches(_tenant(caller, Right.APPROVE), caller.user_id)
    return store.deactivate(wanted)


@app.post(f"{_PATH}/train", status_code=HTTPStatus.CREATED, tags=["chatbot"])
def train_style(wanted: Training, caller: Caller) -> StyleVersion:
    """Count the creator's style from their own messages anew, and use it."""
    store = PostgresStyles(_tenant(caller, Right.APPROVE), caller.user_id)
    return store.train(wanted.creator_id)


@app.get(f"{_PATH}/style", tags=["chatbot"])
def list_styles(caller: Caller, creator_id: UUID | None = None) -> Styles:
    """List the versions of a creator's style, newest first, and say which is in use."""
    return PostgresStyles(_tenant(caller, Right.READ), caller.user_id).versions(creator_id)


@app.post(f"{_PATH}/style/revert", tags=["chatbot"])
def revert_style(wanted: Reversion, caller: Caller) -> Styles:
    """Use another version of a creator's style, or none."""
    store = PostgresStyles(_tenant(caller, Right.APPROVE), caller.user_id)
    return store.revert(wanted.creator_id, wanted.version)


@app.get(f"{_PATH}/proof", tags=["chatbot"])
def read_proof(
    caller: Caller, limit: Limit = PAGE_LIMIT, cursor: str | None = None
) -> Page[ProofLine]:
    """Export who let which words go, oldest first, for `python -m operations.proof`."""
    caller.require(Right.MANAGE)
    if caller.creators is not None:
        raise ForbiddenError("The log is of all creators; ask an owner, you work for some only.")
    tenant = Tenant(database(), caller.workspace_id, caller.creators)
    return PostgresProof(tenant).page(limit=limit, cursor=cursor)


handler = lambda_entry(app)
