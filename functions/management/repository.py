"""Creators and the audit log in Postgres; members are in ``member_repository``."""

from typing import LiteralString
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row

from functions.management.models import Creator, CreatorChanges
from functions.management.service import (
    CreatorConnectedError,
    CreatorInUseError,
    CurrencyOfMoneyError,
)
from huntaze.db import Tenant
from huntaze.domain import audit
from huntaze.domain.creators import accounts
from huntaze.domain.creators.accounts import CreatorExistsError

_SELECT: LiteralString = (
    "SELECT c.id, c.platform, c.handle, c.display_name, c.time_zone, c.currency, c.cap_messages,"
    " c.cap_hours, c.quiet_from, c.quiet_until, c.recent_chat_minutes, c.driver_consent_at,"
    " c.created_at, c.updated_at, json_build_object('status', l.status,"
    " 'stop_reason', l.stop_reason, 'kill_switch', l.kill_switch,"
    " 'messages_per_minute', l.messages_per_minute, 'min_gap_ms', l.min_gap_ms) AS lane"
    " FROM creators c JOIN creator_lanes l USING (workspace_id)"
    " WHERE l.creator_id = c.id"
)


class PostgresCreators:
    """The creators of one workspace that its caller may see."""

    def __init__(self, tenant: Tenant, caller: UUID) -> None:
        self._tenant = tenant
        self._caller = caller

    def page(self, after: UUID | None, limit: int) -> list[Creator]:
        """List creators, oldest first, younger than ``after``."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            cursor.execute(
                f"{_SELECT} AND (%(after)s::uuid IS NULL OR c.id > %(after)s)"
                " ORDER BY c.id LIMIT %(limit)s",
                {"after": after, "limit": limit},
            )
            return [Creator.model_validate(row) for row in cursor]

    def find(self, creator_id: UUID) -> Creator | None:
        """Find a creator that the caller may see."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            row = cursor.execute(f"{_SELECT} AND c.id = %s", (creator_id,)).fetchone()
        return Creator.model_validate(row) if row else None

    def change(self, creator_id: UUID, changes: CreatorChanges) -> Creator | None:
        """Write what is set; None when there is no such creator.

        Raises:
            CreatorExistsError: Another creator has this handle.
            CurrencyOfMoneyError: There is money in another currency.
        """
        values = changes.model_dump(exclude_unset=True)
        kill_switch = values.pop("kill_switch", None)
        # The names are the model's own fields, never the caller's words.
        columns: list[sql.Composable] = [
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
            for name in values
        ]
        columns.append(sql.SQL("updated_at = clock_timestamp()"))
        statement = sql.SQL("UPDATE creators SET {} WHERE id = %(creator_id)s").format(
            sql.SQL(", ").join(columns)
        )
        try:
            with self._tenant.transaction() as connection:
                connection.execute(statement, {**values, "creator_id": creator_id})
                if kill_switch is not None:
                    connection.execute(
                        "UPDATE creator_lanes SET kill_switch = %s WHERE creator_id = %s",
                        (kill_switch, creator_id),
                    )
                found = self.find(creator_id)
                if found is not None:
                    accounts.tell(
                        connection, self._tenant, "creator.changed", creator_id, by=self._caller
                    )
        except psycopg.errors.UniqueViolation:
            raise CreatorExistsError("Another creator of this workspace has this handle.") from None
        except psycopg.errors.CheckViolation as refused:
            if refused.diag.constraint_name != "creators_currency_of_money":
                raise
            raise CurrencyOfMoneyError(
                "The creator has transactions in its currency, which stays as it is."
            ) from None
        return found

    def remove(self, creator_id: UUID) -> bool:
        """Remove a creator that nothing belongs to; False when there is no such creator.

        Raises:
            CreatorInUseError: Something belongs to it.
            CreatorConnectedError: Its login may be kept.
        """
        try:
            with self._tenant.transaction() as connection:
                # Who consented has a login kept, unless they disconnected since: nobody would find
                # it without the creator. Both rows are held, so that nothing begins in between.
                kept = connection.execute(
                    "SELECT c.driver_consent_at IS NOT NULL"
                    "  AND l.stop_reason IS DISTINCT FROM 'disconnected' OR l.status = 'active'"
                    " FROM creators c JOIN creator_lanes l"
                    "   ON l.workspace_id = c.workspace_id AND l.creator_id = c.id"
                    " WHERE c.id = %s FOR UPDATE",
                    (creator_id,),
                ).fetchone()
                if kept == (True,):
                    raise CreatorConnectedError(
                        "The creator's login is kept; disconnect it first: POST /api/of/disconnect."
                    )
                removed = connection.execute("DELETE FROM creators WHERE id = %s", (creator_id,))
                if removed.rowcount:
                    accounts.tell(
                        connection, self._tenant, "creator.deleted", creator_id, by=self._caller
                    )
        except psycopg.errors.ForeignKeyViolation:
            raise CreatorInUseError(
                "Fans, campaigns, messages or money belong to this creator; they would be lost."
            ) from None
        return removed.rowcount == 1


class PostgresAuditLog:
    """The audit log of one workspace; nothing writes it but what is recorded."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def page(self, target_id: UUID | None, before: int | None, limit: int) -> list[audit.Entry]:
        """List entries, newest first, older than ``before``."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(audit.Entry)) as cursor,
        ):
            return cursor.execute(
                "SELECT workspace_id, sequence, at, actor_kind, actor_id, action, target_kind,"
                " target_id, facts, encode(previous_hash, 'hex') AS previous_hash,"
                " encode(hash, 'hex') AS hash FROM audit_log"
                " WHERE workspace_id = %(workspace_id)s"
                " AND (%(target_id)s::uuid IS NULL OR target_id = %(target_id)s)"
                " AND (%(before)s::bigint IS NULL OR sequence < %(before)s)"
                " ORDER BY sequence DESC LIMIT %(limit)s",
                {
                    "workspace_id": self._tenant.workspace_id,
                    "target_id": target_id,
                    "before": before,
                    "limit": limit,
                },
            ).fetchall()

    def verify(self) -> audit.Verdict:
        """Compute the whole chain anew."""
        with self._tenant.transaction() as connection:
            entries, first_broken, head = connection.execute(
                "SELECT * FROM audit_verify()"
            ).fetchone() or (0, None, None)
        return audit.Verdict(
            intact=first_broken is None,
            entries=entries,
            first_broken=first_broken,
            head=head.hex() if head else None,
        )
