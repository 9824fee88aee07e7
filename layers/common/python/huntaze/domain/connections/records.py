"""What is written when a creator's account is connected; the worker does the rest."""

from typing import Any
from uuid import UUID

from huntaze.db import Connection, Tenant
from huntaze.domain import audit
from huntaze.domain.outbound import commands


def consent(connection: Connection, creator_id: UUID, *, by: UUID) -> None:
    """Record who has agreed to the browser driver, the first time."""
    given = connection.execute(
        "UPDATE creators SET driver_consent_at = clock_timestamp(), driver_consent_by = %s"
        " WHERE workspace_id = current_setting('app.workspace_id')::uuid AND id = %s"
        " AND driver_consent_at IS NULL",
        (by, creator_id),
    )
    if given.rowcount:
        record(connection, "creator.driver_consented", creator_id, by)


def begin_again(connection: Connection, creator_id: UUID) -> None:
    """Call a creator disconnected no more: a login is kept for it again, whatever comes of it."""
    connection.execute(
        "UPDATE creator_lanes SET stop_reason = 'not_connected'"
        " WHERE workspace_id = current_setting('app.workspace_id')::uuid AND creator_id = %s"
        " AND stop_reason = 'disconnected'",
        (creator_id,),
    )


def order(
    connection: Connection,
    tenant: Tenant,
    creator_id: UUID,
    kind: str,
    payload: dict[str, Any],
    *,
    by: UUID,
) -> UUID:
    """Queue an order to the worker and return its id."""
    record(connection, f"creator.{kind}_ordered", creator_id, by)
    return commands.request(
        connection,
        workspace_id=tenant.workspace_id,
        creator_id=creator_id,
        kind=kind,
        payload=payload,
        requested_by=by,
    )


def record(connection: Connection, action: str, creator_id: UUID, by: UUID) -> None:
    """Tell the audit log what was done to a creator's connection."""
    audit.record(connection, action, audit.Target("creator", creator_id), actor_id=by)
