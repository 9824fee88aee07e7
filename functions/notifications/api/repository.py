"""A member's own notifications in Postgres; row level security hides everybody else's."""

from collections.abc import Iterable
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from functions.notifications.api.models import Notification
from huntaze.db import Tenant
from huntaze.domain.notices.kinds import Kind

# What the member was told and may see as they stand now: their place may be another since.
_SELECT: LiteralString = (
    "SELECT id, kind, creator_id, target_kind, target_id, about, facts, happened_at, created_at,"
    " read_at FROM notifications"
    " WHERE workspace_id = %(workspace)s AND user_id = %(member)s AND in_app"
    " AND kind = ANY (%(kinds)s)"
)
_COUNT: LiteralString = (
    "SELECT count(*) FROM notifications WHERE workspace_id = %(workspace)s"
    " AND user_id = %(member)s AND in_app AND kind = ANY (%(kinds)s) AND read_at IS NULL"
)
# When one was first read stays.
_READ: LiteralString = (
    "UPDATE notifications SET read_at = clock_timestamp() WHERE workspace_id = %(workspace)s"
    " AND user_id = %(member)s AND in_app AND kind = ANY (%(kinds)s) AND read_at IS NULL"
)


class PostgresNotifications:
    """The notifications of one member, of the creators that they may see.

    Args:
        tenant: The workspace, with the member's own rows.
        member: Who.
        kinds: Of what their role and scope let them hear.
    """

    def __init__(self, tenant: Tenant, member: UUID, kinds: Iterable[Kind]) -> None:
        self._tenant = tenant
        self._whose = {
            "workspace": tenant.workspace_id,
            "member": member,
            "kinds": [kind.value for kind in kinds],
        }

    def page(self, before: UUID | None, limit: int, *, unread: bool) -> list[Notification]:
        """List notifications, newest first, older than ``before``."""
        only = " AND read_at IS NULL" if unread else ""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Notification)) as cursor,
        ):
            return cursor.execute(
                f"{_SELECT}{only}"
                " AND (%(before)s::uuid IS NULL OR id < %(before)s)"
                " ORDER BY id DESC LIMIT %(limit)s",
                {**self._whose, "before": before, "limit": limit},
            ).fetchall()

    def count_unread(self) -> int:
        """Count what is unread."""
        with self._tenant.transaction() as connection:
            (count,) = connection.execute(_COUNT, self._whose).fetchone() or (0,)
        return int(count)

    def mark_read(self, notification_id: UUID) -> Notification | None:
        """Mark one as read; when it was first read stays. None when there is no such."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Notification)) as cursor,
        ):
            one = {**self._whose, "id": notification_id}
            cursor.execute(f"{_READ} AND id = %(id)s", one)
            return cursor.execute(f"{_SELECT} AND id = %(id)s", one).fetchone()

    def mark_all_read(self) -> int:
        """Mark everything as read; return how many were not."""
        with self._tenant.transaction() as connection:
            read = connection.execute(_READ, self._whose)
        return read.rowcount
