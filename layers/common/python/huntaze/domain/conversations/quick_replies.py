"""Texts that members put into replies: for one creator, or for every one."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, StringConstraints

from huntaze.db import Connection
from huntaze.domain.outbound.texts import MAX_TEXT, SENDABLE
from huntaze.errors import BadRequestError, ConflictError, NotFoundError
from huntaze.http import Page, decode_cursor, encode_cursor
from huntaze.ids import new_id

_COLUMNS = "id, creator_id, name, text, created_by, created_at, updated_at"


class QuickReplyExistsError(ConflictError):
    """Another quick reply has this name."""


class QuickReplyDraft(BaseModel):
    """A text for replies; `creator_id` left out: for every creator of the workspace.

    `{display_name|there}` and `{handle|there}` are filled from the fan, as in campaigns.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    creator_id: UUID | None = None
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    text: Annotated[
        str, StringConstraints(min_length=1, max_length=MAX_TEXT, pattern=r"\S"), SENDABLE
    ]


class QuickReply(BaseModel):
    """A text for replies; `creator_id` null: for every creator."""

    id: UUID
    creator_id: UUID | None
    name: str
    text: str
    created_by: UUID
    created_at: datetime
    updated_at: datetime


def read_quick_replies(
    connection: Connection, creator_id: UUID | None, *, limit: int, cursor: str | None
) -> Page[QuickReply]:
    """Read a page of quick replies by name: all, or what a creator's fans may be answered with."""
    condition = "true" if creator_id is None else "(creator_id = %(creator)s OR creator_id IS NULL)"
    values: dict[str, object] = {"creator": creator_id, "page_rows": limit + 1}
    if cursor is not None:
        condition += " AND (name, id) > (%(page_name)s, %(page_last)s)"
        values |= _position(cursor)
    query = (
        f"SELECT {_COLUMNS} FROM quick_replies WHERE {condition}"  # noqa: S608  (only our own words)
        " ORDER BY name, id LIMIT %(page_rows)s"
    )
    with connection.cursor(row_factory=class_row(QuickReply)) as reading:
        rows = reading.execute(query.encode(), values).fetchall()
    items = rows[:limit]
    if len(rows) <= limit:
        return Page(items=items)
    end = items[-1]
    return Page(items=items, next_cursor=encode_cursor("quick_replies", end.name, end.id))


def _position(cursor: str) -> dict[str, object]:
    of_list, name, last = decode_cursor(cursor, 3)
    try:
        last_id = UUID(last)
    except ValueError:
        of_list = ""
    if of_list != "quick_replies":
        raise BadRequestError("The cursor is of another list; leave it out to start over.")
    return {"page_name": name, "page_last": last_id}


def require_quick_reply(connection: Connection, quick_reply_id: UUID) -> QuickReply:
    """Read one quick reply.

    Raises:
        NotFoundError: The caller has no such quick reply.
    """
    with connection.cursor(row_factory=class_row(QuickReply)) as reading:
        query = f"SELECT {_COLUMNS} FROM quick_replies WHERE id = %s"  # noqa: S608
        found = reading.execute(query.encode(), (quick_reply_id,)).fetchone()
    if found is None:
        raise NotFoundError("There is no such quick reply in this workspace.")
    return found


def add_quick_reply(connection: Connection, draft: QuickReplyDraft, *, by: UUID) -> QuickReply:
    """Store a quick reply.

    Raises:
        QuickReplyExistsError: Another has its name.
    """
    quick_reply_id = new_id()
    row = (quick_reply_id, draft.creator_id, draft.name, draft.text, by)
    try:
        with connection.transaction():
            connection.execute(
                "INSERT INTO quick_replies (workspace_id, id, creator_id, name, text, created_by)"
                " VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s, %s, %s)",
                row,
            )
    except psycopg.errors.UniqueViolation:
        raise _exists(draft) from None
    return require_quick_reply(connection, quick_reply_id)


def replace_quick_reply(
    connection: Connection, quick_reply_id: UUID, draft: QuickReplyDraft
) -> QuickReply:
    """Put another text in the place of one that is there.

    Raises:
        QuickReplyExistsError: Another has its name.
    """
    try:
        with connection.transaction():
            connection.execute(
                "UPDATE quick_replies SET creator_id = %s, name = %s, text = %s,"
                " updated_at = clock_timestamp() WHERE id = %s",
                (draft.creator_id, draft.name, draft.text, quick_reply_id),
            )
    except psycopg.errors.UniqueViolation:
        raise _exists(draft) from None
    return require_quick_reply(connection, quick_reply_id)


def delete_quick_reply(connection: Connection, quick_reply_id: UUID) -> None:
    """Delete a quick reply; what was sent with it stays."""
    connection.execute("DELETE FROM quick_replies WHERE id = %s", (quick_reply_id,))


def _exists(draft: QuickReplyDraft) -> QuickReplyExistsError:
    return QuickReplyExistsError(f"There is a quick reply called {draft.name!r} already.")
