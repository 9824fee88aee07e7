"""Fans as lists read them: one statement a page, tags and lists included."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row

from huntaze.db import Connection
from huntaze.domain.fans.models import Fan
from huntaze.errors import BadRequestError, NotFoundError
from huntaze.http import Page, decode_cursor, encode_cursor

# The page is cut first; what hangs on a fan is then looked up for the page alone.
_PAGE = sql.SQL("""
  SELECT f.id, f.creator_id, f.platform_id, f.handle, f.display_name, f.email, f.status, f.tier,
         f.price_cents, f.rebill_on, f.subscribed_at, f.renewed_at, f.expires_at, f.last_seen_at,
         f.time_zone, f.language, f.notes, f.consent, f.blocked_at, f.assigned_to, f.extra,
         f.value_cents,
         f.last_purchase_at, f.last_inbound_at, f.last_outbound_at, f.created_at, f.updated_at,
         c.currency,
         EXISTS (SELECT FROM suppressions x WHERE x.platform_key = f.platform_key) AS suppressed,
         ARRAY(SELECT t.tag FROM fan_tags t WHERE t.fan_id = f.id ORDER BY t.tag) AS tags,
         ARRAY(SELECT m.list_id FROM fan_list_members m WHERE m.fan_id = f.id
                ORDER BY m.list_id) AS lists
    FROM (
      {found}
    ) f
    JOIN creators c ON c.id = f.creator_id
   ORDER BY f.{key} DESC, f.id DESC
""")


_FIRST = sql.SQL(
    "SELECT * FROM fans f WHERE {condition} ORDER BY f.{key} DESC, f.id DESC LIMIT %(page_rows)s"
)
# OFFSET 0 keeps the planner from planning for the first few: it would take the order from an index
# and answer the condition row by row, which no condition over sums survives.
_ALL_THEN_FIRST = sql.SQL(
    "SELECT * FROM fans WHERE id IN ("
    "SELECT id FROM (SELECT f.id, f.{key} FROM fans f WHERE {condition} OFFSET 0) f"
    " ORDER BY f.{key} DESC, f.id DESC LIMIT %(page_rows)s)"
)


class FanOrder(NamedTuple):
    """A way to sort fans, highest first: the column, and how its value reads in a cursor."""

    column: str
    read: type[int] | type[datetime]


NEWEST = FanOrder("created_at", datetime)
VALUE = FanOrder("value_cents", int)


def read_fans(
    connection: Connection,
    condition: sql.Composable,
    parameters: dict[str, object],
    *,
    order: FanOrder = NEWEST,
    limit: int,
    cursor: str | None = None,
    find_all: bool = False,
) -> Page[Fan]:
    """Read a page of the fans ``f`` that fulfil ``condition``.

    Args:
        connection: Inside a tenant's transaction.
        condition: SQL over the alias ``f``; it should name the creator.
        parameters: What the condition refers to.
        order: How the list is sorted.
        limit: The most items of the page.
        cursor: Where the page before ended.
        find_all: Find all fans first: for a condition that is much cheaper answered for all at
            once than fan by fan.

    Raises:
        BadRequestError: The cursor belongs to no such list.
    """
    values = {**parameters, "page_rows": limit + 1}
    if cursor is not None:
        after, last = _position(cursor, order)
        values |= {"page_after": after, "page_last": last}
        condition = sql.SQL("{} AND (f.{}, f.id) < (%(page_after)s, %(page_last)s)").format(
            condition, sql.Identifier(order.column)
        )
    key = sql.Identifier(order.column)
    found = (_ALL_THEN_FIRST if find_all else _FIRST).format(condition=condition, key=key)
    statement = _PAGE.format(found=found, key=key)
    with connection.cursor(row_factory=dict_row) as reading:
        rows = reading.execute(statement, values).fetchall()
    # Our own rows: the database's rules are stricter than the model's.
    items = [Fan.model_construct(None, **row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(items=items)
    end = items[-1]
    last = getattr(end, order.column)
    at = last.isoformat() if isinstance(last, datetime) else last
    return Page(items=items, next_cursor=encode_cursor(order.column, at, end.id))


def _position(cursor: str, order: FanOrder) -> tuple[int | datetime, UUID]:
    column, at, last = decode_cursor(cursor, 3)
    try:
        after = datetime.fromisoformat(at) if order.read is datetime else int(at)
        position = after, UUID(last)
    except ValueError:
        position = None
    if position is None or column != order.column:
        raise BadRequestError("The cursor is of another list; leave it out to start over.")
    return position


def require_fan(connection: Connection, fan_id: UUID) -> Fan:
    """Read one fan.

    Raises:
        NotFoundError: The caller has no such fan, or it was erased.
    """
    page = read_fans(
        connection,
        sql.SQL("f.id = %(fan)s AND f.erased_at IS NULL"),
        {"fan": fan_id},
        limit=1,
    )
    if not page.items:
        raise NotFoundError("There is no such fan in this workspace.")
    return page.items[0]
