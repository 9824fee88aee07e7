"""Transactions as lists read them."""

from datetime import datetime
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from huntaze.db import Connection
from huntaze.domain.money.models import Transaction, TransactionType
from huntaze.errors import BadRequestError
from huntaze.http import Page, decode_cursor, encode_cursor

_PAGE = sql.SQL("""
  SELECT id, creator_id, fan_id, transaction_id, type, amount_cents, fee_cents, net_cents,
         effective_cents, currency, reverses, description, platform_message_id,
         created_at
    FROM transactions
   WHERE creator_id = %(creator)s AND {conditions}
   ORDER BY created_at DESC, id DESC
   LIMIT %(rows)s
""")


def read_transactions(
    connection: Connection,
    creator_id: UUID,
    *,
    fan_id: UUID | None = None,
    of_type: TransactionType | None = None,
    limit: int,
    cursor: str | None = None,
) -> Page[Transaction]:
    """Read a page of a creator's transactions, newest first.

    Raises:
        BadRequestError: The cursor belongs to no such list.
    """
    conditions: list[sql.SQL] = [sql.SQL("true")]
    values: dict[str, object] = {"creator": creator_id, "rows": limit + 1}
    if fan_id is not None:
        conditions.append(sql.SQL("fan_id = %(fan)s"))
        values["fan"] = fan_id
    if of_type is not None:
        conditions.append(sql.SQL("type = %(type)s"))
        values["type"] = of_type
    if cursor is not None:
        conditions.append(sql.SQL("(created_at, id) < (%(after)s, %(last)s)"))
        values["after"], values["last"] = _position(cursor)
    with connection.cursor(row_factory=class_row(Transaction)) as reading:
        items = reading.execute(
            _PAGE.format(conditions=sql.SQL(" AND ").join(conditions)), values
        ).fetchall()
    if len(items) <= limit:
        return Page(items=items)
    end = items[limit - 1]
    return Page(items=items[:limit], next_cursor=encode_cursor(end.created_at.isoformat(), end.id))


def _position(cursor: str) -> tuple[datetime, UUID]:
    at, last = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(at), UUID(last)
    except ValueError:
        raise BadRequestError(
            "The cursor is of another list; leave it out to start over."
        ) from None
