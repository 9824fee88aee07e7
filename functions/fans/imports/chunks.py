"""Cutting a file into chunks: rows that are stored together, and the place where they end.

Where chunks end follows from the rows alone. Whoever goes on from a place cuts the rest as if
nobody had ever stopped, so that counts come out the same, too.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple, cast

from functions.fans.imports.models import ImportKind, Place, RejectedRow
from functions.fans.imports.rows import (
    FAN_COLUMNS,
    TRANSACTION_COLUMNS,
    Rejections,
    fan_rows,
    transaction_rows,
)
from functions.fans.imports.table import BLANK_ROWS_END, Columns, Record, Table
from huntaze.domain.fans import FanRow
from huntaze.domain.money import TransactionRow

# Few enough to hold two of them in memory, and enough that a statement's own cost does not count.
CHUNK_RECORDS = 20_000
_CHUNK_CHARACTERS = 16_000_000

COLUMNS: dict[ImportKind, Columns] = {"fans": FAN_COLUMNS, "transactions": TRANSACTION_COLUMNS}


class Chunk(NamedTuple):
    """Rows to store together.

    Attributes:
        records: How many rows of the file these are, the rejected included.
        rejected: The first thousand of those that were left out.
        place: Where they end; None is the end of the file.
        copied: Whoever stores the rows calls it when they are on their way, so that the next chunk
            may be read.
    """

    rows: list[FanRow] | list[TransactionRow]
    records: int
    rejected: list[RejectedRow]
    rejected_count: int
    place: Place
    last: bool
    copied: Callable[[], None] = lambda: None


def cut(table: Table, kind: ImportKind, currency: str) -> Iterator[Chunk]:
    """Cut the rest of a table into chunks; the last one says so, and there is always one.

    Args:
        table: At the place to go on from.
        kind: What its rows are.
        currency: The creator's, which transactions must be in.
    """
    while True:
        some = _Some(table.records, CHUNK_RECORDS)
        rejections = Rejections()
        rows = (
            list(fan_rows(table.columns, some, rejections))
            if kind == "fans"
            else list(transaction_rows(table.columns, some, rejections, currency))
        )
        yield Chunk(
            rows, some.count, rejections.first, rejections.count, table.place, some.exhausted
        )
        if some.exhausted:
            return


class _Some:
    """The next records of a table, up to as many as one chunk takes."""

    def __init__(self, records: Iterator[Record], most: int) -> None:
        self._records = records
        self._most = most
        self.count = 0
        self.exhausted = False

    def __iter__(self) -> Iterator[Record]:
        characters = 0
        for record in islice(self._records, self._most):
            if record is BLANK_ROWS_END:
                return
            self.count += 1
            characters += sum(map(len, record.cells)) + len(record.extra or "")
            yield record
            if characters > _CHUNK_CHARACTERS:
                return
        self.exhausted = self.count < self._most


def ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Pass chunks on, reading the next one in a thread while one is stored.

    Reading a file keeps this processor busy, storing its rows the database's: neither waits for the
    other. Sending the rows is work of this processor, too, in very many small pieces, each of which
    would wait for the thread: it begins when they are sent. There are never more than two chunks.
    """
    coming: Future[Chunk | None] | None = None

    def read_on() -> None:
        nonlocal coming
        if coming is None:
            coming = pool.submit(next, chunks, None)

    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        while True:
            read_on()
            chunk, coming = cast("Future[Chunk | None]", coming).result(), None
            if chunk is None:
                return
            yield chunk._replace(copied=read_on)
