"""HTTP door of the segments feature: wiring and routes, no rules."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.segments.models import Preview, PreviewRequest, Segment, SegmentDraft
from functions.segments.repository import PostgresSegments
from huntaze.auth import Right, current_principal
from huntaze.db import Tenant, database
from huntaze.domain.fans import Fan
from huntaze.http import PAGE_LIMIT, PAGE_LIMIT_MAX, Page, create_app, lambda_entry

app = create_app()

Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)]


def _store(request: Request, right: Right) -> PostgresSegments:
    principal = current_principal(request)
    principal.require(right)
    tenant = Tenant(database(), principal.workspace_id, principal.creators)
    return PostgresSegments(tenant, principal.user_id)


def segment_store(request: Request) -> PostgresSegments:
    """The caller's segments; asking is what every role may."""
    return _store(request, Right.READ)


def writable_segment_store(request: Request) -> PostgresSegments:
    """The caller's segments, for one who plans campaigns."""
    return _store(request, Right.WRITE_CAMPAIGNS)


Segments = Annotated[PostgresSegments, Depends(segment_store)]
WritableSegments = Annotated[PostgresSegments, Depends(writable_segment_store)]


@app.get("/api/marketing/segments", tags=["segments"])
def list_segments(
    store: Segments,
    creator_id: UUID | None = None,
    limit: Limit = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[Segment]:
    """List a creator's segments, newest first."""
    return store.page(creator_id, limit=limit, cursor=cursor)


@app.post("/api/marketing/segments", status_code=HTTPStatus.CREATED, tags=["segments"])
def create_segment(draft: SegmentDraft, store: WritableSegments) -> Segment:
    """Store rules under a name."""
    return store.add(draft)


@app.post("/api/marketing/segments/preview", tags=["segments"])
def preview_segment(request: PreviewRequest, store: Segments) -> Preview:
    """Count the fans that rules mean now, with the ten newest of them; nothing is stored."""
    return store.preview(request)


@app.get("/api/marketing/segments/<segment_id>", tags=["segments"])
def read_segment(segment_id: UUID, store: Segments) -> Segment:
    """Read a segment."""
    return store.get(segment_id)


@app.put("/api/marketing/segments/<segment_id>", tags=["segments"])
def replace_segment(segment_id: UUID, draft: SegmentDraft, store: WritableSegments) -> Segment:
    """Give a segment another name and other rules."""
    return store.replace(segment_id, draft)


@app.delete(
    "/api/marketing/segments/<segment_id>", status_code=HTTPStatus.NO_CONTENT, tags=["segments"]
)
def delete_segment(segment_id: UUID, store: WritableSegments) -> None:
    """Delete a segment that no campaign names."""
    store.delete(segment_id)


@app.get("/api/marketing/segments/<segment_id>/fans", tags=["segments"])
def list_segment_fans(
    segment_id: UUID, store: Segments, limit: Limit = PAGE_LIMIT, cursor: str | None = None
) -> Page[Fan]:
    """List the fans that a segment means now, newest first."""
    return store.fans(segment_id, limit=limit, cursor=cursor)


handler = lambda_entry(app)
