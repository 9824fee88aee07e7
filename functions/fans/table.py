"""Reading a file of rows: CSV in its dialects, or JSON lines; row by row, never the whole.

bytes ──> text lines ──> records: (line, cells of the known columns, the other cells as JSON)
              │             │
              └── what cannot be a row is reported with its physical line, and the rest goes on
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from operator import itemgetter
from typing import BinaryIO, NamedTuple, NoReturn

from functions.fans.models import ImportFormat
from huntaze.errors import InvalidInputError

DELIMITERS = ",;\t"
_PEEK_BYTES = 8192
_EXTRA_CHARACTERS = 20_000

# A cell of JSON lines may be a list of texts, for tags.
type Cell = str | list[str]
type Record = tuple[int, Sequence[Cell], str | None]
type Reject = Callable[[int, str], None]


class UnreadableFileError(InvalidInputError):
    """The file as a whole is not one that can be imported."""


class Columns(NamedTuple):
    """What a kind of file may name: what it must, what is read, what is passed over."""

    required: tuple[str, ...]
    known: frozenset[str]
    # Written by our own export, and not the file's to say.
    ignored: frozenset[str] = frozenset()
    aliases: tuple[tuple[str, str], ...] = ()

    def canonical(self, name: str) -> str:
        """Return the column that a header means; one that is unknown keeps its spelling."""
        name = name.strip()
        lowered = name.lower()
        lowered = dict(self.aliases).get(lowered, lowered)
        return lowered if lowered in self.known or lowered in self.ignored else name


class Table(NamedTuple):
    """The known columns of a file, and its records with their cells in that order."""

    columns: tuple[str, ...]
    records: Iterator[Record]


def read_table(
    stream: BinaryIO, columns: Columns, reject: Reject, *, as_format: ImportFormat | None
) -> Table:
    """Read the head of a file and make ready to read its rows.

    Args:
        stream: The file, at its start.
        columns: What it may name.
        reject: Told of each row that cannot be read.
        as_format: How it is written; None is decided by its first character.

    Raises:
        UnreadableFileError: It is not text, or its header is not one.
    """
    # BytesIO is a raw stream to BufferedReader in all but its declared type.
    buffered = io.BufferedReader(stream, _PEEK_BYTES)  # type: ignore[type-var]
    head = buffered.peek(_PEEK_BYTES)[:_PEEK_BYTES]
    _refuse_binary(head)
    lines = _Lines(
        # newline="" leaves line ends alone: one inside quotes is part of a cell.
        io.TextIOWrapper(buffered, "utf-8-sig", errors="surrogateescape", newline="")
    )
    if as_format is None:
        text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        as_format = "jsonl" if text.startswith(b"{") else "csv"
    if as_format == "jsonl":
        names = tuple(sorted(columns.known))
        return Table(names, _json_records(lines, names, columns, reject))
    return _delimited(lines, columns, reject)


def _refuse_binary(head: bytes) -> None:
    if head.startswith(b"PK\x03\x04"):
        raise UnreadableFileError("This is a workbook or an archive; save the sheet as CSV.")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableFileError("This file is UTF-16; save it as UTF-8.")
    if b"\x00" in head or head.startswith((b"\x1f\x8b", b"%PDF")):
        raise UnreadableFileError("This is a binary file; import CSV or JSON lines in UTF-8.")


class _Lines:
    """Counts physical lines and remembers why one of them cannot be stored."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.number = 0
        self.problem: str | None = None

    def __iter__(self) -> Iterator[str]:
        for line in self._text:
            self.number += 1
            if "\x00" in line:
                self.problem = "holds a NUL character"
            elif not line.isascii() and not _is_unicode(line):
                self.problem = "is not UTF-8"
            yield line

    def take_problem(self) -> str | None:
        problem, self.problem = self.problem, None
        return problem


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _delimited(lines: _Lines, columns: Columns, reject: Reject) -> Table:
    rest = iter(lines)
    first = next((line for line in rest if line.strip()), "")
    if lines.take_problem():
        raise UnreadableFileError("The header is not UTF-8 text; save the file as UTF-8.")
    delimiter = max(DELIMITERS, key=lambda sign: _known_in(first, sign, columns))
    reader = csv.reader(chain([first], rest), delimiter=delimiter, strict=True)
    try:
        header = [columns.canonical(name) for name in next(reader, [])]
    except csv.Error as error:
        raise UnreadableFileError(f"The header cannot be read: {error}.") from None
    _check_header(header, columns)
    known = [(index, name) for index, name in enumerate(header) if name in columns.known]
    others = [
        (index, name)
        for index, name in enumerate(header)
        if name and name not in columns.known and name not in columns.ignored
    ]
    pick: Callable[[list[str]], tuple[str, ...]] = itemgetter(*(index for index, _ in known))
    records = _delimited_records(lines, reader, len(header), pick, others, reject)
    return Table(tuple(name for _, name in known), records)


def _known_in(line: str, delimiter: str, columns: Columns) -> tuple[int, int]:
    """Rate a delimiter: how many names it makes sense of, then how many it finds at all."""
    try:
        names = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return 0, 0
    return sum(columns.canonical(name) in columns.known for name in names), len(names)


def _check_header(header: list[str], columns: Columns) -> None:
    wanted = " and ".join(columns.required)
    if not any(name in columns.known for name in header):
        raise UnreadableFileError(
            f"The first line must be a header that names the columns; it needs {wanted}."
        )
    if missing := [name for name in columns.required if name not in header]:
        raise UnreadableFileError(
            f"The header lacks {' and '.join(missing)}; it needs {wanted}.",
            fields=dict.fromkeys(missing, "column is missing"),
        )
    if double := {name for name in header if name and header.count(name) > 1}:
        raise UnreadableFileError(f"The header names {' and '.join(sorted(double))} twice.")


def _delimited_records(
    lines: _Lines,
    reader: Iterator[list[str]],
    width: int,
    pick: Callable[[list[str]], tuple[str, ...]],
    others: list[tuple[int, str]],
    reject: Reject,
) -> Iterator[Record]:
    while True:
        start = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # An open quote swallows lines: the report says how far.
            until = "" if lines.number <= start else f" (up to line {lines.number})"
            reject(start, f"the quotes or the length of a cell are wrong{until}: {error}")
            lines.problem = None
            continue
        if lines.problem:
            reject(start, f"the line {lines.take_problem()}")
        elif not any(cells):
            continue
        elif len(cells) != width:
            reject(start, f"{len(cells)} cells where the header has {width}")
        else:
            extra = {name: cells[index] for index, name in others if cells[index]}
            text = json.dumps(extra) if extra else None
            if text is not None and len(text) > _EXTRA_CHARACTERS:
                reject(start, "the unknown columns hold too much")
            else:
                yield start, pick(cells), text


def _json_records(
    lines: _Lines, names: tuple[str, ...], columns: Columns, reject: Reject
) -> Iterator[Record]:
    for line in lines:
        if problem := lines.take_problem():
            reject(lines.number, f"the line {problem}")
        elif line.strip():
            try:
                yield _json_record(lines.number, line, names, columns)
            except ValueError as error:
                reject(lines.number, str(error))


def _json_record(line: int, text: str, names: tuple[str, ...], columns: Columns) -> Record:
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ValueError("the line is not a JSON value") from None
    if not isinstance(value, dict):
        raise ValueError("the line is not a JSON object")  # noqa: TRY004  (of a row, not a type)
    # What the escapes of JSON can bring in and Postgres cannot store.
    if "\\u0000" in text:
        raise ValueError("the line holds a NUL character")
    if "\\ud" in text.lower() and not _is_unicode(
        json.dumps(value, ensure_ascii=False, default=str)
    ):
        raise ValueError("the line holds half of a surrogate pair")
    row = {columns.canonical(name): cell for name, cell in value.items()}
    extra = {
        name: cell
        for name, cell in row.items()
        if name not in columns.known and name not in columns.ignored and cell is not None
    }
    stored = json.dumps(extra, default=str) if extra else None
    if stored is not None and len(stored) > _EXTRA_CHARACTERS:
        raise ValueError("the unknown names hold too much")
    return line, [_cell(name, row.get(name)) for name in names], stored


def _cell(name: str, value: object) -> Cell:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | Decimal):
        return str(value)
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return value
    raise ValueError(f"{name}: neither a text nor a number")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
