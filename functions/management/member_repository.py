"""The members of a workspace in Postgres."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from functions.management.members import Place
from functions.management.models import Member
from huntaze.auth import RIGHTS, Role
from huntaze.db import Tenant
from huntaze.domain import audit
from huntaze.domain.fans import caring

_SELECT: LiteralString = (
    "SELECT m.user_id, u.email, u.name, m.role, m.creator_scope AS creator_ids,"
    " m.created_at FROM members m JOIN users u ON u.id = m.user_id"
)


class PostgresMembers:
    """The members of one workspace."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def transaction(self) -> AbstractContextManager[object]:
        """Open a transaction around several calls."""
        return self._tenant.transaction()

    def page(self, after: tuple[datetime, UUID] | None, limit: int) -> list[Member]:
        """List members, those who came first first, from behind ``after``."""
        since, user_id = after or (None, None)
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Member)) as cursor,
        ):
            cursor.execute(
                f"{_SELECT} WHERE %(since)s::timestamptz IS NULL"
                " OR (m.created_at, m.user_id) > (%(since)s, %(user_id)s::uuid)"
                " ORDER BY m.created_at, m.user_id LIMIT %(limit)s",
                {"since": since, "user_id": user_id, "limit": limit},
            )
            return cursor.fetchall()

    def read(self, user_id: UUID) -> Member:
        """Tell about a member that is there."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Member)) as cursor,
        ):
            cursor.execute(f"{_SELECT} WHERE m.user_id = %s", (user_id,))
            (member,) = cursor.fetchall()
        return member

    def hold(self) -> None:
        """Let nobody else change members of the workspace until the end of the transaction."""
        with self._tenant.transaction() as connection:
            # Not FOR UPDATE: every new row of the workspace would wait for it.
            connection.execute(
                "SELECT FROM workspaces WHERE id = %s FOR NO KEY UPDATE",
                (self._tenant.workspace_id,),
            )

    def place_of(self, user_id: UUID) -> Place | None:
        """Find a member's place."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT role, creator_scope FROM members WHERE user_id = %s", (user_id,)
            ).fetchone()
        if row is None:
            return None
        role, scope = row
        return Place(Role(role), None if scope is None else frozenset(scope))

    def count_owners(self) -> int:
        """Count those who own the workspace."""
        with self._tenant.transaction() as connection:
            (owners,) = connection.execute(
                "SELECT count(*) FROM members WHERE role = %s", (Role.OWNER,)
            ).fetchone() or (0,)
        return int(owners)

    def unknown_creators(self, creators: Iterable[UUID]) -> set[UUID]:
        """Find which of these are no creators of the workspace."""
        wanted = set(creators)
        with self._tenant.transaction() as connection:
            rows = connection.execute(
                "SELECT id FROM creators WHERE id = ANY (%s)", (list(wanted),)
            ).fetchall()
        return wanted - {row[0] for row in rows}

    def replace(self, user_id: UUID, old: Place, new: Place, *, by: UUID) -> None:
        """Give a member another place."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE members SET role = %s, creator_scope = %s WHERE user_id = %s",
                (new.role, scope_of(new), user_id),
            )
            caring.release_unseen(connection, user_id)
            if RIGHTS[new.role] < RIGHTS[old.role] or not new.covers(old):
                self._end_invitations(user_id)
            audit.record(
                connection,
                "member.changed",
                audit.Target("member", user_id),
                actor_id=by,
                facts={"from": facts_of(old), "to": facts_of(new)},
            )

    def remove(self, user_id: UUID, old: Place, *, by: UUID) -> None:
        """Take a member out of the workspace; who is in no other one is forgotten."""
        with self._tenant.transaction() as connection:
            self._end_invitations(user_id)
            # The rows of sessions and their refresh tokens go with it.
            connection.execute("DELETE FROM members WHERE user_id = %s", (user_id,))
            audit.record(
                connection,
                "member.removed",
                audit.Target("member", user_id),
                actor_id=by,
                facts=facts_of(old),
            )
            # Without a workspace they could not log in, and would keep the address from themselves.
            connection.execute("SELECT forget_person(%s)", (user_id,))

    def _end_invitations(self, user_id: UUID) -> None:
        """Withdraw what a member has offered: it is not theirs to give any more."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE invitations SET state = 'withdrawn', settled_at = clock_timestamp(),"
                " token_hash = NULL WHERE invited_by = %s AND state = 'open'",
                (user_id,),
            )


def facts_of(place: Place) -> dict[str, Any]:
    """What the audit log keeps of a place."""
    scope = scope_of(place)
    return {"role": place.role, "creator_ids": None if scope is None else list(map(str, scope))}


def scope_of(place: Place) -> list[UUID] | None:
    """A place's creators as they are stored."""
    return None if place.creators is None else sorted(place.creators)
