"""Shapes of an import: what is asked for, what it did, and where in a file it is."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import (
    Base64Bytes,
    BaseModel,
    ConfigDict,
    computed_field,
    model_validator,
)

type ImportKind = Literal["fans", "transactions"]
type ImportFormat = Literal["csv", "jsonl"]
type ImportStatus = Literal["running", "completed", "failed", "cancelled"]
type FileEncoding = Literal["utf-8", "cp1252", "utf-16-le", "utf-16-be"]

# Half a million to six million fans, and what a browser sends in one request.
MAX_UPLOAD_BYTES = 1024**3


class ImportRequest(BaseModel):
    """A file to import: up to 4 MB in the request itself, any other by its upload.

    ``content`` is its text; ``content_base64`` its bytes, for a file that may not be UTF-8;
    ``upload_id`` names an uploaded one. Without ``format`` the first character decides.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    creator_id: UUID | None = None
    format: ImportFormat | None = None
    content: str | None = None
    content_base64: Base64Bytes | None = None
    upload_id: UUID | None = None

    @model_validator(mode="after")
    def _has_one_content(self) -> Self:
        given = (self.content, self.content_base64, self.upload_id)
        if sum(one is not None for one in given) != 1:
            raise ValueError("give content, content_base64 or upload_id, one of the three")
        return self

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return self.content.encode() if self.content is not None else self.content_base64 or b""


class RejectedRow(BaseModel):
    """A row that was left out: the line of the file where it starts, and why."""

    line: int
    reason: str


class ImportReport(BaseModel):
    """What an import did, or how far it is.

    ``rejected`` lists the first thousand of ``rows_rejected``. Of a file that came with the request
    there are no bytes to count. ``note`` says how the file was read where that may surprise.
    """

    id: UUID
    creator_id: UUID
    kind: ImportKind
    status: ImportStatus
    upload_id: UUID | None
    bytes_total: int | None
    bytes_read: int
    rows_read: int
    rows_created: int
    rows_updated: int
    rows_unchanged: int
    rows_rejected: int
    rejected: list[RejectedRow]
    note: str | None
    failure: str | None
    created_at: datetime
    finished_at: datetime | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def percent(self) -> int:
        """How much of the file is imported."""
        if self.status == "completed":
            return 100
        return 100 * self.bytes_read // self.bytes_total if self.bytes_total else 0


class UploadDraft(BaseModel):
    """A file that is to be uploaded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    creator_id: UUID | None = None
    content_type: Literal[
        "text/csv", "text/tab-separated-values", "application/x-ndjson", "application/jsonl"
    ] = "text/csv"


class UploadTicket(BaseModel):
    """Where to upload a file: a POST form with ``fields`` and, after them, the file as ``file``.

    The address takes one file of at most ``max_bytes`` until ``expires_at``.
    """

    upload_id: UUID
    creator_id: UUID
    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: datetime


class Dialect(BaseModel):
    """How a file is written, as its start told."""

    model_config = ConfigDict(frozen=True)

    format: ImportFormat
    delimiter: str = ","
    # The columns of a table, by the names that we know them by.
    header: tuple[str, ...] = ()


class Place(BaseModel):
    """A place in a file between two rows, and all that reading on from there needs."""

    model_config = ConfigDict(frozen=True)

    offset: int
    lines: int
    encoding: FileEncoding | None
    dialect: Dialect


class WakeUp(BaseModel):
    """An import to work at, as the queue carries it."""

    workspace_id: UUID
    creator_id: UUID
    import_id: UUID
    # Of the request, the sweep or the run that caused it.
    correlation_id: UUID | None = None
