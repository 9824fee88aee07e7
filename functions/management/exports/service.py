"""Rules of exports: pages into files, one after the other. Knows no HTTP, SQL or AWS.

Every file is noted in one transaction with the place where it ends. Whoever goes on, whenever the
last run ended, goes on right there; a file that was stored and not noted is written once more,
under the same name.
"""

import gzip
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from functions.management.exports.models import Place
from huntaze.errors import ConflictError

# Longer than a page takes; after a crash nothing is done for so long.
LEASE = timedelta(minutes=3)
# The bucket removes files after seven days.
KEPT = timedelta(days=6)
# A line may have ten thousand characters of notes: some tens of megabytes at the very most.
PAGE = 5000
_LEFT_FOR_A_PAGE = 60.0
# One a minute after a crash: what fails for so long does not fail by chance.
MAX_IDLE_RUNS = 10
MANIFEST = "manifest"

type RunEnd = Literal["not ours", "handed on", "ready", "failed", "lost"]


class ExportNotReadyError(ConflictError):
    """The files are not there yet, or no more."""


class LostClaimError(Exception):
    """Another run has taken the export over, or its fan was erased."""


class Claim(NamedTuple):
    """A run's right to work at an export, and where to go on."""

    workspace_id: UUID
    export_id: UUID
    creator_id: UUID | None
    fan_id: UUID | None
    requested_by: UUID
    place: Place | None
    fence: int
    idle_runs: int


class Lines(NamedTuple):
    """A page of a source: JSON texts, and the key of the last one."""

    lines: list[str]
    after: list[str] | None
    more: bool


class Source(Protocol):
    """Something that is exported line by line, in the order of a key."""

    @property
    def name(self) -> str:
        """What its files are called."""
        ...

    def read(self, after: list[str] | None, most: int) -> Lines:
        """Read the lines behind a key."""
        ...


class StoredFile(NamedTuple):
    """A file of an export."""

    number: int
    name: str
    lines: int
    size: int
    sha256: bytes


class RunStore(Protocol):
    """The exports of a workspace, as runs work at them."""

    def claim(self, export_id: UUID, lease: timedelta) -> Claim | None: ...

    def keep(self, claim: Claim, file: StoredFile, place: Place, lease: timedelta) -> None: ...

    def last_number(self, claim: Claim) -> int: ...

    def files(self, claim: Claim) -> list[StoredFile]: ...

    def finish(self, claim: Claim, *, expires_at: datetime) -> None: ...

    def release(self, claim: Claim) -> None: ...

    def fail(self, claim: Claim) -> None: ...


class FileStore(Protocol):
    """Where files are put."""

    def put(self, workspace_id: UUID, export_id: UUID, name: str, data: bytes) -> None: ...


def run(
    export_id: UUID,
    store: RunStore,
    sources: Callable[[Claim], Sequence[Source]],
    files: FileStore,
    *,
    now: Callable[[], datetime],
    seconds_left: Callable[[], float],
    page: int = PAGE,
) -> RunEnd:
    """Work at an export until it is done or time is short.

    Raises:
        Exception: Something failed that may not fail again; the claim is given back.
    """
    claim = store.claim(export_id, LEASE)
    if claim is None:
        return "not ours"
    if claim.idle_runs > MAX_IDLE_RUNS:
        store.fail(claim)
        return "failed"
    try:
        for place, source in _left(claim, sources(claim)):
            if not _write(claim, source, place, store, files, seconds_left, page):
                store.release(claim)
                return "handed on"
        _write_manifest(claim, store, files)
        store.finish(claim, expires_at=now() + KEPT)
    except LostClaimError:
        return "lost"
    except BaseException:
        store.release(claim)
        raise
    return "ready"


def _left(claim: Claim, sources: Sequence[Source]) -> list[tuple[list[str] | None, Source]]:
    """The sources that are not done, each with the key behind which it goes on."""
    names = [source.name for source in sources]
    place = claim.place
    if place is None:
        return [(None, source) for source in sources]
    if place.source not in names:
        # The manifest was noted: nothing is left but to say so.
        return []
    first = names.index(place.source)
    return [
        (place.after if number == 0 else None, source)
        for number, source in enumerate(sources[first:])
    ]


def _write(
    claim: Claim,
    source: Source,
    after: list[str] | None,
    store: RunStore,
    files: FileStore,
    seconds_left: Callable[[], float],
    page: int,
) -> bool:
    """Write what is left of a source; False when time is short."""
    more = True
    while more:
        if seconds_left() < _LEFT_FOR_A_PAGE:
            return False
        after, more = _write_page(claim, source, after, store, files, page)
    return True


def _write_page(
    claim: Claim,
    source: Source,
    after: list[str] | None,
    store: RunStore,
    files: FileStore,
    page: int,
) -> tuple[list[str] | None, bool]:
    """Write one page, which is held in memory until the end of this call and no longer."""
    found = source.read(after, page)
    if found.lines:
        _store(claim, source.name, found.lines, found.after, store, files)
    return found.after, found.more


def _write_manifest(claim: Claim, store: RunStore, files: FileStore) -> None:
    if claim.place is not None and claim.place.source == MANIFEST:
        return
    lines = [
        json.dumps(
            {
                "name": file.name,
                "lines": file.lines,
                "bytes": file.size,
                "sha256": file.sha256.hex(),
            }
        )
        for file in store.files(claim)
    ]
    _store(claim, MANIFEST, lines, None, store, files)


def _store(
    claim: Claim,
    source: str,
    lines: list[str],
    after: list[str] | None,
    store: RunStore,
    files: FileStore,
) -> None:
    number = store.last_number(claim) + 1
    data = _packed(lines)
    name = _file_name(number, source)
    files.put(claim.workspace_id, claim.export_id, name, data)
    file = StoredFile(number, name, len(lines), len(data), hashlib.sha256(data).digest())
    store.keep(claim, file, Place(source=source, after=after, number=number), LEASE)


def _packed(lines: list[str]) -> bytes:
    # Line by line: a page of long texts is large enough once.
    packed = io.BytesIO()
    # Without a name and a time in it: the same lines are the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        for line in lines:
            file.write(f"{line}\n".encode())
    return packed.getvalue()


def _file_name(number: int, source: str) -> str:
    return f"{number:06}-{source}.jsonl.gz"
