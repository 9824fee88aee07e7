"""Rules of exports. Knows nothing of HTTP, SQL or AWS."""

import csv
import io
from collections.abc import Iterable

from functions.fans.imports.cells import neutral
from huntaze.domain.fans import Fan

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
