"""What a message offers: media of the creator who sends it."""

from uuid import UUID

from huntaze.db import Connection
from huntaze.errors import InvalidInputError


def require_media(connection: Connection, creator_id: UUID, media_ids: list[UUID]) -> None:
    """Refuse media of another creator or workspace, and what is not in the platform's vault.

    Raises:
        InvalidInputError: Some are not this creator's, or cannot be attached.
    """
    known = connection.execute(
        "SELECT id, platform_media_id IS NOT NULL FROM media"
        # Locked, so that nobody takes one out of the library before the caller has kept it.
        " WHERE id = ANY (%s) AND creator_id = %s AND retired_at IS NULL FOR KEY SHARE",
        (media_ids, creator_id),
    ).fetchall()
    missing = set(media_ids) - {row[0] for row in known}
    if missing:
        raise InvalidInputError(
            "Some media are not this creator's: " + ", ".join(map(str, sorted(missing))) + ".",
            fields={"media_ids": "unknown"},
        )
    if absent := [media_id for media_id, in_vault in known if not in_vault]:
        raise InvalidInputError(
            "Some media are not in the vault on the platform: "
            + ", ".join(map(str, sorted(absent)))
            + ". Upload them there, and give the item its platform_media_id.",
            fields={"media_ids": "not in the vault"},
        )
