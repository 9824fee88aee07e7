"""Turns: who writes many of a creator's fans waits for whoever does so already."""

from uuid import UUID

from huntaze.db import Connection

# Two that write the same fans in different orders would each wait for what the other one holds:
# a file, a page of subscribers, a list of chats and the payments of the same people.
_TAKE_TURNS = "SELECT pg_advisory_xact_lock(hashtextextended('huntaze.fans:' || %(creator)s, 0))"


def take_turns(connection: Connection, creator_id: UUID) -> None:
    """Wait until nobody else writes many fans of the creator; it ends with the transaction."""
    connection.execute(_TAKE_TURNS, {"creator": str(creator_id)})
