"""Rules of uploads: from a ticket to an item. Knows no HTTP, SQL or AWS."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from functions.uploads import kinds
from functions.uploads.boxes import read_boxes
from functions.uploads.matroska import read_matroska
from functions.uploads.models import Made, Upload, UploadDraft, UploadTicket
from functions.uploads.mp3 import read_mp3
from functions.uploads.shapes import Bytes, RefusedFileError, Stream, edited
from huntaze.domain.media import FileKind
from huntaze.errors import ConflictError, InvalidInputError

# The largest file comes over a slow line in less.
UPLOAD_TIME = timedelta(hours=1)
# Longer than a piece takes to be read and written; after a crash nothing is done for so long.
LEASE = timedelta(minutes=3)
# What fails so often does not fail by chance.
MAX_RUNS = 5
PIECE = 16 * kinds.MEGABYTE
_EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
}
_STREAMS: dict[str, Callable[[Bytes], Stream]] = {
    "mp4": read_boxes,
    "webm": read_matroska,
    "mp3": read_mp3,
}

type RunEnd = Literal["not ours", "waiting", "expired", "ready", "refused", "duplicate", "lost"]


class FileMissingError(ConflictError):
    """No file was uploaded under the id."""


class LostClaimError(Exception):
    """Another run has taken the upload over."""


class Arrived(NamedTuple):
    """A version of an uploaded file."""

    etag: str
    size: int
    content_type: str


class Claim(NamedTuple):
    """A run's right to work at an upload."""

    workspace_id: UUID
    upload_id: UUID
    creator_id: UUID
    etag: str | None
    bytes: int | None
    fence: int
    runs: int

    def key(self, name: str) -> str:
        """Where an object of the item is."""
        return f"{self.workspace_id}/{self.upload_id}/{name}"


class Picture(Protocol):
    """A picture as it is kept."""

    @property
    def content_type(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def duration_ms(self) -> int | None: ...
    @property
    def data(self) -> bytes: ...
    @property
    def thumbnail(self) -> bytes: ...
    @property
    def looks(self) -> str: ...
    @property
    def removed(self) -> list[str]: ...


class UploadStore(Protocol):
    """The uploads of a workspace, as its members ask for them."""

    def add(self, upload_id: UUID, draft: UploadDraft, expires_at: datetime) -> Upload: ...

    def get(self, upload_id: UUID) -> Upload: ...

    def begin(self, upload_id: UUID) -> Upload: ...


class Tickets(Protocol):
    """Where browsers put files."""

    def ticket(
        self, upload_id: UUID, content_type: str, max_bytes: int, valid: timedelta
    ) -> tuple[str, dict[str, str]]: ...

    def has_arrived(self, upload_id: UUID) -> bool: ...


class RunStore(Protocol):
    """The uploads of a workspace, as runs work at them."""

    def claim(self, upload_id: UUID, lease: timedelta) -> Claim | None: ...

    def choose(self, claim: Claim, arrived: Arrived) -> Claim: ...

    def keep(self, claim: Claim, lease: timedelta) -> None: ...

    def release(self, claim: Claim) -> None: ...

    def wait(self, claim: Claim) -> RunEnd: ...

    def same(self, claim: Claim, sha256: bytes) -> UUID | None: ...

    def finish(self, claim: Claim, made: Made) -> RunEnd: ...

    def refuse(self, claim: Claim, refusal: str, failure: str) -> None: ...

    def duplicate(self, claim: Claim, of: UUID) -> None: ...


class Sink(Protocol):
    """An object that is being written, and is there when it is closed."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


class Bucket(Protocol):
    """Files that browsers put, and objects of items."""

    def arrived(self, claim: Claim) -> Arrived | None: ...

    def open(self, claim: Claim) -> Bytes: ...

    def put(self, key: str, data: bytes, content_type: str) -> None: ...

    def sink(self, key: str, content_type: str) -> Sink: ...

    def forget(self, claim: Claim) -> None: ...


def begin_upload(
    draft: UploadDraft, store: UploadStore, tickets: Tickets, *, upload_id: UUID, now: datetime
) -> UploadTicket:
    """Tell where a file may be uploaded.

    Raises:
        NotFoundError: The caller has no such creator.
        InvalidInputError: The file is larger than its kind may be.
    """
    kind = kinds.CONTENT_TYPES[draft.content_type]
    max_bytes = kinds.MAX_BYTES[kind]
    if draft.bytes is not None and draft.bytes > max_bytes:
        raise InvalidInputError(
            f"The file has {draft.bytes:,} bytes; a {kind} may have {max_bytes:,}.",
            fields={"bytes": f"more than {max_bytes}"},
        )
    upload = store.add(upload_id, draft, now + UPLOAD_TIME)
    url, fields = tickets.ticket(upload_id, draft.content_type, max_bytes, UPLOAD_TIME)
    return UploadTicket(
        upload_id=upload.id,
        creator_id=upload.creator_id,
        url=url,
        fields=fields,
        max_bytes=max_bytes,
        expires_at=upload.expires_at,
    )


def complete_upload(upload_id: UUID, store: UploadStore, tickets: Tickets) -> Upload:
    """Let the work at an uploaded file begin; asked again, it answers how far it is.

    Raises:
        NotFoundError: The caller has no such upload.
        FileMissingError: Nothing was uploaded.
    """
    upload = store.get(upload_id)
    if upload.status != "waiting":
        return upload
    if not tickets.has_arrived(upload_id):
        raise FileMissingError("No file is there yet: post it to the address of the upload first.")
    return store.begin(upload_id)


def run(
    upload_id: UUID, store: RunStore, bucket: Bucket, read_picture: Callable[[bytes], Picture]
) -> RunEnd:
    """Look at an uploaded file and make an item of it.

    Every run begins at the start, reads the one version that the first run has chosen, and writes
    the same objects: so a run may die at any moment.

    Raises:
        Exception: Something failed that may not fail again; the claim is given back.
    """
    claim = store.claim(upload_id, LEASE)
    if claim is None:
        return "not ours"
    try:
        return _run(claim, store, bucket, read_picture)
    except LostClaimError:
        return "lost"
    except RefusedFileError as refusal:
        return _refuse(claim, store, bucket, refusal.reason, refusal.sentence)
    except BaseException:
        store.release(claim)
        raise


def _refuse(claim: Claim, store: RunStore, bucket: Bucket, reason: str, sentence: str) -> RunEnd:
    store.refuse(claim, reason, sentence)
    bucket.forget(claim)
    return "refused"


def _run(
    claim: Claim, store: RunStore, bucket: Bucket, read_picture: Callable[[bytes], Picture]
) -> RunEnd:
    if claim.runs > MAX_RUNS:
        raise RefusedFileError("unreadable", "Looking at this file failed again and again.")
    arrived = bucket.arrived(claim)
    if arrived is None:
        if claim.etag is not None:
            raise RefusedFileError("changed", "The file was removed; upload it again.")
        return store.wait(claim)
    if claim.etag is None:
        claim = store.choose(claim, arrived)
    source = bucket.open(claim)
    known = kinds.format_of(source.read(0, min(kinds.HEAD_BYTES, source.size)))
    if known in _STREAMS:
        stream = _STREAMS[known](source)
        _check(stream.kind, arrived, source)
        made = _stream(stream, source, claim, store, bucket)
    else:
        _check("photo", arrived, source)
        made = _photo(source, claim, store, bucket, read_picture)
    if isinstance(made, UUID):
        store.duplicate(claim, made)
        end: RunEnd = "duplicate"
    else:
        end = store.finish(claim, made)
    bucket.forget(claim)
    return end


def _check(kind: FileKind, arrived: Arrived, source: Bytes) -> None:
    most = kinds.MAX_BYTES[kind]
    if source.size > most:
        raise RefusedFileError(
            "too_large", f"The file has {source.size:,} bytes; a {kind} may have {most:,}."
        )
    announced = kinds.CONTENT_TYPES.get(arrived.content_type)
    if announced != kind:
        raise RefusedFileError(
            "wrong_kind",
            f"This is a {kind}, but a {announced or 'file of another kind'} was announced: upload"
            " it as what it is.",
        )


def _photo(
    source: Bytes,
    claim: Claim,
    store: RunStore,
    bucket: Bucket,
    read_picture: Callable[[bytes], Picture],
) -> Made | UUID:
    data = source.read(0, source.size)
    sha256 = hashlib.sha256(data).digest()
    if (same := store.same(claim, sha256)) is not None:
        return same
    picture = read_picture(data)
    store.keep(claim, LEASE)
    objects = {
        "original": claim.key(f"original.{_EXTENSIONS[picture.content_type]}"),
        "thumbnail": claim.key("thumbnail.webp"),
    }
    bucket.put(objects["original"], picture.data, picture.content_type)
    bucket.put(objects["thumbnail"], picture.thumbnail, "image/webp")
    return Made(
        kind="photo",
        content_type=picture.content_type,
        size=len(picture.data),
        width=picture.width,
        height=picture.height,
        duration_ms=picture.duration_ms,
        sha256=sha256,
        looks=picture.looks,
        removed=picture.removed,
        objects=objects,
    )


def _stream(
    stream: Stream, source: Bytes, claim: Claim, store: RunStore, bucket: Bucket
) -> Made | UUID:
    objects = {"original": claim.key(f"original.{_EXTENSIONS[stream.content_type]}")}
    digest, size = hashlib.sha256(), 0
    sink = bucket.sink(objects["original"], stream.content_type)
    try:
        for original, kept in edited(source, stream.edits, PIECE):
            digest.update(original)
            sink.write(kept)
            size += len(kept)
            store.keep(claim, LEASE)
        if (same := store.same(claim, digest.digest())) is not None:
            sink.abort()
            return same
        sink.close()
    except BaseException:
        sink.abort()
        raise
    return Made(
        kind=stream.kind,
        content_type=stream.content_type,
        size=size,
        width=stream.width,
        height=stream.height,
        duration_ms=stream.duration_ms,
        sha256=digest.digest(),
        looks=None,
        removed=stream.removed,
        objects=objects,
    )
