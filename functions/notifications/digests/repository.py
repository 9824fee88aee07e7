"""Digests in Postgres: whose may be due, and one member's at a time."""

import json
from contextlib import AbstractContextManager
from datetime import date, datetime
from uuid import UUID

from psycopg.rows import class_row

from functions.notifications.digests.service import Due, Item
from huntaze.db import Connection, Tenant, Transactions
from huntaze.domain import mails
from huntaze.domain.mails import Template
from huntaze.domain.notices import preferences
from huntaze.domain.notices.kinds import RULES, Kind, roles_for
from huntaze.domain.notices.preferences import DigestPlan

# The rest is counted.
_MOST_SHOWN = 20
_ROLES = {kind.value: [role.value for role in roles_for(kind)] for kind in Kind}
_WHOLE = [kind.value for kind, rule in RULES.items() if rule.whole]


class DueDigests(Transactions):
    """The digests of all workspaces."""

    def find(self, now: datetime, most: int) -> list[tuple[UUID, UUID]]:
        """Find whose may be due: workspace and member."""
        with self.transaction() as connection:
            return connection.execute(
                "SELECT workspace_id, user_id FROM digests_due(%s, %s)", (now, most)
            ).fetchall()


class PostgresDigests:
    """The digests of one member.

    Args:
        tenant: The workspace, with the member's own rows.
        member: Who.
    """

    def __init__(self, tenant: Tenant, member: UUID) -> None:
        self._tenant = tenant
        self._member = member
        # To be queued once they are committed.
        self.mail_ids: list[UUID] = []

    def transaction(self) -> AbstractContextManager[Connection]:
        """Open the transaction that all calls share."""
        return self._tenant.transaction()

    def hold(self) -> DigestPlan | None:
        """Read what the member's digest follows from; nobody else makes one meanwhile."""
        with self._tenant.transaction() as connection:
            return preferences.hold(connection, self._member)

    def is_made(self, period: date) -> bool:
        """Whether there is a digest of a period."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT FROM notification_digests"
                " WHERE workspace_id = %s AND user_id = %s AND period = %s",
                (self._tenant.workspace_id, self._member, period),
            ).fetchone()
        return row is not None

    def untold(self, until: datetime) -> list[Item]:
        """Read what is unread, was never mailed, and the member may see; newest first."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Item)) as cursor,
        ):
            return cursor.execute(
                # Seen once more as the member stands now: their place may be another since.
                "SELECT n.id, n.kind, n.about FROM notifications n"
                " JOIN members m ON m.workspace_id = n.workspace_id AND m.user_id = n.user_id"
                " WHERE n.workspace_id = %(workspace)s AND n.user_id = %(member)s AND n.in_app"
                " AND n.read_at IS NULL AND n.mail_id IS NULL AND n.digest_period IS NULL"
                " AND n.created_at <= %(until)s AND (%(roles)s::jsonb -> n.kind) ? m.role"
                " AND (m.creator_scope IS NULL OR NOT n.kind = ANY (%(whole)s)"
                "  AND (n.creator_id IS NULL OR n.creator_id = ANY (m.creator_scope)))"
                " ORDER BY n.id DESC",
                {
                    "workspace": self._tenant.workspace_id,
                    "member": self._member,
                    "until": until,
                    "roles": json.dumps(_ROLES),
                    "whole": _WHOLE,
                },
            ).fetchall()

    def add(self, period: date, items: list[Item]) -> None:
        """Store a digest with its mail; what it tells of is told."""
        shown = [(item.kind, item.about) for item in items[:_MOST_SHOWN]]
        if len(items) > len(shown):
            shown.append(("more", str(len(items) - len(shown))))
        workspace_id = self._tenant.workspace_id
        with self._tenant.transaction() as connection:
            (workspace,) = connection.execute(
                "SELECT name FROM workspaces WHERE id = %s", (workspace_id,)
            ).fetchone() or ("",)
            facts = {"workspace": workspace, "count": str(len(items)), "items": json.dumps(shown)}
            mail_id = mails.add(connection, Template.DIGEST, user_id=self._member, parameters=facts)
            connection.execute(
                "INSERT INTO notification_digests (workspace_id, user_id, period, mail_id)"
                " VALUES (%s, %s, %s, %s)",
                (workspace_id, self._member, period, mail_id),
            )
            connection.execute(
                "UPDATE notifications SET digest_period = %s"
                " WHERE workspace_id = %s AND id = ANY (%s)",
                (period, workspace_id, [item.id for item in items]),
            )
        self.mail_ids.append(mail_id)

    def plan_next(self, done: Due, following: Due) -> None:
        """Write until when digests are made, and when the next is due."""
        with self._tenant.transaction() as connection:
            preferences.plan_next(
                connection, self._member, digested_until=done.at, next_at=following.at
            )
