"""Files of items: what is in the bucket, and what is to be taken out of it."""

from uuid import UUID

from huntaze.db import Connection


def request_removal(connection: Connection, creator_id: UUID, media_id: UUID) -> None:
    """Note that the objects of an item are to be deleted, with the commit of what takes it away."""
    connection.execute(
        "INSERT INTO media_removals (workspace_id, creator_id, media_id)"
        " VALUES (current_setting('app.workspace_id')::uuid, %s, %s) ON CONFLICT DO NOTHING",
        (creator_id, media_id),
    )
