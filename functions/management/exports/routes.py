"""The routes of exports: wiring, no rules."""

from functools import partial
from http import HTTPStatus
from uuid import UUID

from aws_lambda_powertools.event_handler.api_gateway import Router

from functions.management.callers import Caller, Cursor, Limit, Workspace, number_of
from functions.management.exports.gateway import S3Exports, wake
from functions.management.exports.models import Export, ExportFile, ExportRequest, WakeUp
from functions.management.exports.repository import PostgresExports
from functions.management.exports.service import ExportNotReadyError
from huntaze.auth import Principal, Right
from huntaze.db import Tenant, once_committed
from huntaze.http import PAGE_LIMIT, Page, decode_cursor, encode_cursor

# The library's constructor has no annotations.
router = Router()  # type: ignore[no-untyped-call]


@router.post("/api/management/export", status_code=HTTPStatus.ACCEPTED, tags=["management"])
def request_export(request: ExportRequest, caller: Caller, tenant: Workspace) -> Export:
    """Export everything of the workspace, or of one fan, as files of JSON lines.

    A mail tells when it is there. Asked again while it is being made, the answer is the same one.
    """
    caller.require(Right.GOVERN if request.fan_id is None else Right.MANAGE)
    export = PostgresExports(tenant, caller.user_id).request(request.fan_id)
    # A run that comes before the commit finds no export.
    once_committed(partial(wake, WakeUp(workspace_id=caller.workspace_id, export_id=export.id)))
    return export


@router.get("/api/management/export/<export_id>", tags=["management"])
def read_export(export_id: UUID, caller: Caller, tenant: Workspace) -> Export:
    """Tell how far an export is."""
    return _export(export_id, caller, tenant)


@router.get("/api/management/export/<export_id>/files", tags=["management"])
def list_export_files(
    export_id: UUID,
    caller: Caller,
    tenant: Workspace,
    limit: Limit = PAGE_LIMIT,
    cursor: Cursor = None,
) -> Page[ExportFile]:
    """List the files of an export that is ready, each with a link that is good for five minutes.

    The last file, `manifest`, names all others with their sizes and SHA-256.
    """
    export = _export(export_id, caller, tenant)
    after = number_of(decode_cursor(cursor, 1)[0]) if cursor else 0
    if export.state != "ready":
        raise ExportNotReadyError(f"The export is {export.state}: there are no files to give.")
    found = PostgresExports(tenant, caller.user_id).files(export, after, limit + 1)
    store = S3Exports()
    items = [
        ExportFile(
            name=file.name,
            lines=file.lines,
            bytes=file.size,
            sha256=file.sha256.hex(),
            url=store.link(caller.workspace_id, export.id, file.name),
        )
        for file in found[:limit]
    ]
    more = len(found) > limit
    return Page(items=items, next_cursor=encode_cursor(found[limit - 1].number) if more else None)


def _export(export_id: UUID, caller: Principal, tenant: Tenant) -> Export:
    caller.require(Right.MANAGE)
    export = PostgresExports(tenant, caller.user_id).get(export_id)
    if export.fan_id is None:
        caller.require(Right.GOVERN)
    return export
