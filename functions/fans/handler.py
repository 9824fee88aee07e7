"""HTTP door of the fans feature: wiring and routes, no rules."""

import base64
import io
import json
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from aws_lambda_powertools.event_handler import Request, Response
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.openapi.types import (
    OpenAPIResponse,
    OpenAPIResponseContentModel,
    OpenAPIResponseContentSchema,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.fans import service
from functions.fans.imports.gateway import S3Files, wake
from functions.fans.imports.models import (
    ImportKind,
    ImportReport,
    ImportRequest,
    UploadDraft,
    UploadTicket,
    WakeUp,
)
from functions.fans.imports.repository import PostgresImports
from functions.fans.imports.service import (
    accept_upload,
    begin_upload,
    import_file,
    refuse_too_large,
)
from functions.fans.models import ListDraft, Members
from functions.fans.repository import FanFilter, PostgresFans
from huntaze.auth import Principal, Right, current_principal
from huntaze.db import Tenant, database, once_committed
from huntaze.domain.fans import NEWEST, VALUE, Fan, FanChanges, FanDraft, FanStatus
from huntaze.domain.fans.lists import FanList
from huntaze.domain.money import Transaction
from huntaze.domain.money.models import TransactionType
from huntaze.http import PAGE_LIMIT, PAGE_LIMIT_MAX, Page, create_app, lambda_entry
from huntaze.ids import new_id

app = create_app()

# Lambda answers with 6 MB at most.
_EXPORT_CHARACTERS = 4_000_000
_EXPORT_PAGE = 2000
# The gateway passes bodies of these types on byte for byte (stacks/rest_api.py).
RAW_FORMATS = {
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
}

_EXPORTED: dict[int, OpenAPIResponse] = {
    200: {"description": "The fans.", "content": {"text/csv": {"schema": {"type": "string"}}}}
}
_REPORT: dict[str, OpenAPIResponseContentSchema | OpenAPIResponseContentModel] = {
    "application/json": {"model": ImportReport}
}
_IMPORTED: dict[int, OpenAPIResponse] = {
    HTTPStatus.CREATED: {"description": "The file is imported.", "content": _REPORT},
    HTTPStatus.ACCEPTED: {"description": "The upload is being imported.", "content": _REPORT},
}

Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)]
Short = Annotated[str | None, Query(min_length=1, max_length=200)]


def _tenant(principal: Principal) -> Tenant:
    return Tenant(database(), principal.workspace_id, principal.creators)


def fan_store(request: Request) -> PostgresFans:
    """The caller's fans; reading them is what every role may."""
    principal = current_principal(request)
    principal.require(Right.READ)
    return PostgresFans(_tenant(principal), principal.user_id)


def writable_fan_store(request: Request) -> PostgresFans:
    """The caller's fans, for one who may change them."""
    principal = current_principal(request)
    principal.require(Right.WRITE_FANS)
    return PostgresFans(_tenant(principal), principal.user_id)


def erasable_fan_store(request: Request) -> PostgresFans:
    """The caller's fans, for one who may erase them."""
    principal = current_principal(request)
    principal.require(Right.ERASE_FANS)
    return PostgresFans(_tenant(principal), principal.user_id)


def import_store(request: Request) -> PostgresImports:
    """The caller's imports, for one who may import."""
    principal = current_principal(request)
    principal.require(Right.IMPORT)
    return PostgresImports(_tenant(principal), principal.user_id)


def workspace(request: Request) -> UUID:
    """The caller's workspace."""
    return current_principal(request).workspace_id


Fans = Annotated[PostgresFans, Depends(fan_store)]
WritableFans = Annotated[PostgresFans, Depends(writable_fan_store)]
ErasableFans = Annotated[PostgresFans, Depends(erasable_fan_store)]
Imports = Annotated[PostgresImports, Depends(import_store)]
Workspace = Annotated[UUID, Depends(workspace)]


@app.get("/api/crm/fans", tags=["fans"])
@app.get("/api/onlyfans/subscribers", tags=["fans"])
def list_fans(
    store: Fans,
    creator_id: UUID | None = None,
    status: FanStatus | None = None,
    tier: Short = None,
    tag: Short = None,
    list_id: Annotated[UUID | None, Query(alias="list")] = None,
    search: Short = None,
    sort: Literal["newest", "value"] = "newest",
    limit: Limit = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[Fan]:
    """List a creator's fans.

    `search` finds handles, display names and their last words whatever their case and accents:
    first those that are as typed (an e-mail address, too), then those that begin so, both in the
    list's order; then by name those with one typo (from 4 letters on) and with two (from 8 on).
    A page may be shorter than `limit` where the next of these parts begins.
    """
    which = FanFilter(creator_id, status, tier, tag, list_id, search)
    return store.page(which, VALUE if sort == "value" else NEWEST, limit=limit, cursor=cursor)


@app.get("/api/crm/fans/export", tags=["fans"], responses=_EXPORTED)
@app.get("/api/onlyfans/subscribers/export", tags=["fans"], responses=_EXPORTED)
def export_fans(
    store: Fans, creator_id: UUID | None = None, cursor: str | None = None
) -> Response[str]:
    """Export a creator's fans as CSV, safe to open in a spreadsheet, in the form of an import.

    An answer holds some 4 MB; what is left is under the cursor of the header `X-Next-Cursor`.
    """
    parts = [service.CSV_HEADER]
    size = 0
    while size < _EXPORT_CHARACTERS:
        page = store.page(FanFilter(creator_id), NEWEST, limit=_EXPORT_PAGE, cursor=cursor)
        parts.append(service.csv_lines(page.items))
        size += len(parts[-1])
        cursor = page.next_cursor
        if cursor is None:
            break
    headers: dict[str, str | list[str]] = {"Content-Disposition": 'attachment; filename="fans.csv"'}
    if cursor is not None:
        headers["X-Next-Cursor"] = cursor
    return Response(
        status_code=HTTPStatus.OK,
        content_type="text/csv; charset=utf-8",
        body="".join(parts),
        headers=headers,
    )


@app.post("/api/crm/fans", status_code=HTTPStatus.CREATED, tags=["fans"])
@app.post("/api/onlyfans/subscribers", status_code=HTTPStatus.CREATED, tags=["fans"])
def create_fan(draft: FanDraft, store: WritableFans) -> Fan:
    """Create a fan; without `platform_id` it is unmatched and nothing is sent to it."""
    return store.add(draft)


@app.post("/api/crm/fans/import", responses=_IMPORTED, tags=["fans"])
@app.post("/api/onlyfans/subscribers/import", responses=_IMPORTED, tags=["fans"])
def import_fans(
    request: ImportRequest, store: Imports, workspace_id: Workspace
) -> Response[ImportReport]:
    """Import fans from CSV or JSON lines: good rows are stored, the others reported.

    A file in the request is imported at once (201); an uploaded one, named by `upload_id`, goes on
    after the answer (202). The body may also be the file itself, as `text/csv` or
    `application/x-ndjson`, with `?creator_id=`.
    """
    return _import("fans", request, store, workspace_id)


@app.post("/api/crm/transactions/import", responses=_IMPORTED, tags=["fans"])
def import_transactions(
    request: ImportRequest, store: Imports, workspace_id: Workspace
) -> Response[ImportReport]:
    """Import transactions from CSV or JSON lines; a fan that nobody knows is created.

    A file in the request is imported at once (201); an uploaded one, named by `upload_id`, goes on
    after the answer (202). The body may also be the file itself, as `text/csv` or
    `application/x-ndjson`, with `?creator_id=`.
    """
    return _import("transactions", request, store, workspace_id)


def _import(
    kind: ImportKind, request: ImportRequest, store: PostgresImports, workspace_id: UUID
) -> Response[ImportReport]:
    if request.upload_id is None:
        refuse_too_large(request.data)
        report = import_file(
            kind,
            io.BytesIO(request.data),
            store,
            creator_id=request.creator_id,
            as_format=request.format,
        )
    else:
        report = accept_upload(kind, request.upload_id, request, store, S3Files())
        if report.status == "running":
            wake_up = WakeUp(
                workspace_id=workspace_id, creator_id=report.creator_id, import_id=report.id
            )
            # A run that comes before the commit finds no import.
            once_committed(partial(wake, wake_up))
    status = HTTPStatus.CREATED if request.upload_id is None else HTTPStatus.ACCEPTED
    return Response(status_code=status, content_type="application/json", body=report)


@app.post("/api/crm/fans/imports/uploads", status_code=HTTPStatus.CREATED, tags=["fans"])
@app.post(
    "/api/onlyfans/subscribers/imports/uploads", status_code=HTTPStatus.CREATED, tags=["fans"]
)
def begin_import_upload(draft: UploadDraft, store: Imports) -> UploadTicket:
    """Tell where to upload a large file of fans or transactions, of one creator.

    Post a form with the `fields` and, after them, the file as `file` to `url`; then import it by
    its `upload_id`.
    """
    return begin_upload(draft, store, S3Files(), upload_id=new_id(), now=datetime.now(UTC))


@app.get("/api/crm/fans/imports/<import_id>", tags=["fans"])
@app.get("/api/onlyfans/subscribers/imports/<import_id>", tags=["fans"])
def read_import(import_id: UUID, store: Imports) -> ImportReport:
    """Read what an import did, or how far it is."""
    return store.get(import_id)


@app.delete("/api/crm/fans/imports/<import_id>", status_code=HTTPStatus.NO_CONTENT, tags=["fans"])
@app.delete(
    "/api/onlyfans/subscribers/imports/<import_id>",
    status_code=HTTPStatus.NO_CONTENT,
    tags=["fans"],
)
def cancel_import(import_id: UUID, store: Imports) -> None:
    """Stop an import that is running; rows that are stored already stay."""
    store.cancel(import_id)


@app.get("/api/crm/fans/<fan_id>", tags=["fans"])
@app.get("/api/onlyfans/subscribers/<fan_id>", tags=["fans"])
def read_fan(fan_id: UUID, store: Fans) -> Fan:
    """Read a fan."""
    return store.get(fan_id)


@app.patch("/api/crm/fans/<fan_id>", tags=["fans"])
@app.patch("/api/onlyfans/subscribers/<fan_id>", tags=["fans"])
def change_fan(fan_id: UUID, changes: FanChanges, store: WritableFans) -> Fan:
    """Change a fan: fields left out stay, null empties, `tags` replaces all tags."""
    return store.change(fan_id, changes)


@app.delete("/api/crm/fans/<fan_id>", status_code=HTTPStatus.NO_CONTENT, tags=["fans"])
@app.delete("/api/onlyfans/subscribers/<fan_id>", status_code=HTTPStatus.NO_CONTENT, tags=["fans"])
def erase_fan(fan_id: UUID, store: ErasableFans) -> None:
    """Erase a fan: what is personal goes, money stays, and no import brings the person back.

    Owners and managers may: nothing takes it back.
    """
    store.erase(fan_id)


@app.post("/api/crm/fans/<fan_id>/suppress", tags=["fans"])
@app.post("/api/onlyfans/subscribers/<fan_id>/suppress", tags=["fans"])
def suppress_fan(fan_id: UUID, store: WritableFans) -> Fan:
    """Let nothing be sent to a fan; no import lifts this."""
    return store.suppress(fan_id)


@app.delete("/api/crm/fans/<fan_id>/suppress", status_code=HTTPStatus.NO_CONTENT, tags=["fans"])
@app.delete(
    "/api/onlyfans/subscribers/<fan_id>/suppress",
    status_code=HTTPStatus.NO_CONTENT,
    tags=["fans"],
)
def unsuppress_fan(fan_id: UUID, store: WritableFans) -> None:
    """Allow sending to a fan again."""
    store.unsuppress(fan_id)


@app.get("/api/crm/transactions", tags=["fans"])
def list_transactions(
    store: Fans,
    creator_id: UUID | None = None,
    fan_id: UUID | None = None,
    of_type: Annotated[TransactionType | None, Query(alias="type")] = None,
    limit: Limit = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[Transaction]:
    """List a creator's transactions, or one fan's, newest first."""
    return store.transactions(creator_id, fan_id, of_type, limit=limit, cursor=cursor)


@app.get("/api/crm/lists", tags=["fans"])
def list_lists(
    store: Fans,
    creator_id: UUID | None = None,
    limit: Limit = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[FanList]:
    """List a creator's lists by name."""
    return store.lists(creator_id, limit=limit, cursor=cursor)


@app.post("/api/crm/lists", status_code=HTTPStatus.CREATED, tags=["fans"])
def create_list(draft: ListDraft, store: WritableFans) -> FanList:
    """Make an empty list."""
    return store.add_list(draft)


@app.get("/api/crm/lists/<list_id>", tags=["fans"])
def read_list(list_id: UUID, store: Fans) -> FanList:
    """Read a list; its fans are under `/api/crm/fans?list=`."""
    return store.get_list(list_id)


@app.delete("/api/crm/lists/<list_id>", status_code=HTTPStatus.NO_CONTENT, tags=["fans"])
def delete_list(list_id: UUID, store: WritableFans) -> None:
    """Delete a list that no rules ask for; its fans stay."""
    store.delete_list(list_id)


@app.post("/api/crm/lists/<list_id>/fans", tags=["fans"])
def add_to_list(list_id: UUID, members: Members, store: WritableFans) -> FanList:
    """Put fans on a list; who is on it already stays."""
    return store.add_to_list(list_id, members.fan_ids)


@app.delete("/api/crm/lists/<list_id>/fans", tags=["fans"])
def remove_from_list(list_id: UUID, members: Members, store: WritableFans) -> FanList:
    """Take fans off a list; who is not on it is passed over."""
    return store.remove_from_list(list_id, members.fan_ids)


_entry = lambda_entry(app)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request; a raw file becomes the JSON body that the route is described with."""
    return _entry(_with_json_body(event), context)


def _with_json_body(event: dict[str, Any]) -> dict[str, Any]:
    headers: dict[str, str] = {
        name.lower(): value for name, value in (event.get("headers") or {}).items()
    }
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if event.get("httpMethod") != "POST" or kind not in RAW_FORMATS:
        return event
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        body = base64.b64encode(body.encode("utf-8", "surrogatepass")).decode()
    query = event.get("queryStringParameters") or {}
    request = {
        "creator_id": query.get("creator_id"),
        "format": RAW_FORMATS[kind],
        "content_base64": body,
    }
    headers["content-type"] = "application/json"
    return {
        **event,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "body": json.dumps(request),
        "isBase64Encoded": False,
    }
