"""HTTP door of conversations: wiring and routes, no rules."""

from http import HTTPStatus
from uuid import UUID

from functions.conversations import service
from functions.conversations.callers import Caller, tenant_of
from functions.conversations.figures import routes as figures
from functions.conversations.inbox import routes as inbox
from functions.conversations.messages import routes as messages
from functions.conversations.models import DirectMessage, Send, SendQueued, SendSettled
from functions.conversations.quick_replies import routes as quick_replies
from functions.conversations.repository import PostgresOutbox
from huntaze.auth import Right
from huntaze.domain.creators import resolve_creator
from huntaze.domain.outbound.judging import Settlement
from huntaze.domain.outbound.wake import wake_soon
from huntaze.http import create_app, lambda_entry

app = create_app()
app.include_router(figures.router)
app.include_router(inbox.router)
app.include_router(messages.router)
app.include_router(quick_replies.router)


@app.post("/api/of/send", status_code=HTTPStatus.ACCEPTED, tags=["conversations"])
def send_message(message: DirectMessage, caller: Caller) -> SendQueued:
    """Send a message to one fan; it goes before any campaign's."""
    tenant = tenant_of(caller, Right.REPLY)
    with tenant.transaction() as connection:
        creator_id = resolve_creator(connection, message.creator_id)
    queued = service.send(creator_id, message, PostgresOutbox(tenant), author=caller.user_id)
    wake_soon(creator_id)
    return queued


@app.get("/api/of/send/<send_id>", tags=["conversations"])
def get_send(send_id: UUID, caller: Caller) -> Send:
    """Tell what has become of a direct message."""
    return PostgresOutbox(tenant_of(caller, Right.READ)).send(send_id)


@app.delete("/api/of/send/<send_id>", tags=["conversations"])
def cancel_send(send_id: UUID, caller: Caller) -> Send:
    """Call a direct message back that still waits for its turn."""
    outbox = PostgresOutbox(tenant_of(caller, Right.REPLY))
    return service.cancel(send_id, outbox, by=caller.user_id)


@app.post("/api/of/send/<send_id>/settle", tags=["conversations"])
def settle_send(send_id: UUID, settlement: Settlement, caller: Caller) -> SendSettled:
    """Settle a direct message whose outcome is unknown: assume that it was sent, or send it again.

    A thread names such messages under `under_way`. Look into the chat before one is sent again: it
    may have arrived. A campaign's messages are settled among its recipients.
    """
    outbox = PostgresOutbox(tenant_of(caller, Right.REPLY))
    settled = outbox.settle_unknown(send_id, settlement, by=caller.user_id)
    if settled.new_send_id is not None:
        wake_soon(settled.send.creator_id)
    return settled


handler = lambda_entry(app)
