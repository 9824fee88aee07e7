"""HTTP door of uploads: wiring and routes, no rules."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Depends, Request

from functions.uploads import service
from functions.uploads.gateway import S3Tickets, wake
from functions.uploads.models import Upload, UploadDraft, UploadTicket, WakeUp
from functions.uploads.repository import PostgresUploads
from huntaze.auth import Right, current_principal
from huntaze.db import Tenant, database, once_committed
from huntaze.http import create_app, lambda_entry
from huntaze.ids import new_id

app = create_app()


def upload_store(request: Request) -> PostgresUploads:
    """The caller's uploads, for one who decides what is offered."""
    principal = current_principal(request)
    principal.require(Right.WRITE_CAMPAIGNS)
    tenant = Tenant(database(), principal.workspace_id, principal.creators)
    return PostgresUploads(tenant, principal.user_id)


def upload_tickets(request: Request) -> S3Tickets:
    """Forms for the caller's workspace."""
    return S3Tickets(current_principal(request).workspace_id)


Uploads = Annotated[PostgresUploads, Depends(upload_store)]
Tickets = Annotated[S3Tickets, Depends(upload_tickets)]


@app.post("/api/content/uploads", status_code=HTTPStatus.CREATED, tags=["uploads"])
def begin_upload(draft: UploadDraft, store: Uploads, tickets: Tickets) -> UploadTicket:
    """Ask where to upload a file: a JPEG, PNG, WebP, GIF, MP4, MOV, WebM, MP3 or M4A.

    What it is, is judged by its bytes. Location and all else that it tells of people is taken out
    of what is kept; a photo is turned upright, and has a thumbnail.
    """
    return service.begin_upload(draft, store, tickets, upload_id=new_id(), now=datetime.now(UTC))


@app.post(
    "/api/content/uploads/<upload_id>/complete", status_code=HTTPStatus.ACCEPTED, tags=["uploads"]
)
def complete_upload(request: Request, upload_id: UUID, store: Uploads, tickets: Tickets) -> Upload:
    """Say that a file is uploaded, so that the work at it begins; a sweep finds it otherwise."""
    upload = service.complete_upload(upload_id, store, tickets)
    if upload.status == "working":
        wake_up = WakeUp(
            task="upload",
            workspace_id=current_principal(request).workspace_id,
            creator_id=upload.creator_id,
            id=upload_id,
        )
        once_committed(lambda: wake(wake_up))
    return upload


@app.get("/api/content/uploads/<upload_id>", tags=["uploads"])
def read_upload(upload_id: UUID, store: Uploads) -> Upload:
    """Read what became of an upload."""
    return store.get(upload_id)


handler = lambda_entry(app)
