"""Creators: which one a request means."""

from uuid import UUID

from huntaze import correlation
from huntaze.db import Connection
from huntaze.errors import InvalidInputError, NotFoundError


def resolve_creator(connection: Connection, creator_id: UUID | None) -> UUID:
    """Return the creator that is meant: the one named, or the only one that the caller sees.

    Raises:
        NotFoundError: The caller has no such creator.
        InvalidInputError: None is named, and there is not exactly one.
    """
    if creator_id is not None:
        found = connection.execute("SELECT id FROM creators WHERE id = %s", (creator_id,))
        if found.fetchone() is None:
            raise NotFoundError("There is no such creator in this workspace.")
        correlation.note(creator_id=creator_id)
        return creator_id
    ids: list[UUID] = [row[0] for row in connection.execute("SELECT id FROM creators LIMIT 2")]
    if len(ids) != 1:
        problem = "name the one that is meant" if ids else "connect one first"
        raise InvalidInputError(
            f"This workspace has {'several creators' if ids else 'no creator'}: {problem}.",
            fields={"creator_id": problem},
        )
    correlation.note(creator_id=ids[0])
    return ids[0]
