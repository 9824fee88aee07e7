"""Files of items: what is in the bucket, and what is to be taken out of it."""

from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from huntaze.db import Connection
from huntaze.domain.media.models import StoredFile
from huntaze.errors import ConflictError

# Of 64 bits. Of pictures without much in them, the few bits that are set say nothing.
_FEW_BITS_DIFFER = 6
_BITS_THAT_SAY_SOMETHING = (8, 56)


# Without their sends, which are of the item that is gone: nobody sold this one.
_OFFERED_BEFORE = """
  INSERT INTO media_grants (workspace_id, creator_id, fan_id, media_id, state)
  SELECT DISTINCT g.workspace_id, g.creator_id, g.fan_id, %(media)s::uuid, 'offered'
    FROM media m
    JOIN media_grants g ON g.workspace_id = m.workspace_id AND g.media_id = m.id
   WHERE m.creator_id = %(creator)s AND m.retired_sha256 = %(sha256)s
  ON CONFLICT DO NOTHING
"""


class SameFileError(ConflictError):
    """The creator has the very same file."""


def find_same_file(connection: Connection, creator_id: UUID, sha256: bytes) -> UUID | None:
    """The item of a creator that has this very file."""
    row = connection.execute(
        "SELECT media_id FROM media_files WHERE creator_id = %s AND sha256 = %s",
        (creator_id, sha256),
    ).fetchone()
    return None if row is None else row[0]


def find_similar_photos(connection: Connection, media_id: UUID) -> list[UUID]:
    """Photos of the same creator that look nearly the same."""
    rows = connection.execute(
        "SELECT other.media_id FROM media_files mine"
        " JOIN media_files other ON other.workspace_id = mine.workspace_id"
        "  AND other.creator_id = mine.creator_id AND other.media_id <> mine.media_id"
        " WHERE mine.media_id = %s AND bit_count(mine.looks) BETWEEN %s AND %s"
        "  AND bit_count(mine.looks # other.looks) <= %s"
        " ORDER BY bit_count(mine.looks # other.looks), other.media_id LIMIT 10",
        (media_id, *_BITS_THAT_SAY_SOMETHING, _FEW_BITS_DIFFER),
    )
    return [row[0] for row in rows]


def add_file(
    connection: Connection,
    creator_id: UUID,
    media_id: UUID,
    file: StoredFile,
    *,
    sha256: bytes,
    looks: str | None,
) -> None:
    """Keep what is in the bucket of an item.

    Whoever was offered the very same file before it was taken out of the library counts as offered
    this one.

    Args:
        connection: Inside the transaction that makes the item.
        creator_id: Whose item it is.
        media_id: The item.
        file: The facts, and the objects.
        sha256: Of the file as it was uploaded.
        looks: Of a photo, 64 zeros and ones.

    Raises:
        SameFileError: Another item of the creator has the very same file.
    """
    values: dict[str, Any] = file.model_dump(exclude={"objects"})
    values |= {"creator": creator_id, "media": media_id, "sha256": sha256, "looks": looks}
    values["objects"] = Jsonb(file.objects)
    try:
        with connection.transaction():
            connection.execute(
                "INSERT INTO media_files (workspace_id, creator_id, media_id, content_type, bytes,"
                " width, height, duration_ms, sha256, looks, removed, objects)"
                " VALUES (current_setting('app.workspace_id')::uuid, %(creator)s, %(media)s,"
                " %(content_type)s, %(bytes)s, %(width)s, %(height)s, %(duration_ms)s, %(sha256)s,"
                " %(looks)s::bit(64), %(removed)s, %(objects)s)",
                values,
            )
    except psycopg.errors.UniqueViolation:
        raise SameFileError("This creator has the very same file.") from None
    connection.execute(_OFFERED_BEFORE, values)


def request_removal(connection: Connection, creator_id: UUID, media_id: UUID) -> None:
    """Note that the objects of an item are to be deleted, with the commit of what takes it away."""
    connection.execute(
        "INSERT INTO media_removals (workspace_id, creator_id, media_id)"
        " VALUES (current_setting('app.workspace_id')::uuid, %s, %s) ON CONFLICT DO NOTHING",
        (creator_id, media_id),
    )


def end_removal(connection: Connection, media_id: UUID) -> None:
    """Note that the objects of an item are deleted."""
    connection.execute("DELETE FROM media_removals WHERE media_id = %s", (media_id,))
