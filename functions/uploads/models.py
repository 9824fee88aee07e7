"""Shapes of an upload: what is asked for, what became of it, and what the queue carries."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from huntaze.domain.media import FileKind, ShortText, TagList

type UploadStatus = Literal["waiting", "working", "ready", "refused", "duplicate", "expired"]
type Task = Literal["upload", "removal"]


class UploadDraft(BaseModel):
    """A file that is to be uploaded; it becomes an item of the same id.

    ``platform_media_id`` says where in the platform's vault the same file is, if it is there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    creator_id: UUID | None = None
    content_type: Literal[
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/gif",
        "video/mp4",
        "video/quicktime",
        "video/webm",
        "audio/mpeg",
        "audio/mp4",
    ]
    bytes: Annotated[int, Field(ge=1)] | None = None
    title: ShortText
    platform_media_id: ShortText | None = None
    tags: TagList = Field(default_factory=list)


class UploadTicket(BaseModel):
    """Where to upload a file: a POST form with ``fields`` and, after them, the file as ``file``.

    The address takes one file of at most ``max_bytes`` until ``expires_at``. Say that it is done:
    POST /api/content/uploads/{upload_id}/complete.
    """

    upload_id: UUID
    creator_id: UUID
    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: datetime


class Upload(BaseModel):
    """What became of an upload; ``ready`` means that there is an item of the same id.

    ``refusal`` is a stable name of why it was refused, and ``failure`` a sentence. A ``duplicate``
    is the same file as the item ``duplicate_of``. ``similar`` names photos that look alike.
    """

    id: UUID
    creator_id: UUID
    title: str
    status: UploadStatus
    refusal: str | None
    failure: str | None
    duplicate_of: UUID | None
    similar: list[UUID]
    created_at: datetime
    expires_at: datetime
    finished_at: datetime | None


class WakeUp(BaseModel):
    """Something to work at, as the queue carries it."""

    task: Task
    workspace_id: UUID
    creator_id: UUID
    id: UUID
    # Of the request or the sweep that caused it.
    correlation_id: UUID | None = None


class Made(BaseModel):
    """A file that has been looked at, and what is in the bucket of it."""

    kind: FileKind
    content_type: str
    size: int
    width: int | None
    height: int | None
    duration_ms: int | None
    sha256: bytes
    looks: str | None
    removed: list[str]
    objects: dict[str, str]
