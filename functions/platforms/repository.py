"""Connections in Postgres."""

from typing import Any
from uuid import UUID

from psycopg.rows import class_row, dict_row

from functions.platforms.models import ConnectionStatus, LastOrder
from huntaze import outbox
from huntaze.crypto import Envelope
from huntaze.db import Connection, Tenant
from huntaze.domain import pushes
from huntaze.domain.connections import records
from huntaze.domain.outbound import commands, lanes, syncs
from huntaze.domain.pushes import Webhook
from huntaze.errors import NotFoundError


class PostgresConnections:
    """The connections of one workspace; row level security hides all others."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def consent(self, creator_id: UUID, *, by: UUID) -> None:
        """Record who has agreed to the browser driver, the first time."""
        with self._tenant.transaction() as connection:
            records.consent(connection, creator_id, by=by)

    def order(self, creator_id: UUID, kind: str, payload: dict[str, Any], *, by: UUID) -> UUID:
        """Queue an order to the worker."""
        with self._tenant.transaction() as connection:
            return records.order(connection, self._tenant, creator_id, kind, payload, by=by)

    def sync(self, creator_id: UUID, *, by: UUID) -> list[UUID]:
        """Queue every sync that does not wait already."""
        with self._tenant.transaction() as connection:
            return self._request_syncs(connection, creator_id, by)

    def disconnect(self, creator_id: UUID, *, by: UUID) -> None:
        """Stop the creator's sends and call back what the worker was ordered to do."""
        with self._tenant.transaction() as connection:
            commands.withdraw(connection, creator_id, why="the creator was disconnected")
            connection.execute(
                "UPDATE creator_lanes SET status = 'stopped', stop_reason = 'disconnected',"
                " stopped_at = clock_timestamp() WHERE workspace_id = %s AND creator_id = %s",
                (self._tenant.workspace_id, creator_id),
            )
            outbox.add(
                connection,
                "creator.stopped",
                workspace_id=self._tenant.workspace_id,
                aggregate=("creator", creator_id),
                payload={"reason": "disconnected"},
            )
            # Nothing of the account is taken in any more.
            pushes.forget_secret(connection, creator_id)
            records.record(connection, "creator.disconnected", creator_id, by)

    def activate(self, creator_id: UUID, *, by: UUID) -> None:
        """Let the creator's lane move, and queue what a fresh session allows to read."""
        with self._tenant.transaction() as connection:
            lanes.activate(connection, creator_id)
            records.record(connection, "creator.session_brought", creator_id, by)
            self._request_syncs(connection, creator_id, by)

    def take_pushes(self, creator_id: UUID, sealed: Envelope, *, by: UUID) -> None:
        """Take what the creator's platform pushes, signed with a secret."""
        with self._tenant.transaction() as connection:
            pushes.keep_secret(connection, creator_id, sealed, by=by)
            records.record(connection, "creator.webhook_set", creator_id, by)

    def end_pushes(self, creator_id: UUID, *, by: UUID) -> None:
        """Take nothing more that the creator's platform pushes."""
        with self._tenant.transaction() as connection:
            if pushes.forget_secret(connection, creator_id):
                records.record(connection, "creator.webhook_removed", creator_id, by)

    def webhook(self, creator_id: UUID) -> Webhook | None:
        """Read where the creator's platform pushes."""
        with self._tenant.transaction() as connection:
            return pushes.webhook_of(connection, creator_id)

    def status(self, creator_id: UUID) -> ConnectionStatus:
        """Read how a connection is."""
        with self._tenant.transaction() as connection:
            with connection.cursor(row_factory=class_row(LastOrder)) as cursor:
                last = cursor.execute(
                    "SELECT kind, state, result, created_at, finished_at FROM creator_commands"
                    " WHERE workspace_id = %s AND creator_id = %s AND NOT kind = ANY (%s)"
                    " ORDER BY created_at DESC LIMIT 1",
                    (self._tenant.workspace_id, creator_id, list(syncs.SYNCS)),
                ).fetchone()
                newest = cursor.execute(
                    "SELECT DISTINCT ON (kind) kind, state, result, created_at, finished_at"
                    " FROM creator_commands"
                    " WHERE workspace_id = %s AND creator_id = %s AND kind = ANY (%s)"
                    " ORDER BY kind, created_at DESC",
                    (self._tenant.workspace_id, creator_id, list(syncs.SYNCS)),
                ).fetchall()
            with connection.cursor(row_factory=dict_row) as cursor:
                row = cursor.execute(
                    "SELECT k.id AS creator_id, k.platform, l.status, l.stopped_at,"
                    # Held though active: what was sent is looked up after a database restore.
                    " coalesce(l.stop_reason, (SELECT 'restored' FROM lane_restores r"
                    "   WHERE r.workspace_id = l.workspace_id AND r.creator_id = l.creator_id"
                    "     AND r.reconciled_at IS NULL)) AS stop_reason,"
                    " l.kill_switch, k.driver_consent_at, l.messages_per_minute,"
                    # Each by the index of its own: never all that was ever sent.
                    " l.last_progress_at, (SELECT count(*) FROM sends s"
                    "   WHERE s.workspace_id = k.workspace_id AND s.creator_id = k.id"
                    "     AND s.state = 'planned' AND s.campaign_id IS NULL"
                    "     AND s.due_at <= statement_timestamp())"
                    "  + (SELECT count(*) FROM campaigns c JOIN sends s ON s.campaign_id = c.id"
                    "      WHERE c.workspace_id = k.workspace_id AND c.creator_id = k.id"
                    "        AND s.workspace_id = k.workspace_id AND s.creator_id = k.id"
                    "        AND s.state = 'planned' AND s.due_at <= statement_timestamp())"
                    "  AS waiting"
                    " FROM creators k JOIN creator_lanes l"
                    "   ON l.workspace_id = k.workspace_id AND l.creator_id = k.id"
                    " WHERE k.workspace_id = %s AND k.id = %s",
                    (self._tenant.workspace_id, creator_id),
                ).fetchone()
        if row is None:
            raise NotFoundError("There is no such creator in this workspace.")
        return ConnectionStatus(**row, last_order=last, syncs=newest)

    def _request_syncs(self, connection: Connection, creator_id: UUID, by: UUID) -> list[UUID]:
        return syncs.request_all(
            connection,
            workspace_id=self._tenant.workspace_id,
            creator_id=creator_id,
            requested_by=by,
        )
