"""HTTP door of the content feature: wiring and routes, no rules."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.content import service
from functions.content.gateway import addresses
from functions.content.models import ContentItem
from functions.content.repository import PostgresContent
from huntaze.auth import Right, current_principal
from huntaze.db import Tenant, database
from huntaze.domain.media import MediaChanges, MediaDraft, MediaKind, Usage
from huntaze.http import PAGE_LIMIT, PAGE_LIMIT_MAX, Page, create_app, lambda_entry

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


handler = lambda_entry(app)
