"""When fans were last seen on the platform."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from huntaze.db import Connection


def note_online(connection: Connection, creator_id: UUID, seen: Mapping[str, datetime]) -> int:
    """Note when fans were seen; forward only, for what arrives late tells nothing new.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose fans they are.
        seen: By the fans' platform ids.

    Returns:
        Of how many that was news.
    """
    if not seen:
        return 0
    # Always in one order: two writers of the same fans must not wait for each other.
    return connection.execute(
        "WITH seen AS ("
        "  SELECT f.workspace_id, f.id, s.at"
        "    FROM unnest(%(fans)s::text[], %(ats)s::timestamptz[]) AS s (platform_id, at)"
        "    JOIN fans f ON f.creator_id = %(creator)s AND f.platform_id = s.platform_id"
        "   WHERE f.erased_at IS NULL AND s.at > coalesce(f.last_seen_at, '-infinity')"
        # A clock that runs ahead must not keep every later moment out.
        "     AND s.at <= clock_timestamp() + interval '1 day'"
        "   ORDER BY f.id FOR NO KEY UPDATE OF f)"
        " UPDATE fans f SET last_seen_at = s.at FROM seen s"
        "  WHERE f.workspace_id = s.workspace_id AND f.id = s.id",
        {"creator": creator_id, "fans": list(seen), "ats": list(seen.values())},
    ).rowcount
