"""HTTP door of the assistant that answers questions: wiring and routes, no rules."""

import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Depends, Request

from functions.assistant.chat import service
from functions.assistant.chat.figures_repository import PostgresFigures
from functions.assistant.chat.models import Chat, Question, Reply
from functions.assistant.chat.repository import PostgresChats
from huntaze import ai
from huntaze.auth import RIGHTS, Principal, Right, current_principal
from huntaze.db import Tenant, database
from huntaze.http import create_app, lambda_entry

app = create_app()


def tenant_of(caller: Principal) -> Tenant:
    """What the caller may see: their creators, and what is their own."""
    return Tenant(database(), caller.workspace_id, caller.creators, member=caller.user_id)


def stored_chats(request: Request) -> PostgresChats:
    """The caller's own conversations."""
    caller = current_principal(request)
    books = Tenant(database(), caller.workspace_id)
    return PostgresChats(tenant_of(caller), caller.user_id, caller.creators, books=books)


def readable_figures(request: Request) -> PostgresFigures:
    """The figures that the caller may see."""
    caller = current_principal(request)
    manages = Right.MANAGE in RIGHTS[caller.role] and caller.creators is None
    return PostgresFigures(tenant_of(caller), sees_costs=manages)


def models() -> ai.Writer:
    """Who is asked."""
    return ai.writer()


Caller = Annotated[Principal, Depends(current_principal)]
Chats = Annotated[PostgresChats, Depends(stored_chats)]
Figures = Annotated[PostgresFigures, Depends(readable_figures)]
Models = Annotated[ai.Writer, Depends(models)]


@app.post("/api/ai/chat", status_code=HTTPStatus.CREATED, tags=["ai-chat"])
def ask_assistant(
    question: Question, caller: Caller, chats: Chats, figures: Figures, writer: Models
) -> Reply:
    """Answer a question about the business with the workspace's figures.

    Every number of the answer is a figure with an id, and `figures` says where it comes from. With
    the status `no_data` there is none that answers it; with `refused` no answer could be shown by
    figures. The assistant reads, under the caller's own rights, and changes nothing.
    """
    caller.require(Right.READ)
    return service.ask(
        question,
        chats,
        figures,
        writer,
        workspace_id=caller.workspace_id,
        now=datetime.now(UTC),
        clock=time.monotonic,
    )


@app.get("/api/ai/chat/<chat_id>", tags=["ai-chat"])
def read_assistant_chat(chat_id: UUID, caller: Caller, chats: Chats) -> Chat:
    """Read a conversation with the assistant; only who asked can."""
    caller.require(Right.READ)
    return chats.get(chat_id)


handler = lambda_entry(app)
