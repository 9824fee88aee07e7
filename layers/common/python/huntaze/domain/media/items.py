"""Items of content: made, read, changed and taken away; the writer of ``media`` and its tags."""

from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from huntaze.db import Connection
from huntaze.domain.media.files import request_removal
from huntaze.domain.media.models import Media, MediaChanges, MediaDraft, MediaKind
from huntaze.domain.media.words import condition_of, replace_words
from huntaze.errors import BadRequestError, ConflictError, InvalidInputError, NotFoundError
from huntaze.http import Page, decode_cursor, encode_cursor
from huntaze.ids import new_id

_SELECT = sql.SQL("""
  SELECT m.id, m.creator_id, m.platform_media_id, m.kind, m.title, m.body, m.created_at,
         m.updated_at,
         ARRAY(SELECT tag FROM media_tags t
                WHERE t.workspace_id = m.workspace_id AND t.media_id = m.id ORDER BY tag) AS tags,
         (SELECT jsonb_build_object('content_type', f.content_type, 'bytes', f.bytes,
                   'width', f.width, 'height', f.height, 'duration_ms', f.duration_ms,
                   'removed', f.removed, 'objects', f.objects)
            FROM media_files f
           WHERE f.workspace_id = m.workspace_id AND f.media_id = m.id) AS file
    FROM media m
   WHERE m.retired_at IS NULL AND {}
""")
# What is still to go out with the item, or is planned to.
_HELD = """
  SELECT EXISTS (SELECT FROM campaigns WHERE creator_id = %(creator)s
                  AND status NOT IN ('completed', 'cancelled', 'failed')
                  AND %(media)s = ANY (media_ids))
      OR EXISTS (SELECT FROM sends WHERE creator_id = %(creator)s
                  AND state IN ('planned', 'submitting', 'unknown')
                  AND %(media)s = ANY (media_ids)) AS sending,
         EXISTS (SELECT FROM automations a
                   JOIN automation_versions v
                     ON v.workspace_id = a.workspace_id AND v.automation_id = a.id
                  WHERE a.creator_id = %(creator)s AND a.enabled_at IS NOT NULL
                    AND v.definition -> 'steps' @> jsonb_build_array(%(naming)s::jsonb)
                    -- A run goes on with the version that it began with.
                    AND (v.version = a.version OR EXISTS (
                          SELECT FROM automation_runs r
                           WHERE r.workspace_id = v.workspace_id AND r.status = 'waiting'
                             AND r.automation_id = v.automation_id AND r.version = v.version)))
      OR EXISTS (SELECT FROM workflows WHERE creator_id = %(creator)s AND status = 'running'
                  AND request @> %(naming)s) AS wanted,
         EXISTS (SELECT FROM content_schedule WHERE media_id = %(media)s AND status = 'scheduled')
           AS scheduled,
         EXISTS (SELECT FROM media_grants WHERE media_id = %(media)s) AS offered
"""


class _Held(NamedTuple):
    sending: bool
    wanted: bool
    scheduled: bool
    offered: bool


class MediaExistsError(ConflictError):
    """The creator has a reference to that item."""


class MediaInUseError(ConflictError):
    """The item is about to be sent or published."""


class MediaOfferedError(ConflictError):
    """The item was offered to fans: it stays the thing that they were offered."""


def read_media(
    connection: Connection,
    creator_id: UUID,
    *,
    kind: MediaKind | None = None,
    tag: str | None = None,
    search: str | None = None,
    limit: int,
    cursor: str | None = None,
) -> Page[Media]:
    """Read a page of a creator's items, newest first.

    Raises:
        BadRequestError: The cursor belongs to no such list.
    """
    conditions: list[sql.Composable] = [sql.SQL("m.creator_id = %(creator)s")]
    values: dict[str, object] = {"creator": creator_id, "rows": limit + 1}
    if kind is not None:
        conditions.append(sql.SQL("m.kind = %(kind)s"))
        values["kind"] = kind
    if tag is not None:
        conditions.append(
            sql.SQL(
                "EXISTS (SELECT FROM media_tags t WHERE t.workspace_id = m.workspace_id"
                " AND t.media_id = m.id AND t.tag = %(tag)s)"
            )
        )
        values["tag"] = tag
    if search is not None:
        conditions.append(condition_of(connection, creator_id, search, values))
    if cursor is not None:
        # Ids are UUIDv7: the newest has the highest.
        conditions.append(sql.SQL("m.id < %(last)s"))
        values["last"] = _position(cursor)
    statement = _SELECT.format(sql.SQL(" AND ").join(conditions)) + sql.SQL(
        " ORDER BY m.id DESC LIMIT %(rows)s"
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
        found = reading.execute(_SELECT.format(sql.SQL("m.id = %s")), (media_id,)).fetchone()
    if found is None:
        raise NotFoundError("There is no such content in this workspace.")
    return found


def add_media(
    connection: Connection,
    creator_id: UUID,
    draft: MediaDraft,
    *,
    by: UUID | None = None,
    media_id: UUID | None = None,
) -> Media:
    """Store an item.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose item it is.
        draft: What it is.
        by: The member who makes it.
        media_id: Its id, where one was given out before.

    Raises:
        MediaExistsError: The creator has one that is the same in the vault.
    """
    made_id = media_id or new_id()
    made = connection.execute(
        "INSERT INTO media (workspace_id, id, creator_id, platform_media_id, kind, title, body,"
        " created_by)"
        " VALUES (current_setting('app.workspace_id')::uuid, %(id)s, %(creator)s,"
        " %(platform_media_id)s, %(kind)s, %(title)s, %(body)s, %(by)s)"
        " ON CONFLICT (workspace_id, creator_id, platform_media_id) DO NOTHING",
        {
            **draft.model_dump(exclude={"creator_id", "tags"}),
            "id": made_id,
            "creator": creator_id,
            "by": by,
        },
    )
    if made.rowcount == 0:
        raise _exists(draft.platform_media_id)
    _replace_tags(connection, creator_id, made_id, draft.tags)
    return _with_words(connection, made_id)


def change_media(connection: Connection, media_id: UUID, changes: MediaChanges) -> Media:
    """Change what ``changes`` names.

    Raises:
        NotFoundError: The caller has no such item.
        InvalidInputError: The change would empty what an item has, or fill what it has not.
        MediaOfferedError: It would become another thing in the vault than what fans were offered.
        MediaExistsError: Another item of the creator is that one in the vault.
    """
    values = changes.model_dump(exclude_unset=True)
    media = lock_media(connection, media_id)
    tags = values.pop("tags", media.tags)
    _refuse_misfits(media, {**values, "tags": tags})
    if values.get("platform_media_id", media.platform_media_id) != media.platform_media_id:
        _refuse_another_in_the_vault(connection, media)
    if values:
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
            for name in values
        )
        try:
            with connection.transaction():
                connection.execute(
                    sql.SQL("UPDATE media SET {} WHERE id = %(id)s").format(assignments),
                    {**values, "id": media_id},
                )
        except psycopg.errors.UniqueViolation:
            raise _exists(values["platform_media_id"]) from None
    _replace_tags(connection, media.creator_id, media_id, tags)
    connection.execute("UPDATE media SET updated_at = clock_timestamp() WHERE id = %s", (media_id,))
    return _with_words(connection, media_id)


def delete_media(connection: Connection, media_id: UUID) -> None:
    """Take an item out of the library, and its file out of the bucket.

    Whoever was offered it is never offered it again, not even after another upload of the same
    file: then the row stays, hidden and bare. The item in the platform's vault stays there in any
    case.

    Raises:
        NotFoundError: The caller has no such item.
        MediaInUseError: A campaign or a message that is still to go out holds it, an automation
            that is on, a campaign that is being written, or the schedule.
    """
    media = lock_media(connection, media_id)
    held = _held(connection, media)
    if held.sending:
        raise MediaInUseError("A campaign or a message that is still to go out holds this content.")
    if held.wanted:
        raise MediaInUseError(
            "An automation that is on sends this content, or a campaign with it is being written:"
            " turn the automation off, or wait for the campaign."
        )
    if held.scheduled:
        raise MediaInUseError("This content is in the schedule; take it out of there first.")
    if media.file is not None:
        request_removal(connection, media.creator_id, media_id)
    if not held.offered:
        connection.execute("DELETE FROM media WHERE id = %s", (media_id,))
        return
    connection.execute(
        "UPDATE media SET retired_at = clock_timestamp(), retired_sha256 = ("
        "  SELECT f.sha256 FROM media_files f WHERE f.media_id = media.id) WHERE id = %s",
        (media_id,),
    )
    for table in ("media_tags", "media_words", "media_files"):
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE media_id = %s").format(sql.Identifier(table)),
            (media_id,),
        )


def lock_media(connection: Connection, media_id: UUID) -> Media:
    """Read one item, which nobody takes away before the caller's transaction ends.

    Raises:
        NotFoundError: The caller has no such item.
    """
    connection.execute("SELECT FROM media WHERE id = %s FOR UPDATE", (media_id,))
    return require_media(connection, media_id)


def _refuse_misfits(media: Media, values: dict[str, object]) -> None:
    problems = {
        name: "cannot be empty" for name in ("title", "tags") if values.get(name, "") is None
    }
    if "body" in values and (media.kind == "text") != (values["body"] is not None):
        problems["body"] = "a text needs one, and nothing else has one"
    if "platform_media_id" in values:
        named = values["platform_media_id"] is not None
        if media.kind == "text" and named:
            problems["platform_media_id"] = "a text is in no vault"
        elif media.kind != "text" and media.file is None and not named:
            problems["platform_media_id"] = "there is no file of it: it is nowhere else"
    if problems:
        raise InvalidInputError(
            "Some fields are not acceptable: " + ", ".join(sorted(problems)) + ".",
            fields=problems,
        )


def _refuse_another_in_the_vault(connection: Connection, media: Media) -> None:
    held = _held(connection, media)
    if held.sending or held.wanted or held.offered:
        raise MediaOfferedError(
            "Fans were offered this content as it is in the vault, or are about to be: make another"
            " item for another file."
        )


def _held(connection: Connection, media: Media) -> _Held:
    """What the item is still needed for, by whoever holds its row."""
    # As messages of automations and orders of campaigns name it.
    naming = Jsonb({"media_ids": [str(media.id)]})
    values = {"creator": media.creator_id, "media": media.id, "naming": naming}
    with connection.cursor(row_factory=class_row(_Held)) as reading:
        (held,) = reading.execute(_HELD, values).fetchall()
    return held


def _exists(platform_media_id: str | None) -> MediaExistsError:
    return MediaExistsError(f"This creator has content with the platform id {platform_media_id}.")


def _replace_tags(
    connection: Connection, creator_id: UUID, media_id: UUID, tags: list[str]
) -> None:
    connection.execute(
        "DELETE FROM media_tags WHERE media_id = %s AND tag <> ALL (%s::text[])", (media_id, tags)
    )
    connection.execute(
        "INSERT INTO media_tags (workspace_id, creator_id, media_id, tag)"
        " SELECT current_setting('app.workspace_id')::uuid, %s, %s, unnest(%s::text[])"
        " ON CONFLICT (workspace_id, media_id, tag) DO NOTHING",
        (creator_id, media_id, tags),
    )


def _with_words(connection: Connection, media_id: UUID) -> Media:
    media = require_media(connection, media_id)
    replace_words(
        connection, media.creator_id, media_id, [media.title, media.body or "", *media.tags]
    )
    return media
