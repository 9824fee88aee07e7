"""HTTP door of what is told live: wiring and routes, no rules."""

import secrets
from datetime import UTC, datetime
from typing import Annotated

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, Field

from functions.realtime import cursors, service
from functions.realtime.api.settings import ApiSettings
from functions.realtime.gateway import DynamoTickets
from functions.realtime.kinds import may_see
from functions.realtime.models import LiveEvent, Ticket, Viewer
from functions.realtime.repository import PostgresJournal
from functions.realtime.settings import ConnectionSettings
from huntaze.auth import Principal, Right, current_principal
from huntaze.db import EVERY_MEMBER, Tenant, database
from huntaze.http import PAGE_LIMIT, PAGE_LIMIT_MAX, create_app, lambda_entry
from huntaze.settings import load

app = create_app()

_SECRET_BYTES = 32


class LiveTicket(BaseModel):
    """What opens one connection."""

    ticket: str = Field(description="Good once, for `GET url?ticket=…` as a WebSocket.")
    url: str = Field(description="Where to connect.")
    expires_at: datetime
    cursor: str = Field(
        description="The end of what has happened so far; who has no cursor resumes from here."
    )


class LiveEvents(BaseModel):
    """What has happened after a cursor."""

    items: list[LiveEvent]
    next_cursor: str = Field(description="For the next call, whether or not there is more now.")
    more: bool = Field(description="Whether there is more already.")


def member(request: Request) -> Principal:
    """The member who calls."""
    caller = current_principal(request)
    caller.require(Right.READ)
    return caller


def origin_of(request: Request) -> str | None:
    """The page that asks, one of ours; None is a program.

    Raises:
        ForbiddenError: It is another's page.
    """
    origin: str | None = request.resolved_event.headers.get("origin")
    service.check_origin(origin, load(ApiSettings).allowed_origins)
    return origin


# Plain names: Powertools does not look behind a `type` statement.
Member = Annotated[Principal, Depends(member)]
Origin = Annotated[str | None, Depends(origin_of)]


@app.post("/api/realtime/ticket", tags=["realtime"])
def create_ticket(caller: Member, origin: Origin) -> LiveTicket:
    """Get a ticket that opens one WebSocket connection within 30 seconds."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    expires_at = datetime.now(UTC).replace(microsecond=0) + service.TICKET_LIFE
    ticket = Ticket(caller.workspace_id, caller.session_id, caller.user_id, origin, expires_at)
    DynamoTickets(load(ConnectionSettings).connections_table).keep(secret, ticket)
    return LiveTicket(
        ticket=secret,
        url=load(ApiSettings).realtime_url,
        expires_at=expires_at,
        cursor=cursors.write(_whole_journal(caller).head()),
    )


@app.get("/api/events", tags=["realtime"])
def list_events(
    caller: Member,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT,
) -> LiveEvents:
    """List what has happened after a cursor; without one, get the cursor of now.

    The same events as on the WebSocket, in the same order, with the same cursors.
    """
    whole = _whole_journal(caller)
    if cursor is None:
        return LiveEvents(items=[], next_cursor=cursors.write(whole.head()), more=False)
    place = cursors.read(cursor)
    tenant = Tenant(database(), caller.workspace_id, caller.creators, member=caller.user_id)
    stretch = PostgresJournal(tenant).read(place.position, limit)
    whole.require(place)
    creators = None if caller.creators is None else frozenset(caller.creators)
    viewer = Viewer(caller.user_id, caller.role, creators)
    return LiveEvents(
        items=[service.as_event(one) for one in stretch.entries if may_see(viewer, one)],
        next_cursor=cursors.write(stretch.end),
        more=stretch.more,
    )


def _whole_journal(caller: Principal) -> PostgresJournal:
    """The journal with what the caller may not see: places are of it, events are not shown."""
    return PostgresJournal(Tenant(database(), caller.workspace_id, member=EVERY_MEMBER))


# A ticket that was kept as a reply would be a secret in a table; another one costs nothing.
handler = lambda_entry(app, keeps_replies=False)
