"""Conversations as lists read them: one statement a page, fan and last message included."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row

from huntaze.db import Connection
from huntaze.domain.conversations.models import (
    Conversation,
    ConversationState,
    FanCard,
    LastMessage,
)
from huntaze.errors import BadRequestError, NotFoundError
from huntaze.http import Page, decode_cursor, encode_cursor

# The page is cut first; what hangs on a conversation is then looked up for the page alone.
_PAGE = sql.SQL("""
  SELECT c.id, c.creator_id, c.state, c.snoozed_until, c.hidden_at, c.unread, c.waiting_since,
         c.answer_from, c.last_message_at, c.last_inbound_at, c.last_outbound_at, c.created_at,
         c.updated_at, c.moved_at, f.assigned_to,
         ARRAY(SELECT l.label FROM conversation_labels l WHERE l.conversation_id = c.id
                ORDER BY l.label) AS labels,
         f.id AS fan_id, f.handle, f.display_name, f.status, f.tier, f.language, f.time_zone,
         f.value_cents, k.currency, f.last_purchase_at, f.last_seen_at, f.subscribed_at,
         f.expires_at,
         ARRAY(SELECT t.tag FROM fan_tags t WHERE t.fan_id = f.id ORDER BY t.tag) AS tags,
         EXISTS (SELECT FROM suppressions x WHERE x.platform_key = f.platform_key) AS suppressed,
         m.id AS message_id, m.direction, left(m.text, 200) AS text, m.price_cents,
         m.unsent_at IS NOT NULL AS unsent
    FROM (
      SELECT c.*, {key} AS place FROM conversations c {fans} WHERE {condition}
       ORDER BY {key} {order}, {last} {order} LIMIT %(page_rows)s
    ) c
    JOIN fans f ON f.id = c.fan_id
    JOIN creators k ON k.id = c.creator_id
    LEFT JOIN messages m ON m.id = c.last_message_id
   ORDER BY c.place {order}, {outer_last} {order}
""")

_FANS = sql.SQL(
    "JOIN fans f ON f.workspace_id = c.workspace_id AND f.creator_id = c.creator_id"
    " AND f.id = c.fan_id AND f.erased_at IS NULL"
)
_CARD = FanCard.model_fields.keys() - {"id"}
_OWN = Conversation.model_fields.keys() - {"fan", "last_message"}


class Sort(StrEnum):
    """How a list of conversations is sorted."""

    # The newest message first.
    NEWEST = "newest"
    # Whoever should be answered first; only what is open and waits for an answer.
    TO_ANSWER = "to_answer"
    # The fan who has paid most first.
    VALUE = "value"


class _Order(NamedTuple):
    """What a list is sorted by, and how that reads in a cursor."""

    key: str
    last: str
    direction: str
    read: type[int] | type[datetime]


_ORDERS = {
    Sort.NEWEST: _Order("c.moved_at", "c.id", "DESC", datetime),
    Sort.TO_ANSWER: _Order("c.answer_from", "c.id", "ASC", datetime),
    Sort.VALUE: _Order("f.value_cents", "f.id", "DESC", int),
}


def read_conversations(
    connection: Connection,
    conditions: list[sql.SQL],
    values: dict[str, object],
    *,
    sort: Sort = Sort.NEWEST,
    of_fans: bool = False,
    limit: int,
    cursor: str | None = None,
) -> Page[Conversation]:
    """Read a page of the conversations ``c`` that fulfil all conditions.

    Args:
        connection: Inside a tenant's transaction.
        conditions: SQL over the alias ``c``; one should name the creator.
        values: What the conditions refer to.
        sort: How the list is sorted.
        of_fans: Conditions name the fan ``f``, too.
        limit: The most items of the page.
        cursor: Where the page before ended.

    Raises:
        BadRequestError: The cursor belongs to no such list.
    """
    order = _ORDERS[sort]
    values = {**values, "page_rows": limit + 1}
    parts: list[sql.Composable] = [*conditions]
    if sort is Sort.TO_ANSWER:
        parts.append(sql.SQL("c.state = 'open' AND c.answer_from IS NOT NULL"))
    key, last = _column(order.key), _column(order.last)
    if cursor is not None:
        after, after_id = _position(cursor, sort)
        values |= {"page_after": after, "page_last": after_id}
        parts.append(
            sql.SQL("({}, {}) {} (%(page_after)s, %(page_last)s)").format(
                key, last, sql.SQL("<" if order.direction == "DESC" else ">")
            )
        )
    statement = _PAGE.format(
        key=key,
        last=last,
        order=sql.SQL(order.direction),
        fans=_FANS if of_fans or sort is Sort.VALUE else sql.SQL(""),
        condition=sql.SQL(" AND ").join(parts),
        outer_last=sql.SQL("c.fan_id" if sort is Sort.VALUE else "c.id"),
    )
    with connection.cursor(row_factory=dict_row) as reading:
        rows = reading.execute(statement, values).fetchall()
    items = [_read(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(items=items)
    return Page(items=items, next_cursor=_cursor(sort, rows[limit - 1]))


def require_conversation(connection: Connection, conversation_id: UUID) -> Conversation:
    """Read one conversation.

    Raises:
        NotFoundError: The caller has no such conversation.
    """
    page = read_conversations(
        connection, [sql.SQL("c.id = %(one)s")], {"one": conversation_id}, limit=1
    )
    if not page.items:
        raise NotFoundError("There is no such conversation in this workspace.")
    return page.items[0]


def _read(row: dict[str, Any]) -> Conversation:
    # Our own rows: the database's rules are stricter than the model's.
    card = FanCard.model_construct(None, id=row["fan_id"], **{name: row[name] for name in _CARD})
    said = None
    if row["message_id"] is not None:
        said = LastMessage.model_construct(
            None,
            id=row["message_id"],
            direction=row["direction"],
            text=row["text"],
            price_cents=row["price_cents"],
            unsent=row["unsent"],
        )
    own = {name: row[name] for name in _OWN} | {"state": ConversationState(row["state"])}
    return Conversation.model_construct(None, fan=card, last_message=said, **own)


def _column(name: str) -> sql.Composable:
    table, _, column = name.partition(".")
    return sql.Identifier(table, column)


def _cursor(sort: Sort, row: dict[str, Any]) -> str:
    if sort is Sort.VALUE:
        return encode_cursor(sort, row["value_cents"], row["fan_id"])
    at: datetime = row["moved_at" if sort is Sort.NEWEST else "answer_from"]
    return encode_cursor(sort, at.isoformat(), row["id"])


def _position(cursor: str, sort: Sort) -> tuple[int | datetime, UUID]:
    name, at, last = decode_cursor(cursor, 3)
    try:
        after = int(at) if _ORDERS[sort].read is int else _moment(at)
        position = after, UUID(last)
    except ValueError:
        position = None
    if position is None or name != sort:
        raise BadRequestError("The cursor is of another list; leave it out to start over.")
    return position


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a moment without a zone")
    return at
