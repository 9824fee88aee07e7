"""HTTP door of platform connections: wiring and routes, no rules."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.platforms import service
from functions.platforms.models import (
    CodeRequest,
    ConnectionStatus,
    ConnectRequest,
    CreatorChoice,
    Order,
    SessionRequest,
    SyncOrders,
    WebhookRequest,
    WebhookStatus,
)
from functions.platforms.repository import PostgresConnections
from huntaze.auth import Principal, Right, current_principal
from huntaze.db import Tenant, database
from huntaze.domain import connections
from huntaze.domain.connections.secrets import (
    CreatorSecrets,
    CredentialSettings,
    SessionSettings,
)
from huntaze.domain.creators import resolve_creator
from huntaze.domain.outbound.wake import wake_soon
from huntaze.http import create_app, lambda_entry
from huntaze.settings import load

app = create_app()

Caller = Annotated[Principal, Depends(current_principal)]


def _creator(caller: Principal, tenant: Tenant, creator_id: UUID | None) -> UUID:
    caller.require(Right.CONNECT)
    with tenant.transaction() as connection:
        return resolve_creator(connection, creator_id)


def _tenant(caller: Principal) -> Tenant:
    return Tenant(database(), caller.workspace_id, caller.creators)


def _secrets(caller: Principal) -> CreatorSecrets:
    return CreatorSecrets(load(CredentialSettings), load(SessionSettings), caller.workspace_id)


@app.post("/api/of/connect", status_code=HTTPStatus.ACCEPTED, tags=["platforms"])
def connect(request: ConnectRequest, caller: Caller) -> Order:
    """Connect a creator's account: keep the credentials sealed and log in."""
    tenant = _tenant(caller)
    creator_id = _creator(caller, tenant, request.creator_id)
    command_id = connections.connect(
        tenant, _secrets(caller).credentials, creator_id, request, by=caller.user_id
    )
    wake_soon(creator_id)
    return Order(command_id=command_id)


@app.post("/api/of/connect/code", status_code=HTTPStatus.ACCEPTED, tags=["platforms"])
def enter_code(request: CodeRequest, caller: Caller) -> Order:
    """Go on with a login for which the platform has sent a code."""
    tenant = _tenant(caller)
    creator_id = _creator(caller, tenant, request.creator_id)
    command_id = service.enter_code(
        creator_id, request, PostgresConnections(tenant), _secrets(caller), by=caller.user_id
    )
    wake_soon(creator_id)
    return Order(command_id=command_id)


@app.post("/api/of/session", tags=["platforms"])
def bring_session(request: SessionRequest, caller: Caller) -> ConnectionStatus:
    """Use a session that the creator has made in a browser of their own."""
    tenant = _tenant(caller)
    creator_id = _creator(caller, tenant, request.creator_id)
    status = service.bring_session(
        creator_id, request, PostgresConnections(tenant), _secrets(caller), by=caller.user_id
    )
    wake_soon(creator_id)
    return status


@app.post("/api/of/resume", status_code=HTTPStatus.ACCEPTED, tags=["platforms"])
def resume(request: CreatorChoice, caller: Caller) -> Order:
    """Log in again and go on sending after a creator was stopped."""
    tenant = _tenant(caller)
    creator_id = _creator(caller, tenant, request.creator_id)
    command_id = service.resume(
        creator_id, PostgresConnections(tenant), _secrets(caller), by=caller.user_id
    )
    wake_soon(creator_id)
    return Order(command_id=command_id)


@app.post("/api/of/sync", status_code=HTTPStatus.ACCEPTED, tags=["platforms"])
def sync(request: CreatorChoice, caller: Caller) -> SyncOrders:
    """Read a creator's subscribers, earnings and chats anew from the platform.

    A sync that is under way already is the answer; how far it is stands in the connection's status.
    """
    tenant = _tenant(caller)
    creator_id = _creator(caller, tenant, request.creator_id)
    command_ids = service.sync(creator_id, PostgresConnections(tenant), by=caller.user_id)
    wake_soon(creator_id)
    return SyncOrders(command_ids=command_ids)


@app.post("/api/of/disconnect", tags=["platforms"])
def disconnect(request: CreatorChoice, caller: Caller) -> ConnectionStatus:
    """Stop a creator's sends and forget credentials and session."""
    tenant = _tenant(caller)
    creator_id = _creator(caller, tenant, request.creator_id)
    return service.disconnect(
        creator_id, PostgresConnections(tenant), _secrets(caller), by=caller.user_id
    )


@app.post("/api/of/webhook", tags=["platforms"])
def take_pushes(request: WebhookRequest, caller: Caller) -> WebhookStatus:
    """Take what a creator's platform pushes, signed with this secret.

    Another secret takes the place of the one before, which stays valid for a day.
    """
    tenant = _tenant(caller)
    creator_id = _creator(caller, tenant, request.creator_id)
    return service.take_pushes(
        creator_id,
        request.secret.get_secret_value(),
        PostgresConnections(tenant),
        _secrets(caller),
        by=caller.user_id,
    )


@app.get("/api/of/webhook", tags=["platforms"])
def webhook(caller: Caller, creator_id: Annotated[UUID | None, Query()] = None) -> WebhookStatus:
    """Tell where a creator's platform pushes what happens, and when it last did."""
    tenant = _tenant(caller)
    return service.webhook(_creator(caller, tenant, creator_id), PostgresConnections(tenant))


@app.delete("/api/of/webhook", status_code=HTTPStatus.NO_CONTENT, tags=["platforms"])
def end_pushes(caller: Caller, creator_id: Annotated[UUID | None, Query()] = None) -> None:
    """Take nothing more that a creator's platform pushes; both secrets end at once."""
    tenant = _tenant(caller)
    resolved = _creator(caller, tenant, creator_id)
    PostgresConnections(tenant).end_pushes(resolved, by=caller.user_id)


@app.get("/api/of/status", tags=["platforms"])
def connection_status(
    caller: Caller, creator_id: Annotated[UUID | None, Query()] = None
) -> ConnectionStatus:
    """Tell how a creator's connection is, and why it stands still if it does."""
    caller.require(Right.READ)
    tenant = _tenant(caller)
    with tenant.transaction() as connection:
        resolved = resolve_creator(connection, creator_id)
    return PostgresConnections(tenant).status(resolved)


handler = lambda_entry(app)
