"""From the bytes of a file to its lines, from any place in it and never the whole.

Every line knows where it ends in the file, so that reading can go on after it another time.
"""

import io
from collections.abc import Iterator
from typing import Protocol

from functions.fans.imports.models import FileEncoding
from huntaze.errors import InvalidInputError

_BLOCK_BYTES = 1024 * 1024
# A row of a table is never this long: a file without line ends, or a quote that is never closed.
MAX_ROW_BYTES = 4 * 1024 * 1024

_MARKS: tuple[tuple[bytes, FileEncoding], ...] = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_MARK_BYTES = 4
_BINARY_STARTS = (b"\x1f\x8b", b"%PDF", b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")


class UnreadableFileError(InvalidInputError):
    """The file as a whole is not one that can be imported."""


class ByteSource(Protocol):
    """A file from some place on."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; none at the end."""
        ...


class Lines:
    """The lines of a file, with their ends, in the order of the file.

    Args:
        source: The file from ``offset`` on.
        encoding: As found before; None is found here: by the mark at the start of the file, or by
            the first line that is not ASCII. Whoever saves without a mark saves either UTF-8 or
            the Windows code page, and text of the one is hardly ever right in the other.
        offset: Where the file goes on.
        number: How many lines come before.
        block_bytes: How much is read at a time.
    """

    def __init__(
        self,
        source: ByteSource,
        *,
        encoding: FileEncoding | None = None,
        offset: int = 0,
        number: int = 0,
        block_bytes: int = _BLOCK_BYTES,
    ) -> None:
        self._source = source
        self._block_bytes = block_bytes
        self._rest = b""
        self._ended = False
        self._block_start = offset
        self._block_size = 0
        self._lines_before = number
        self._texts: list[str] = []
        self._given = 0
        # One walk, whoever asks: reading goes on where somebody else stopped.
        self._walk = self._each()
        self.encoding = encoding
        # Why one of the lines since this was emptied cannot be stored.
        self.problem: str | None = None
        # Bytes read since whoever puts rows together set this to zero.
        self.row_bytes = 0

    @property
    def number(self) -> int:
        """How many lines of the file were given, those before the start included."""
        return self._lines_before + self._given

    @property
    def offset(self) -> int:
        """Where the last line that was given ends."""
        return self._block_start + len(self._encoded("".join(self._texts[: self._given])))

    def start(self) -> bytes:
        """Read what a file of this kind begins with; skip its mark and learn from it.

        Raises:
            UnreadableFileError: It is not text.
        """
        head = self._fill()
        while len(head) < _MARK_BYTES and not self._ended:
            head = self._fill()
        _refuse_binary(head)
        for mark, encoding in _MARKS:
            if head.startswith(mark):
                self.encoding = encoding
                self._rest = head.removeprefix(mark)
                self._block_start = len(mark)
                break
        if not self._is_wide and b"\0" in self._rest[:8192]:
            raise UnreadableFileError("This is a binary file; import CSV or JSON lines in UTF-8.")
        return self._rest

    def __iter__(self) -> Iterator[str]:
        """Walk on."""
        return self._walk

    def _each(self) -> Iterator[str]:
        while block := self._next_block():
            self._lines_before += self._given
            self._block_start += self._block_size
            self._block_size = len(block)
            self._given = 0
            text, clean = self._decoded(block)
            # newline="" splits at every kind of line end and leaves it as it is.
            self._texts = list(io.StringIO(text, newline=""))
            self._refuse_endless_row(len(block))
            for given, line in enumerate(self._texts, start=1):
                self._given = given
                if not clean and (problem := self._problem(line)):
                    self.problem = problem
                yield line

    @property
    def _is_wide(self) -> bool:
        return self.encoding in ("utf-16-le", "utf-16-be")

    def _encoded(self, text: str) -> bytes:
        return text.encode(
            self.encoding or "utf-8", "surrogatepass" if self._is_wide else "surrogateescape"
        )

    def _fill(self) -> bytes:
        """Read on, and return all that is not given yet."""
        parts = [self._rest]
        wanted = self._block_bytes
        while wanted > 0 and (part := self._source.read(wanted)):
            parts.append(part)
            wanted -= len(part)
        self._ended = wanted > 0
        self._rest = b"".join(parts)
        return self._rest

    def _next_block(self) -> bytes:
        """Take whole lines of what is not given yet; nothing at the end of the file."""
        data = self._rest or self._fill()
        while data:
            # The last line may lack its end.
            cut = self._last_line_end(data) or (len(data) if self._ended else 0)
            if cut > MAX_ROW_BYTES + self._block_bytes or (not cut and len(data) > MAX_ROW_BYTES):
                raise UnreadableFileError(
                    f"Line {self.number + 1} is longer than {MAX_ROW_BYTES:,} bytes:"
                    " this is no table."
                )
            if cut:
                self._rest = data[cut:]
                return data[:cut]
            data = self._fill()
        return b""

    def _last_line_end(self, data: bytes) -> int:
        """Return where the last line ends that is known to have ended."""
        encoding = self.encoding if self._is_wide and self.encoding else "ascii"
        width = 2 if self._is_wide else 1
        cut = _after_last(data, "\n".encode(encoding), width)
        # A carriage return at the very end may be the first half of a line end.
        return cut or _after_last(data[:-width], "\r".encode(encoding), width)

    def _decoded(self, block: bytes) -> tuple[str, bool]:
        """Return the block's text, and whether every line of it is known to be all right."""
        if self.encoding is None and not block.isascii():
            self.encoding = _encoding_of(block)
        if self.encoding in (None, "utf-8"):
            try:
                text = block.decode()
            except UnicodeDecodeError:
                return block.decode(errors="surrogateescape"), False
            return text, "\0" not in text
        errors = "surrogatepass" if self._is_wide else "surrogateescape"
        if self._is_wide and len(block) % 2:
            raise UnreadableFileError("This file is UTF-16 and ends in the middle of a character.")
        return block.decode(self.encoding or "", errors), False

    def _problem(self, line: str) -> str | None:
        if "\0" in line:
            return "holds a NUL character"
        if line.isascii():
            return None
        if not is_unicode(line):
            return "is not UTF-16" if self._is_wide else f"is not {_NAMES[self.encoding]}"
        if self.encoding == "cp1252" and _is_utf8(self._encoded(line)):
            return "is UTF-8 in a file that began as Windows-1252"
        return None

    def _refuse_endless_row(self, size: int) -> None:
        self.row_bytes += size
        if self.row_bytes > MAX_ROW_BYTES + self._block_bytes:
            raise UnreadableFileError(
                f"The row before line {self.number + 1} is longer than {MAX_ROW_BYTES:,} bytes:"
                " a quote may be open."
            )


_NAMES: dict[FileEncoding | None, str] = {None: "UTF-8", "utf-8": "UTF-8", "cp1252": "Windows-1252"}


def is_unicode(text: str) -> bool:
    """Tell whether ``text`` is without halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _encoding_of(block: bytes) -> FileEncoding:
    """Tell by the first line of whole lines that is not ASCII; there is one."""
    lines = io.StringIO(block.decode(errors="surrogateescape"), newline="")
    first = next(line for line in lines if not line.isascii())
    return "utf-8" if is_unicode(first) else "cp1252"


def _after_last(data: bytes, sign: bytes, width: int) -> int:
    """Return the end of the last ``sign`` that begins at a whole character, or 0."""
    at = data.rfind(sign)
    while at > 0 and at % width:
        at = data.rfind(sign, 0, at + len(sign) - 1)
    return at + len(sign) if at >= 0 else 0


def _refuse_binary(head: bytes) -> None:
    if head.startswith(b"PK\x03\x04"):
        raise UnreadableFileError("This is a workbook or an archive; save the sheet as CSV.")
    if head.startswith(b"\x1f\x8b"):
        raise UnreadableFileError("This file is compressed; unpack it first.")
    if head.startswith(_BINARY_STARTS):
        raise UnreadableFileError("This is a binary file; import CSV or JSON lines in UTF-8.")
