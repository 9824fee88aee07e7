"""Messages of a conversation as a person reads them, and replies that are no messages yet."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import dict_row
from pydantic import BaseModel, Field

from huntaze.db import Connection
from huntaze.domain.outbound.states import STILL_REPEATS
from huntaze.errors import BadRequestError
from huntaze.http import Page, decode_cursor, encode_cursor

# What came to nothing is shown for so long, in days; what nobody knows of, always.
_SHOWN_DAYS = 30
_MOST_UNDER_WAY = 50

_MESSAGES = """
  SELECT m.*, s.priority, s.written_by, s.author_id, s.campaign_id, s.model, s.ai_disclosed,
         s.media_ids
    FROM (
      SELECT * FROM messages
       WHERE {condition}
       ORDER BY sent_at DESC, id DESC LIMIT %(page_rows)s
    ) m
    LEFT JOIN sends s ON s.workspace_id = m.workspace_id AND s.id = m.send_id
   ORDER BY m.sent_at DESC, m.id DESC
"""

# A reply of which nobody knows is shown until somebody has settled it, or sent it again; and again
# when that has come to nothing.
_UNDER_WAY = """
  SELECT id, state, reason, text, price_cents, media_ids, due_at, created_at, settled_at, priority,
         written_by, author_id, campaign_id, model, ai_disclosed
    FROM sends s
   WHERE s.fan_id = %(fan)s AND s.campaign_id IS NULL
     AND s.state IN ('planned', 'submitting', 'unknown', 'not_sent', 'skipped')
     AND (s.state IN ('planned', 'submitting')
          OR (s.state = 'unknown' AND NOT EXISTS (
                SELECT FROM sends r WHERE r.workspace_id = s.workspace_id
                   AND r.id = (s.evidence ->> 'sent_again_as')::uuid
                   AND r.state = ANY (%(repeats)s)))
          OR (s.state IN ('not_sent', 'skipped')
              AND s.settled_at > clock_timestamp() - %(days)s * interval '1 day'))
   ORDER BY s.id DESC LIMIT %(most)s
"""

type AuthorKind = Literal["fan", "creator", "member", "chatbot", "automation", "campaign"]


class Author(BaseModel):
    """Who wrote a message, as the ledger says; `creator` wrote on the platform itself."""

    kind: AuthorKind
    member_id: UUID | None = None
    campaign_id: UUID | None = None
    written_by: Literal["person", "template", "ai"] | None = None
    model: str | None = None
    ai_disclosed: bool = False


class Attachment(BaseModel):
    """What is attached: an item of the library, or one that only the platform knows."""

    media_id: UUID | None
    platform_media_id: str | None
    kind: str | None
    title: str | None


class Message(BaseModel):
    """A message as the platform shows it."""

    id: UUID
    conversation_id: UUID
    direction: Literal["in", "out"]
    text: str
    price_cents: int
    paid_at: datetime | None = Field(description="When it was first seen that the fan has paid.")
    opened_at: datetime | None = Field(
        description="Of a message to a fan: when it was first seen that the fan has seen it."
    )
    tip_cents: int
    attachments: list[Attachment]
    author: Author
    send_id: UUID | None
    sent_at: datetime
    read_at: datetime | None = Field(description="Of a fan's message: when somebody read it.")
    unsent_at: datetime | None


class Reply(BaseModel):
    """A message of ours that is no message of the platform's yet, and perhaps never will be."""

    send_id: UUID
    state: Literal["planned", "submitting", "unknown", "not_sent", "skipped"]
    reason: str | None
    text: str
    price_cents: int
    attachments: list[Attachment]
    author: Author
    due_at: datetime
    created_at: datetime
    settled_at: datetime | None


class Thread(Page[Message]):
    """A page of a conversation, newest first; with the first one, the replies under way."""

    under_way: list[Reply] = Field(default_factory=list)


def read_thread(
    connection: Connection,
    conversation_id: UUID,
    fan_id: UUID,
    *,
    limit: int,
    cursor: str | None = None,
) -> Thread:
    """Read a page of a conversation that is there, newest first.

    Raises:
        BadRequestError: The cursor belongs to no thread.
    """
    condition = "conversation_id = %(conversation)s"
    values: dict[str, object] = {"conversation": conversation_id, "page_rows": limit + 1}
    if cursor is not None:
        at, last = message_position(cursor)
        condition += " AND (sent_at, id) < (%(page_at)s, %(page_last)s)"
        values |= {"page_at": at, "page_last": last}
    with connection.cursor(row_factory=dict_row) as reading:
        rows = reading.execute(_MESSAGES.format(condition=condition).encode(), values).fetchall()
        replies = []
        if cursor is None:
            asked = {
                "fan": fan_id,
                "days": _SHOWN_DAYS,
                "most": _MOST_UNDER_WAY,
                "repeats": list(STILL_REPEATS),
            }
            replies = reading.execute(_UNDER_WAY, asked).fetchall()
    library = _Library(connection, [*rows, *replies])
    thread = Thread(
        items=[_message(row, library) for row in rows[:limit]],
        under_way=[_reply(row, library) for row in replies],
    )
    if len(rows) > limit:
        end = thread.items[-1]
        thread.next_cursor = message_cursor(end.sent_at, end.id)
    return thread


def read_messages(connection: Connection, ids: list[UUID]) -> list[Message]:
    """Read messages, newest first."""
    values = {"ids": ids, "page_rows": len(ids)}
    with connection.cursor(row_factory=dict_row) as reading:
        rows = reading.execute(
            _MESSAGES.format(condition="id = ANY (%(ids)s)").encode(), values
        ).fetchall()
    library = _Library(connection, rows)
    return [_message(row, library) for row in rows]


def message_cursor(at: datetime, message_id: UUID) -> str:
    """Where a page of messages ended."""
    return encode_cursor("messages", at.isoformat(), message_id)


def message_position(cursor: str) -> tuple[datetime, UUID]:
    """Where the page after begins.

    Raises:
        BadRequestError: The cursor is of another list.
    """
    name, at, last = decode_cursor(cursor, 3)
    try:
        moment, message_id = datetime.fromisoformat(at), UUID(last)
    except ValueError:
        name = ""
    if name != "messages" or moment.tzinfo is None:
        raise BadRequestError("The cursor is of another list; leave it out to start over.")
    return moment, message_id


class _Library:
    """The creators' items that messages name, by our ids and by the platform's."""

    def __init__(self, connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
        ours = {one for row in rows for one in row["media_ids"] or ()}
        theirs = {one for row in rows for one in row.get("media", ())}
        self._items: dict[UUID, dict[str, Any]] = {}
        self._in_vault: dict[tuple[UUID, str], dict[str, Any]] = {}
        if not (ours or theirs):
            return
        creators = {row["creator_id"] for row in rows if "creator_id" in row}
        with connection.cursor(row_factory=dict_row) as reading:
            reading.execute(
                "SELECT id, creator_id, platform_media_id, kind, title FROM media"
                " WHERE id = ANY (%s)"
                " OR (creator_id = ANY (%s) AND platform_media_id = ANY (%s))",
                (list(ours), list(creators), list(theirs)),
            )
            for item in reading:
                self._items[item["id"]] = item
                self._in_vault[item["creator_id"], item["platform_media_id"]] = item

    def attached(self, row: dict[str, Any]) -> list[Attachment]:
        """What the ledger says is attached; where it says nothing, what the platform shows."""
        if row["media_ids"]:
            return [_item(self._items.get(one), None) for one in row["media_ids"]]
        return [
            _item(self._in_vault.get((row["creator_id"], one)), one) for one in row.get("media", ())
        ]


def _item(known: dict[str, Any] | None, platform_media_id: str | None) -> Attachment:
    if known is None:
        return Attachment(media_id=None, platform_media_id=platform_media_id, kind=None, title=None)
    return Attachment(
        media_id=known["id"],
        platform_media_id=known["platform_media_id"],
        kind=known["kind"],
        title=known["title"],
    )


def _message(row: dict[str, Any], library: _Library) -> Message:
    names = Message.model_fields.keys() - {"attachments", "author"}
    return Message.model_construct(
        None,
        attachments=library.attached(row),
        author=_author(row),
        **{name: row[name] for name in names},
    )


def _reply(row: dict[str, Any], library: _Library) -> Reply:
    names = Reply.model_fields.keys() - {"attachments", "author", "send_id"}
    return Reply.model_construct(
        None,
        send_id=row["id"],
        attachments=library.attached(row),
        author=_author(row),
        **{name: row[name] for name in names},
    )


def _author(row: dict[str, Any]) -> Author:
    if row.get("direction") == "in":
        return Author(kind="fan")
    if row["written_by"] is None:
        return Author(kind="creator")
    kinds: dict[int, AuthorKind] = {0: "member", 1: "chatbot", 2: "automation", 3: "campaign"}
    return Author(
        kind="campaign" if row["campaign_id"] else kinds[row["priority"]],
        member_id=row["author_id"],
        campaign_id=row["campaign_id"],
        written_by=row["written_by"],
        model=row["model"],
        ai_disclosed=row["ai_disclosed"],
    )
