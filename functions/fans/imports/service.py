"""Rules of imports: in the request, or from an upload in runs. Knows no HTTP, SQL or AWS."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from functions.fans.imports.chunks import COLUMNS, Chunk, ahead, cut
from functions.fans.imports.lines import ByteSource, UnreadableFileError
from functions.fans.imports.models import (
    MAX_UPLOAD_BYTES,
    ImportFormat,
    ImportKind,
    ImportReport,
    ImportRequest,
    Place,
    UploadDraft,
    UploadTicket,
)
from functions.fans.imports.table import open_table, resume_table
from huntaze.errors import ConflictError, HuntazeError, InvalidInputError, TooLargeError

# Lambda takes 6 MB with the JSON around it, and base64 makes four bytes of three.
INLINE_BYTES = 4 * 1024 * 1024
# A file of the largest size comes over a slow line in less.
UPLOAD_TIME = timedelta(hours=1)
# Longer than a chunk takes; after a crash nothing is done for so long.
LEASE = timedelta(minutes=3)
# Enough for the next chunk on a database that is busy with other things.
_LEFT_FOR_A_CHUNK = 120.0
# One a minute after a crash: what fails for so long does not fail by chance.
MAX_IDLE_RUNS = 10

type RunEnd = Literal["not ours", "handed on", "completed", "failed", "lost"]


class UploadMissingError(ConflictError):
    """No file was uploaded under the id, or it has been removed again."""


class AlreadyImportedError(ConflictError):
    """The file was imported as something else."""


class AlreadyFinishedError(ConflictError):
    """The import is over."""


class LostClaimError(Exception):
    """The import was cancelled, or another run has taken it over."""


class RefusedRowsError(HuntazeError):
    """The database does not take rows that passed every check of ours."""


class Upload(NamedTuple):
    """A file that was or will be uploaded."""

    id: UUID
    workspace_id: UUID
    creator_id: UUID


class StoredFile(NamedTuple):
    """A version of a file in the bucket."""

    etag: str
    size: int


class Claim(NamedTuple):
    """A run's right to work at an import, and where to go on."""

    workspace_id: UUID
    import_id: UUID
    creator_id: UUID
    upload_id: UUID
    kind: ImportKind
    format: ImportFormat | None
    currency: str
    file: StoredFile
    place: Place | None
    fence: int
    idle_runs: int


class ImportStore(Protocol):
    """The imports of a workspace, as its members ask for them."""

    def store_all(
        self,
        kind: ImportKind,
        creator_id: UUID | None,
        chunks: Callable[[str], Iterator[Chunk]],
    ) -> ImportReport: ...

    def add_upload(
        self, upload_id: UUID, creator_id: UUID | None, expires_at: datetime
    ) -> Upload: ...

    def upload(self, upload_id: UUID) -> Upload: ...

    def find_import(self, upload: Upload) -> ImportReport | None: ...

    def add_import(
        self, upload: Upload, kind: ImportKind, file: StoredFile, as_format: ImportFormat | None
    ) -> ImportReport: ...


class RunStore(Protocol):
    """The imports of a workspace, as runs work at them."""

    def claim(self, import_id: UUID, lease: timedelta) -> Claim | None: ...

    def keep(self, claim: Claim, chunk: Chunk, lease: timedelta) -> None: ...

    def release(self, claim: Claim) -> None: ...

    def fail(self, claim: Claim, reason: str) -> None: ...


class UploadedFiles(Protocol):
    """Where browsers put files."""

    def ticket(
        self, upload: Upload, content_type: str, max_bytes: int, valid: timedelta
    ) -> tuple[str, dict[str, str]]: ...

    def uploaded(self, upload: Upload) -> StoredFile | None: ...


class AcceptedFiles(Protocol):
    """Copies of uploaded files that nobody can change."""

    def accept(self, claim: Claim) -> None: ...

    def open(self, claim: Claim, offset: int) -> ByteSource: ...


def refuse_too_large(data: bytes) -> None:
    """Refuse what does not fit into a request.

    Raises:
        TooLargeError: It is larger.
    """
    if len(data) > INLINE_BYTES:
        raise TooLargeError(
            f"The file has {len(data):,} bytes; {INLINE_BYTES:,} fit into a request."
            " Upload it: POST /api/crm/fans/imports/uploads tells where."
        )


def import_file(
    kind: ImportKind,
    source: ByteSource,
    store: ImportStore,
    *,
    creator_id: UUID | None,
    as_format: ImportFormat | None,
) -> ImportReport:
    """Import a file at once: good rows are stored, the others reported.

    Raises:
        UnreadableFileError: The file as a whole cannot be read; nothing is stored.
        NotFoundError: The caller has no such creator.
        InvalidInputError: No creator is named, and there is not exactly one.
    """
    table = open_table(source, COLUMNS[kind], as_format=as_format)
    return store.store_all(kind, creator_id, lambda currency: ahead(cut(table, kind, currency)))


def begin_upload(
    draft: UploadDraft, store: ImportStore, files: UploadedFiles, *, upload_id: UUID, now: datetime
) -> UploadTicket:
    """Tell where a file may be uploaded, for one creator's import."""
    expires_at = now + UPLOAD_TIME
    upload = store.add_upload(upload_id, draft.creator_id, expires_at)
    url, fields = files.ticket(upload, draft.content_type, MAX_UPLOAD_BYTES, UPLOAD_TIME)
    return UploadTicket(
        upload_id=upload.id,
        creator_id=upload.creator_id,
        url=url,
        fields=fields,
        max_bytes=MAX_UPLOAD_BYTES,
        expires_at=expires_at,
    )


def accept_upload(
    kind: ImportKind,
    upload_id: UUID,
    request: ImportRequest,
    store: ImportStore,
    files: UploadedFiles,
) -> ImportReport:
    """Take an uploaded file for an import; the same upload is always the same import.

    The version that is there now is the one that will be read.

    Raises:
        NotFoundError: The caller has no such upload.
        InvalidInputError: It is for another creator.
        UploadMissingError: Nothing was uploaded.
        TooLargeError: The file is too large, whatever its ticket allowed.
        AlreadyImportedError: It was imported as the other kind.
    """
    upload = store.upload(upload_id)
    if request.creator_id not in (None, upload.creator_id):
        raise InvalidInputError(
            "The upload is for another creator.", fields={"creator_id": "not the upload's"}
        )
    report = store.find_import(upload)
    if report is None:
        file = files.uploaded(upload)
        if file is None:
            raise UploadMissingError(
                "No file is there yet: post it to the address of the upload first."
            )
        if file.size > MAX_UPLOAD_BYTES:
            raise TooLargeError(f"The file has {file.size:,} bytes; {MAX_UPLOAD_BYTES:,} may be.")
        report = store.add_import(upload, kind, file, request.format)
    if report.kind != kind:
        raise AlreadyImportedError(f"This upload is imported as {report.kind}; upload it again.")
    return report


def run(
    import_id: UUID,
    store: RunStore,
    files: AcceptedFiles,
    *,
    seconds_left: Callable[[], float],
) -> RunEnd:
    """Work at an import until it is done or time is short.

    Every chunk is stored in one transaction with the place where it ends, so that whoever goes on,
    whenever this run ended, goes on right there.

    Raises:
        Exception: Something failed that may not fail again; the claim is given back.
    """
    claim = store.claim(import_id, LEASE)
    if claim is None:
        return "not ours"
    try:
        return _run(claim, store, files, seconds_left)
    except LostClaimError:
        return "lost"
    except (UnreadableFileError, UploadMissingError, RefusedRowsError) as refusal:
        store.fail(claim, refusal.detail)
        return "failed"
    except BaseException:
        store.release(claim)
        raise


def _run(
    claim: Claim, store: RunStore, files: AcceptedFiles, seconds_left: Callable[[], float]
) -> RunEnd:
    if claim.idle_runs > MAX_IDLE_RUNS:
        store.fail(claim, "It stopped again and again at the same row; import the upload again.")
        return "failed"
    columns = COLUMNS[claim.kind]
    if claim.place is None:
        files.accept(claim)
        table = open_table(files.open(claim, 0), columns, as_format=claim.format)
    else:
        source = files.open(claim, claim.place.offset)
        table = resume_table(source, claim.place, columns)
    for chunk in ahead(cut(table, claim.kind, claim.currency)):
        store.keep(claim, chunk, LEASE)
        if chunk.last:
            return "completed"
        if seconds_left() < _LEFT_FOR_A_CHUNK:
            store.release(claim)
            return "handed on"
    raise AssertionError("a file has a last chunk")
