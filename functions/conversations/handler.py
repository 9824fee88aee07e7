"""HTTP door of conversations: wiring and routes, no rules."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.depends import Depends

from functions.conversations import service
from functions.conversations.models import DirectMessage, Send, SendQueued
from functions.conversations.repository import PostgresOutbox
from huntaze.auth import Principal, Right, current_principal
from huntaze.db import Tenant, database
from huntaze.domain.creators import resolve_creator
from huntaze.domain.outbound.wake import wake_soon
from huntaze.http import create_app, lambda_entry

app = create_app()

Caller = Annotated[Principal, Depends(current_principal)]


@app.post("/api/of/send", status_code=HTTPStatus.ACCEPTED, tags=["conversations"])
def send_message(message: DirectMessage, caller: Caller) -> SendQueued:
    """Send a message to one fan; it goes before any campaign's."""
    caller.require(Right.REPLY)
    tenant = Tenant(database(), caller.workspace_id, caller.creators)
    with tenant.transaction() as connection:
        creator_id = resolve_creator(connection, message.creator_id)
    queued = service.send(creator_id, message, PostgresOutbox(tenant), author=caller.user_id)
    wake_soon(creator_id)
    return queued


@app.get("/api/of/send/<send_id>", tags=["conversations"])
def get_send(send_id: UUID, caller: Caller) -> Send:
    """Tell what has become of a direct message."""
    caller.require(Right.READ)
    tenant = Tenant(database(), caller.workspace_id, caller.creators)
    return PostgresOutbox(tenant).send(send_id)


handler = lambda_entry(app)
