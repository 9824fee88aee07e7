"""HTTP door of the content feature: wiring and routes, no rules."""

from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.content import service
from functions.content.gateway import addresses
from functions.content.models import ContentItem
from functions.content.pipelines.routes import router as pipelines
from functions.content.repository import PostgresContent
from functions.content.schedule import service as schedules
from functions.content.schedule.models import Calendar, Entry, EntryDraft
from functions.content.schedule.repository import PostgresSchedule
from huntaze.auth import Right, current_principal
from huntaze.db import Tenant, database
from huntaze.domain.fans.models import TimeZone
from huntaze.domain.media import MediaChanges, MediaDraft, MediaKind, Usage
from huntaze.http import PAGE_LIMIT, PAGE_LIMIT_MAX, Page, create_app, lambda_entry
from huntaze.ids import new_id

app = create_app()


def _store(request: Request, right: Right) -> PostgresContent:
    principal = current_principal(request)
    principal.require(right)
    tenant = Tenant(database(), principal.workspace_id, principal.creators)
    return PostgresContent(tenant, principal.user_id)


def content_store(request: Request) -> PostgresContent:
    """The caller's content; reading it is what every role may."""
    return _store(request, Right.READ)


def writable_content_store(request: Request) -> PostgresContent:
    """The caller's content, for one who decides what is offered."""
    return _store(request, Right.WRITE_CAMPAIGNS)


Content = Annotated[PostgresContent, Depends(content_store)]
WritableContent = Annotated[PostgresContent, Depends(writable_content_store)]


@app.get("/api/content", tags=["content"])
def list_content(
    store: Content,
    creator_id: UUID | None = None,
    kind: MediaKind | None = None,
    tag: Annotated[str | None, Query(max_length=60)] = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[ContentItem]:
    """List a creator's content, newest first.

    ``q`` finds items that have all its words in their title, body or tags: words that begin so, or,
    where there are none, words that are a typo or two away.
    """
    page = store.page(creator_id, kind=kind, tag=tag, search=q, limit=limit, cursor=cursor)
    return service.shown_page(page, addresses(), now=datetime.now(UTC))


@app.post("/api/content", status_code=HTTPStatus.CREATED, tags=["content"])
def add_content(draft: MediaDraft, store: WritableContent) -> ContentItem:
    """Keep a text, or make an item of the creator's vault on the platform known."""
    return service.shown(store.add(draft), addresses(), now=datetime.now(UTC))


@app.get("/api/content/<media_id>", tags=["content"])
def read_content(media_id: UUID, store: Content) -> ContentItem:
    """Read an item, with addresses of its file that end after an hour or two."""
    return service.shown(store.get(media_id), addresses(), now=datetime.now(UTC))


@app.patch("/api/content/<media_id>", tags=["content"])
def change_content(media_id: UUID, changes: MediaChanges, store: WritableContent) -> ContentItem:
    """Change an item; what fans were offered stays the same thing in the vault."""
    return service.shown(store.change(media_id, changes), addresses(), now=datetime.now(UTC))


@app.get("/api/content/<media_id>/usage", tags=["content"])
def read_content_usage(media_id: UUID, store: Content) -> Usage:
    """Read who was offered an item, and what it earned."""
    return store.usage(media_id)


@app.delete("/api/content/<media_id>", status_code=HTTPStatus.NO_CONTENT, tags=["content"])
def delete_content(media_id: UUID, store: WritableContent) -> None:
    """Take an item out of the library and its file out of the bucket.

    What still waits to be sent or published must end first. Who was offered the item is never
    offered it again, and the platform's vault keeps it.
    """
    store.delete(media_id)


def _schedule(request: Request, right: Right) -> PostgresSchedule:
    principal = current_principal(request)
    principal.require(right)
    tenant = Tenant(database(), principal.workspace_id, principal.creators)
    return PostgresSchedule(tenant, principal.user_id)


def schedule_store(request: Request) -> PostgresSchedule:
    """The caller's schedules; reading them is what every role may."""
    return _schedule(request, Right.READ)


def writable_schedule_store(request: Request) -> PostgresSchedule:
    """The caller's schedules, for one who decides what is offered."""
    return _schedule(request, Right.WRITE_CAMPAIGNS)


@app.get("/api/content/schedule", tags=["content"])
def read_schedule(
    store: Annotated[PostgresSchedule, Depends(schedule_store)],
    creator_id: UUID | None = None,
    first: date | None = None,
    days: Annotated[int, Query(ge=1, le=schedules.MAX_DAYS)] = 31,
    time_zone: TimeZone = "UTC",
) -> Calendar:
    """Read a calendar of days as a time zone has them, from ``first`` on, else from today."""
    return schedules.calendar(
        store,
        creator_id=creator_id,
        first=first or datetime.now(ZoneInfo(time_zone)).date(),
        days=days,
        time_zone=time_zone,
    )


@app.post("/api/content/schedule", status_code=HTTPStatus.CREATED, tags=["content"])
def schedule_content(
    draft: EntryDraft, store: Annotated[PostgresSchedule, Depends(writable_schedule_store)]
) -> Entry:
    """Put an item into the calendar, at a time of the clocks of a zone.

    When the moment comes, within a minute or two, the entry becomes ``due`` and the event
    ``content.due`` leaves. Nothing is published by itself: a person does that, or a campaign.
    """
    return schedules.schedule(draft, store, entry_id=new_id(), now=datetime.now(UTC))


@app.delete("/api/content/schedule/<entry_id>", status_code=HTTPStatus.NO_CONTENT, tags=["content"])
def unschedule_content(
    entry_id: UUID, store: Annotated[PostgresSchedule, Depends(writable_schedule_store)]
) -> None:
    """Take an entry out of the calendar before its moment has come."""
    store.remove(entry_id)


app.include_router(pipelines, prefix="/api/content/pipelines")

handler = lambda_entry(app)
