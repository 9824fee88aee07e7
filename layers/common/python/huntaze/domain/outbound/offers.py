"""What a message offers: media of the creator who sends it."""

from uuid import UUID

from huntaze.db import Connection
from huntaze.errors import InvalidInputError


def require_media(connection: Connection, creator_id: UUID, media_ids: list[UUID]) -> None:
    """Refuse media of another creator or workspace.

    Raises:
        InvalidInputError: Some are not this creator's.
    """
    known = connection.execute(
        "SELECT id FROM media WHERE id = ANY (%s) AND creator_id = %s", (media_ids, creator_id)
    ).fetchall()
    missing = set(media_ids) - {row[0] for row in known}
    if missing:
        raise InvalidInputError(
            "Some media are not this creator's: " + ", ".join(map(str, sorted(missing))) + ".",
            fields={"media_ids": "unknown"},
        )
