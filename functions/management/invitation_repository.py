"""The invitations of a workspace in Postgres, beside its members."""

from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from functions.management.member_repository import PostgresMembers, facts_of, scope_of
from functions.management.members import Place
from functions.management.models import Invitation, InvitationDraft
from huntaze.domain import audit, mails, workspaces
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Limit
from huntaze.domain.mails import Template
from huntaze.ids import new_id

_SELECT: LiteralString = (
    "SELECT id, email, role, creator_scope AS creator_ids, invited_by, created_at, mailed_at,"
    " expires_at FROM invitations WHERE state = 'open'"
)


class PostgresInvitations(PostgresMembers):
    """The members of one workspace, and whom they have invited."""

    def open_page(self, after: UUID | None, limit: int) -> list[Invitation]:
        """List open invitations, oldest first, younger than ``after``."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Invitation)) as cursor,
        ):
            return cursor.execute(
                f"{_SELECT} AND (%(after)s::uuid IS NULL OR id > %(after)s)"
                " ORDER BY id LIMIT %(limit)s",
                {"after": after, "limit": limit},
            ).fetchall()

    def has_address(self, email: str) -> bool:
        """Whether a member has the address."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT FROM members m JOIN users u ON u.id = m.user_id WHERE u.email = %s",
                (email,),
            ).fetchone()
        return row is not None

    def find_open(self, email: str) -> Invitation | None:
        """Find the open invitation of an address, over or not."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Invitation)) as cursor,
        ):
            return cursor.execute(f"{_SELECT} AND email = %s", (email,)).fetchone()

    def find_invitation(self, invitation_id: UUID) -> Invitation | None:
        """Find an open invitation, over or not."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Invitation)) as cursor,
        ):
            return cursor.execute(
                f"{_SELECT} AND id = %s FOR NO KEY UPDATE", (invitation_id,)
            ).fetchone()

    def mails_since(self, moment: datetime) -> int:
        """Count the mails that the workspace's invitations have caused."""
        with self._tenant.transaction() as connection:
            (count,) = connection.execute(
                "SELECT coalesce(sum(mails), 0) FROM invitations WHERE mailed_at > %s", (moment,)
            ).fetchone() or (0,)
        return int(count)

    def require_room(self, now: datetime, *, adding: int) -> None:
        """Refuse more members and invitations than the plan includes."""
        with self._tenant.transaction() as connection:
            (promised,) = connection.execute(
                "SELECT count(*) FROM invitations WHERE state = 'open' AND expires_at > %s", (now,)
            ).fetchone() or (0,)
            entitlements.require_room(
                connection, self._tenant.workspace_id, Limit.MEMBERS, adding=promised + adding
            )

    def invite(
        self, draft: InvitationDraft, place: Place, *, by: UUID, now: datetime, until: datetime
    ) -> Invitation:
        """Open an invitation, or replace the open one and its link, and store its mail."""
        values = {
            "workspace_id": self._tenant.workspace_id,
            "id": new_id(),
            "email": draft.email,
            "role": place.role,
            "scope": scope_of(place),
            "by": by,
            "now": now,
            "until": until,
        }
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Invitation)) as cursor,
        ):
            (invitation,) = cursor.execute(
                "INSERT INTO invitations AS i (workspace_id, id, email, role, creator_scope,"
                " mailed_at, invited_by, expires_at) VALUES (%(workspace_id)s, %(id)s, %(email)s,"
                " %(role)s, %(scope)s, %(now)s, %(by)s, %(until)s)"
                " ON CONFLICT (workspace_id, email) WHERE state = 'open' DO UPDATE SET"
                " role = excluded.role, creator_scope = excluded.creator_scope, token_hash = NULL,"
                " mails = i.mails + 1, mailed_at = excluded.mailed_at,"
                " invited_by = excluded.invited_by, expires_at = excluded.expires_at"
                " RETURNING id, email, role, creator_scope AS creator_ids, invited_by, created_at,"
                " mailed_at, expires_at",
                values,
            ).fetchall()
            names = connection.execute(
                "SELECT w.name, u.name FROM workspaces w, users u WHERE w.id = %s AND u.id = %s",
                (self._tenant.workspace_id, by),
            ).fetchone() or ("", "")
            mail_id = mails.add(
                connection,
                Template.INVITATION,
                address=draft.email,
                parameters={
                    "invitation_id": str(invitation.id),
                    "workspace": names[0],
                    "inviter": names[1],
                    "language": draft.language or workspaces.read(connection).language,
                },
            )
            audit.record(
                connection,
                "member.invited",
                audit.Target("invitation", invitation.id),
                actor_id=by,
                facts=facts_of(place),
            )
        mails.send_soon([mail_id])
        return invitation

    def withdraw(self, invitation_id: UUID, *, by: UUID, now: datetime) -> None:
        """Let an invitation be good no more."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE invitations SET state = 'withdrawn', settled_at = %s, token_hash = NULL"
                " WHERE id = %s AND state = 'open'",
                (now, invitation_id),
            )
            audit.record(
                connection,
                "member.invitation_withdrawn",
                audit.Target("invitation", invitation_id),
                actor_id=by,
            )
