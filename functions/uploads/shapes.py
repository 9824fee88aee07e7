"""What reading a file's bytes tells, and what is wrong with them."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from huntaze.domain.media import FileKind


class RefusedFileError(Exception):
    """The file does not come into the library.

    Args:
        reason: A stable name.
        sentence: For its creator: what is wrong and what to do.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


class Bytes(Protocol):
    """A file that is read here and there."""

    size: int

    def read(self, start: int, end: int) -> bytes:
        """The bytes from ``start`` up to ``end``, all of them."""
        ...


class Edit(NamedTuple):
    """A stretch of a file that is not kept as it is.

    Attributes:
        start: Where it begins.
        end: Where the file goes on.
        head: What stands there instead; zeros fill the rest, so that nothing moves.
        cut: Nothing stands there instead: what comes after moves up.
    """

    start: int
    end: int
    head: bytes = b""
    cut: bool = False


class Stream(NamedTuple):
    """A video or an audio: what it is, and what must go before anybody gets it."""

    kind: FileKind
    content_type: str
    width: int | None
    height: int | None
    duration_ms: int | None
    edits: list[Edit]
    removed: list[str]


def edited(source: Bytes, edits: list[Edit], piece: int) -> Iterator[tuple[bytes, bytes]]:
    """Read a file from its start to its end: each piece as it is, and as it is kept."""
    waiting = sorted(edits)
    for start in range(0, source.size, piece):
        end = min(start + piece, source.size)
        original = source.read(start, end)
        kept = bytearray()
        at = start
        while waiting and waiting[0].start < end:
            edit = waiting[0]
            kept += original[at - start : max(edit.start, at) - start]
            until = min(edit.end, end)
            if not edit.cut:
                done = max(edit.start, at) - edit.start
                stretch = until - edit.start - done
                kept += edit.head[done : done + stretch].ljust(stretch, b"\0")
            at = max(at, until)
            if edit.end > end:
                break
            waiting.pop(0)
        kept += original[at - start :]
        yield original, bytes(kept)
