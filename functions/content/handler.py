"""HTTP door of the content feature: wiring and routes, no rules."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.content.repository import PostgresContent
from huntaze.auth import Right, current_principal
from huntaze.db import Tenant, database
from huntaze.domain.media import Media, MediaDraft, MediaKind
from huntaze.http import PAGE_LIMIT, PAGE_LIMIT_MAX, Page, create_app, lambda_entry

app = create_app()


def _store(request: Request, right: Right) -> PostgresContent:
    principal = current_principal(request)
    principal.require(right)
    return PostgresContent(Tenant(database(), principal.workspace_id, principal.creators))


def content_store(request: Request) -> PostgresContent:
    """The caller's content; reading it is what every role may."""
    return _store(request, Right.READ)


def writable_content_store(request: Request) -> PostgresContent:
    """The caller's content, for one who decides what is offered."""
    return _store(request, Right.WRITE_CAMPAIGNS)


@app.get("/api/content", tags=["content"])
def list_content(
    store: Annotated[PostgresContent, Depends(content_store)],
    creator_id: UUID | None = None,
    kind: MediaKind | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[Media]:
    """List a creator's media, newest first."""
    return store.page(creator_id, kind, limit=limit, cursor=cursor)


@app.post("/api/content", status_code=HTTPStatus.CREATED, tags=["content"])
def add_content(
    draft: MediaDraft, store: Annotated[PostgresContent, Depends(writable_content_store)]
) -> Media:
    """Make an item of the creator's vault on the platform known, so that it can be offered."""
    return store.add(draft)


@app.get("/api/content/<media_id>", tags=["content"])
def read_content(
    media_id: UUID, store: Annotated[PostgresContent, Depends(content_store)]
) -> Media:
    """Read an item."""
    return store.get(media_id)


@app.delete("/api/content/<media_id>", status_code=HTTPStatus.NO_CONTENT, tags=["content"])
def delete_content(
    media_id: UUID, store: Annotated[PostgresContent, Depends(writable_content_store)]
) -> None:
    """Forget an item that was never offered; it stays on the platform."""
    store.delete(media_id)


handler = lambda_entry(app)
