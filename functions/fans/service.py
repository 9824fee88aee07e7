"""Rules of imports and exports. Knows nothing of HTTP, SQL or AWS."""

import csv
import io
from collections.abc import Callable, Iterable
from typing import BinaryIO, NamedTuple, Protocol
from uuid import UUID

from functions.fans.cells import neutral
from functions.fans.models import ImportFormat, ImportKind, ImportReport, RejectedRow
from functions.fans.rows import FAN_COLUMNS, TRANSACTION_COLUMNS, fan_rows, transaction_rows
from functions.fans.table import read_table
from huntaze.domain.fans import Fan, FanRow
from huntaze.domain.money import TransactionRow
from huntaze.errors import TooLargeError

# A request of API Gateway may hold 10 MB, one of Lambda 6 MB with the JSON around it.
INLINE_BYTES = 5 * 1024 * 1024
_REPORTED = 1000

EXPORT_COLUMNS = (
    "id",
    "platform_id",
    "handle",
    "display_name",
    "email",
    "status",
    "tier",
    "price_cents",
    "rebill_on",
    "subscribed_at",
    "renewed_at",
    "expires_at",
    "last_seen_at",
    "time_zone",
    "language",
    "tags",
    "notes",
    "consent",
    "value_cents",
)
CSV_HEADER = ",".join(EXPORT_COLUMNS) + "\r\n"


class Outcome(NamedTuple):
    """What the store did with the rows that it was given."""

    read: int
    created: int
    updated: int
    unchanged: int
    # Lines of fans who asked to be forgotten.
    erased: list[int]


class Rejections:
    """The rows left out: all are counted, the first thousand are kept."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[RejectedRow] = []

    def reject(self, line: int, reason: str) -> None:
        """Report a row."""
        self.count += 1
        if len(self.first) < _REPORTED:
            self.first.append(RejectedRow(line=line, reason=reason))


class ImportStore(Protocol):
    """Where imported rows go, in one transaction with their report."""

    def import_fans(
        self, creator_id: UUID | None, rows: Callable[[], Iterable[FanRow]], rejections: Rejections
    ) -> ImportReport:
        """Store fans and the report."""
        ...

    def import_transactions(
        self,
        creator_id: UUID | None,
        rows: Callable[[str], Iterable[TransactionRow]],
        rejections: Rejections,
    ) -> ImportReport:
        """Store transactions, which are read in the creator's currency, and the report."""
        ...


def refuse_too_large(data: bytes) -> None:
    """Refuse what does not fit into a request.

    Raises:
        TooLargeError: It is larger.
    """
    if len(data) > INLINE_BYTES:
        raise TooLargeError(
            f"The file has {len(data):,} bytes; {INLINE_BYTES:,} fit into a request."
            " Split it: importing in parts has the same end."
        )


def import_file(
    kind: ImportKind,
    stream: BinaryIO,
    store: ImportStore,
    *,
    creator_id: UUID | None,
    as_format: ImportFormat | None,
) -> ImportReport:
    """Import a file: good rows are stored, the others reported.

    Raises:
        UnreadableFileError: The file as a whole cannot be read; nothing is stored.
        NotFoundError: The caller has no such creator.
        InvalidInputError: No creator is named, and there is not exactly one.
    """
    rejections = Rejections()
    columns = FAN_COLUMNS if kind == "fans" else TRANSACTION_COLUMNS
    table = read_table(stream, columns, rejections.reject, as_format=as_format)
    if kind == "fans":
        return store.import_fans(creator_id, lambda: fan_rows(table, rejections.reject), rejections)
    return store.import_transactions(
        creator_id,
        lambda currency: transaction_rows(table, rejections.reject, currency),
        rejections,
    )


def csv_lines(fans: Iterable[Fan]) -> str:
    """Write fans as lines of a CSV file under ``CSV_HEADER``; it imports again as it is."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for fan in fans:
        writer.writerow([_cell(getattr(fan, name)) for name in EXPORT_COLUMNS])
    return buffer.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return neutral("|".join(value))
    return neutral(str(value))
