"""Reading a file of rows: CSV in its dialects, or JSON lines; row by row, never the whole.

bytes ──> text lines ──> records: (line, cells of the known columns, the other cells as JSON)
              │             │
              └── what cannot be a row is a record with its reason, and the rest goes on
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import chain
from operator import itemgetter
from typing import NamedTuple, NoReturn

from functions.fans.imports.lines import ByteSource, Lines, UnreadableFileError, is_unicode
from functions.fans.imports.models import Dialect, ImportFormat, Place

DELIMITERS = ",;\t"
_EXTRA_CHARACTERS = 20_000
# Postgres and Python both walk nested values by recursion.
_EXTRA_DEPTH = 50
_MAX_COLUMNS = 1000
_HEADER_CHARACTERS = 100_000
# Of the names that come twice, as many as a reader of the report wants to see.
_NAMED = 10
# Read in a second or so: a sheet may end in a million blank rows, and a run must get on with them.
_BLANK_ROWS = 250_000

# A cell of JSON lines may be a list of texts, for tags.
type Cell = str | list[str]


class Record(NamedTuple):
    """A row of a file: the line where it starts, the cells of the known columns, other cells.

    Where ``problem`` says why, it cannot be read.
    """

    line: int
    cells: Sequence[Cell]
    extra: str | None = None
    problem: str | None = None


# Where very many blank rows end: no row, but a place to go on from.
BLANK_ROWS_END = Record(0, ())


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


class Table:
    """The known columns of a file, and its records with their cells in that order.

    Args:
        lines: The file's lines after its header.
        dialect: How it is written.
        columns: What it may name.
    """

    def __init__(self, lines: Lines, dialect: Dialect, columns: Columns) -> None:
        self._lines = lines
        self._dialect = dialect
        if dialect.format == "jsonl":
            self.columns = tuple(sorted(columns.known))
            self.records = _json_records(lines, self.columns, columns)
        else:
            known = [name for name in dialect.header if name in columns.known]
            self.columns = tuple(known)
            self.records = _delimited_records(lines, dialect, columns)

    @property
    def place(self) -> Place:
        """Where the records that were taken end."""
        return Place(
            offset=self._lines.offset,
            lines=self._lines.number,
            encoding=self._lines.encoding,
            dialect=self._dialect,
        )


def open_table(
    source: ByteSource, columns: Columns, *, as_format: ImportFormat | None = None
) -> Table:
    """Read the head of a file and make ready to read its rows.

    Args:
        source: The file from its start.
        columns: What it may name.
        as_format: How it is written; None is decided by its first character.

    Raises:
        UnreadableFileError: It is not text, or its header is not one.
    """
    return table_of(Lines(source), columns, as_format=as_format)


def table_of(lines: Lines, columns: Columns, *, as_format: ImportFormat | None = None) -> Table:
    """As ``open_table``, from lines at the start of their file."""
    begins_as = lines.start()[:4096]
    if as_format is None:
        text = begins_as.replace(b"\0", b"").lstrip()
        as_format = "jsonl" if text.startswith(b"{") else "csv"
    if as_format == "jsonl":
        return Table(lines, Dialect(format="jsonl"), columns)
    return Table(lines, _read_header(lines, columns), columns)


def resume_table(source: ByteSource, place: Place, columns: Columns) -> Table:
    """Go on with a file at a place that its table told; ``source`` begins there."""
    lines = Lines(source, encoding=place.encoding, offset=place.offset, number=place.lines)
    return Table(lines, place.dialect, columns)


def _read_header(lines: Lines, columns: Columns) -> Dialect:
    rest = iter(lines)
    first = next((line for line in rest if line.strip()), "")
    delimiter = None
    # How a sheet is told what divides its cells: Excel's own first line.
    if first[:4].lower() == "sep=" and len(first.strip("\r\n")) == 5:
        delimiter = first[4]
        first = next((line for line in rest if line.strip()), "")
    if delimiter is None:
        delimiter = max(DELIMITERS, key=lambda sign: _known_in(first, sign, columns))
    try:
        reader = csv.reader(chain([first], rest), delimiter=delimiter, strict=True)
        header = tuple(columns.canonical(name) for name in next(reader, []))
    except (csv.Error, TypeError, ValueError) as error:
        raise UnreadableFileError(f"The header cannot be read: {error}.") from None
    if problem := lines.problem:
        raise UnreadableFileError(f"The header {problem}; save the file as UTF-8.")
    _check_header(header, columns)
    return Dialect(format="csv", delimiter=delimiter, header=header)


def _known_in(line: str, delimiter: str, columns: Columns) -> tuple[int, int]:
    """Rate a delimiter: how many names it makes sense of, then how many it finds at all."""
    try:
        names = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return 0, 0
    return sum(columns.canonical(name) in columns.known for name in names), len(names)


def _check_header(header: tuple[str, ...], columns: Columns) -> None:
    wanted = " and ".join(columns.required)
    if not any(name in columns.known for name in header):
        raise UnreadableFileError(
            f"The first line must be a header that names the columns; it needs {wanted}."
        )
    if len(header) > _MAX_COLUMNS or sum(map(len, header)) > _HEADER_CHARACTERS:
        raise UnreadableFileError(
            f"The header names more than {_MAX_COLUMNS} columns, or names that are too long."
        )
    if missing := [name for name in columns.required if name not in header]:
        raise UnreadableFileError(
            f"The header lacks {' and '.join(missing)}; it needs {wanted}.",
            fields=dict.fromkeys(missing, "column is missing"),
        )
    if double := {name for name in header if name and header.count(name) > 1}:
        raise UnreadableFileError(f"The header names {' and '.join(sorted(double))} twice.")


def _delimited_records(lines: Lines, dialect: Dialect, columns: Columns) -> Iterator[Record]:
    header, width = dialect.header, len(dialect.header)
    pick: Callable[[list[str]], tuple[str, ...]] = itemgetter(
        *(index for index, name in enumerate(header) if name in columns.known)
    )
    others = [
        (index, name)
        for index, name in enumerate(header)
        if name and name not in columns.known and name not in columns.ignored
    ]
    reader = csv.reader(lines, delimiter=dialect.delimiter, strict=True)
    blank = 0
    while True:
        start = lines.number + 1
        lines.row_bytes = 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # An open quote swallows lines: the report says how far.
            until = "" if lines.number <= start else f" (up to line {lines.number})"
            lines.problem, blank = None, 0
            yield _unread(start, f"the quotes or the length of a cell are wrong{until}: {error}")
            continue
        if lines.problem:
            yield _unread(start, f"the line {lines.problem}")
            lines.problem = None
        elif not any(cells):
            blank += 1
            if blank == _BLANK_ROWS:
                yield BLANK_ROWS_END
            else:
                continue
        elif len(cells) != width:
            yield _unread(start, f"{len(cells)} cells where the header has {width}")
        else:
            extra = {name: cells[index] for index, name in others if cells[index]}
            text = json.dumps(extra) if extra else None
            if text is not None and len(text) > _EXTRA_CHARACTERS:
                yield _unread(start, "the unknown columns hold too much")
            else:
                yield Record(start, pick(cells), text)
        # Counted anew after each record: whoever goes on after one cuts as if nobody had stopped.
        blank = 0


def _unread(line: int, problem: str) -> Record:
    return Record(line, (), None, problem)


def _json_records(lines: Lines, names: tuple[str, ...], columns: Columns) -> Iterator[Record]:
    blank = 0
    for line in lines:
        lines.row_bytes = 0
        if lines.problem:
            yield _unread(lines.number, f"the line {lines.problem}")
            lines.problem = None
        elif line.strip():
            try:
                yield _json_record(lines.number, line, names, columns)
            except ValueError as error:
                yield _unread(lines.number, str(error))
        else:
            blank += 1
            if blank < _BLANK_ROWS:
                continue
            yield BLANK_ROWS_END
        blank = 0


class _NameTwiceError(ValueError):
    """An object names a value twice."""


def _json_record(line: int, text: str, names: tuple[str, ...], columns: Columns) -> Record:
    try:
        value = json.loads(
            text,
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_doubles,
        )
    except _NameTwiceError:
        raise
    except (ValueError, RecursionError, InvalidOperation):
        # The last is of an exponent that no decimal has room for.
        raise ValueError("the line is not a JSON value") from None
    if not isinstance(value, dict):
        raise ValueError("the line is not a JSON object")  # noqa: TRY004  (of a row, not a type)
    # What the escapes of JSON can bring in and Postgres cannot store.
    if "\\u0000" in text:
        raise ValueError("the line holds a NUL character")
    if "\\ud" in text.lower() and not is_unicode(
        json.dumps(value, ensure_ascii=False, default=str)
    ):
        raise ValueError("the line holds half of a surrogate pair")
    row = _without_doubles([(columns.canonical(name), cell) for name, cell in value.items()])
    extra = {
        name: cell
        for name, cell in row.items()
        if name not in columns.known and name not in columns.ignored and cell is not None
    }
    stored = json.dumps(extra, default=str) if extra else None
    if stored is not None and (len(stored) > _EXTRA_CHARACTERS or _depth(extra) > _EXTRA_DEPTH):
        raise ValueError("the unknown names hold too much")
    return Record(line, [_cell(name, row.get(name)) for name in names], stored)


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # Counted in one walk: a line may hold half a million names.
        times = Counter(name for name, _ in pairs)
        double = sorted({name[:60] for name, count in times.items() if count > 1})[:_NAMED]
        raise _NameTwiceError(f"the line names {' and '.join(double)} twice")
    return found


def _depth(value: object) -> int:
    """Return how deeply ``value`` is nested, counted level by level."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth


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
