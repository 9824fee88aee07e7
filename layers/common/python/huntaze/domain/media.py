"""References to the items of a creator's vault: the one writer of ``media``.

The item itself stays on the platform; what is kept is its id there and what people call it.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, StringConstraints

from huntaze.db import Connection
from huntaze.errors import BadRequestError, ConflictError, NotFoundError
from huntaze.http import Page, decode_cursor, encode_cursor
from huntaze.ids import new_id

type MediaKind = Literal["photo", "video", "audio"]
type _Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class MediaExistsError(ConflictError):
    """The creator has a reference to that item."""


class MediaInUseError(ConflictError):
    """The item was offered to fans, or is about to be."""


class MediaDraft(BaseModel):
    """A reference to make."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    creator_id: UUID | None = None
    platform_media_id: _Short
    kind: MediaKind
    title: _Short


class Media(BaseModel):
    """An item of a creator's vault."""

    id: UUID
    creator_id: UUID
    platform_media_id: str
    kind: MediaKind
    title: str
    created_at: datetime


_SELECT = sql.SQL(
    "SELECT id, creator_id, platform_media_id, kind, title, created_at FROM media WHERE {}"
)


def read_media(
    connection: Connection,
    creator_id: UUID,
    *,
    kind: MediaKind | None = None,
    limit: int,
    cursor: str | None = None,
) -> Page[Media]:
    """Read a page of a creator's media, newest first.

    Raises:
        BadRequestError: The cursor belongs to no such list.
    """
    conditions = [sql.SQL("creator_id = %(creator)s")]
    values: dict[str, object] = {"creator": creator_id, "rows": limit + 1, "kind": kind}
    if kind is not None:
        conditions.append(sql.SQL("kind = %(kind)s"))
    if cursor is not None:
        # Ids are UUIDv7: the newest has the highest.
        conditions.append(sql.SQL("id < %(last)s"))
        values["last"] = _position(cursor)
    statement = _SELECT.format(sql.SQL(" AND ").join(conditions)) + sql.SQL(
        " ORDER BY id DESC LIMIT %(rows)s"
    )
    with connection.cursor(row_factory=class_row(Media)) as reading:
        items = reading.execute(statement, values).fetchall()
    if len(items) <= limit:
        return Page(items=items)
    return Page(items=items[:limit], next_cursor=encode_cursor(items[limit - 1].id))


def _position(cursor: str) -> UUID:
    (last,) = decode_cursor(cursor, 1)
    try:
        return UUID(last)
    except ValueError:
        raise BadRequestError(
            "The cursor is of another list; leave it out to start over."
        ) from None


def require_media(connection: Connection, media_id: UUID) -> Media:
    """Read one item.

    Raises:
        NotFoundError: The caller has no such item.
    """
    with connection.cursor(row_factory=class_row(Media)) as reading:
        found = reading.execute(_SELECT.format(sql.SQL("id = %s")), (media_id,)).fetchone()
    if found is None:
        raise NotFoundError("There is no such content in this workspace.")
    return found


def add_media(connection: Connection, creator_id: UUID, draft: MediaDraft) -> Media:
    """Store a reference.

    Raises:
        MediaExistsError: The creator has one to that item.
    """
    media_id = new_id()
    made = connection.execute(
        "INSERT INTO media (workspace_id, id, creator_id, platform_media_id, kind, title)"
        " VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s, %s, %s)"
        " ON CONFLICT (workspace_id, creator_id, platform_media_id) DO NOTHING",
        (media_id, creator_id, draft.platform_media_id, draft.kind, draft.title),
    )
    if made.rowcount == 0:
        raise MediaExistsError(
            f"This creator has content with the platform id {draft.platform_media_id}."
        )
    return require_media(connection, media_id)


def delete_media(connection: Connection, media_id: UUID) -> None:
    """Delete a reference that was never offered; the item stays on the platform.

    Raises:
        NotFoundError: The caller has no such item.
        MediaInUseError: It was offered or bought, or a campaign or a message holds it.
    """
    media = require_media(connection, media_id)
    held = connection.execute(
        "SELECT EXISTS (SELECT FROM campaigns WHERE creator_id = %(creator)s"
        " AND status NOT IN ('completed', 'cancelled', 'failed') AND %(media)s = ANY (media_ids))"
        " OR EXISTS (SELECT FROM sends WHERE creator_id = %(creator)s"
        " AND state IN ('planned', 'submitting', 'unknown') AND %(media)s = ANY (media_ids))",
        {"creator": media.creator_id, "media": media_id},
    ).fetchone()
    if held is not None and held[0]:
        raise MediaInUseError("A campaign or a message that is still to go out holds this content.")
    try:
        with connection.transaction():
            connection.execute("DELETE FROM media WHERE id = %s", (media_id,))
    except psycopg.errors.ForeignKeyViolation:
        raise MediaInUseError(
            "This content was offered to fans: it stays, so that nobody is offered it twice."
        ) from None
