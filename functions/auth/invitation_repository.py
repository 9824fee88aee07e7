"""Invitations in Postgres, as those see them who bring a link."""

from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from functions.auth.invitations import Offer
from functions.auth.link_repository import PostgresLinks
from functions.auth.models import Member, User
from functions.auth.service import EmailTakenError
from huntaze import outbox
from huntaze.domain import audit
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Limit


class PostgresInvitations(PostgresLinks):
    """The accounts and invitations of all workspaces."""

    def take_invitation(self, token_hash: bytes, now: datetime) -> Offer | None:
        """Use a living invitation; None when it is none."""
        with self.transaction() as connection:
            # Of two that bring one link, the second waits here, and finds it used.
            row = connection.execute(
                "UPDATE invitations SET state = 'accepted', settled_at = %(now)s"
                " WHERE token_hash = %(hash)s AND state = 'open' AND expires_at > %(now)s"
                " RETURNING workspace_id, id, email, role, creator_scope",
                {"hash": token_hash, "now": now},
            ).fetchone()
        return Offer(*row) if row else None

    def find_user(self, email: str) -> User | None:
        """Find whose address it is, or who came with it last, and hold them."""
        with (
            self.transaction() as connection,
            connection.cursor(row_factory=class_row(User)) as cursor,
        ):
            return cursor.execute(
                "SELECT id, email, name, email_verified_at IS NOT NULL AS email_verified"
                " FROM users WHERE email = %s"
                " ORDER BY email_verified_at NULLS LAST, created_at DESC, id DESC LIMIT 1"
                " FOR UPDATE",
                (email,),
            ).fetchone()

    def add_user(self, user: User, password_hash: str, language: str, now: datetime) -> None:
        """Add a person whose address is verified."""
        try:
            with self.transaction() as connection:
                connection.execute(
                    "INSERT INTO users (id, email, name, password_hash, language,"
                    " email_verified_at) VALUES (%s, %s, %s, %s, %s, %s)",
                    (user.id, user.email, user.name, password_hash, language, now),
                )
        except psycopg.errors.UniqueViolation:
            raise EmailTakenError(
                "The address was verified just now; follow the link again."
            ) from None

    def join(self, offer: Offer, user_id: UUID) -> Member:
        """Let a person be a member; who is one already stays what they are."""
        with self.transaction() as connection:
            added = connection.execute(
                "INSERT INTO members (workspace_id, user_id, role, creator_scope)"
                " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (offer.workspace_id, user_id, offer.role, offer.creators),
            )
            if added.rowcount:
                entitlements.require_room(connection, offer.workspace_id, Limit.MEMBERS, adding=0)
                connection.execute(
                    "SELECT set_config('app.workspace_id', %s, true)", (str(offer.workspace_id),)
                )
                audit.record(
                    connection,
                    "member.joined",
                    audit.Target("member", user_id),
                    actor_id=user_id,
                    facts={"invitation_id": str(offer.id), "role": offer.role},
                )
                outbox.add(
                    connection,
                    "member.joined",
                    workspace_id=offer.workspace_id,
                    aggregate=("member", user_id),
                    payload={"role": offer.role},
                )
            member = self.find_member(user_id, offer.workspace_id)
        if member is None:
            raise LookupError("a member that was just added is not there")
        return member
