"""The fence: the newest that was told of each thing. What is older overwrites nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from huntaze.db import Connection
from huntaze.domain import fans

# Of a fan: what they are called.
type Kind = Literal["message", "subscription", "transaction", "fan"]


def is_newest(
    connection: Connection,
    creator_id: UUID,
    kind: Kind,
    thing: str,
    *,
    told_at: datetime,
    event_id: str,
) -> bool:
    """Note what was told of a thing, if nothing newer was; whoever tells of it next waits.

    Two events of one moment are in the order of their ids, which is the same for everybody.
    """
    row = connection.execute(
        "INSERT INTO platform_versions AS v"
        " (workspace_id, creator_id, kind, thing, told_at, event_id)"
        " VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s, %s, %s)"
        " ON CONFLICT (workspace_id, creator_id, kind, thing) DO UPDATE"
        " SET told_at = excluded.told_at, event_id = excluded.event_id,"
        " touched_at = clock_timestamp()"
        " WHERE (v.told_at, v.event_id) < (excluded.told_at, excluded.event_id) RETURNING 1",
        (creator_id, kind, _key(connection, creator_id, kind, thing), told_at, event_id),
    ).fetchone()
    return row is not None


def told_since(
    connection: Connection, creator_id: UUID, kind: Kind, things: Sequence[str], moment: datetime
) -> set[str]:
    """Of which things something was told that is newer than a moment."""
    ring = fans.keyring(connection, creator_id)
    keys = {ring.platform_key(f"{kind}:{thing}"): thing for thing in things}
    rows = connection.execute(
        "SELECT thing FROM platform_versions"
        " WHERE creator_id = %s AND kind = %s AND thing = ANY (%s) AND told_at >= %s",
        (creator_id, kind, list(keys), moment),
    ).fetchall()
    return {keys[bytes(row[0])] for row in rows}


def note_gone(connection: Connection, creator_id: UUID, kind: Kind, thing: str) -> None:
    """Note that a thing was taken away, also if it is told of later."""
    connection.execute(
        "INSERT INTO platform_versions AS v (workspace_id, creator_id, kind, thing, gone_at)"
        " VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s, clock_timestamp())"
        " ON CONFLICT (workspace_id, creator_id, kind, thing) DO UPDATE"
        " SET gone_at = coalesce(v.gone_at, excluded.gone_at), touched_at = clock_timestamp()",
        (creator_id, kind, _key(connection, creator_id, kind, thing)),
    )


def is_gone(connection: Connection, creator_id: UUID, kind: Kind, thing: str) -> bool:
    """Whether a thing was taken away."""
    row = connection.execute(
        "SELECT FROM platform_versions"
        " WHERE creator_id = %s AND kind = %s AND thing = %s AND gone_at IS NOT NULL",
        (creator_id, kind, _key(connection, creator_id, kind, thing)),
    ).fetchone()
    return row is not None


def _key(connection: Connection, creator_id: UUID, kind: Kind, thing: str) -> bytes:
    return fans.keyring(connection, creator_id).platform_key(f"{kind}:{thing}")
