"""Mailed links in Postgres, beside the accounts that they are about."""

from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from functions.auth.models import User
from functions.auth.repository import PostgresAccounts
from huntaze.domain import mails
from huntaze.domain.mails import Template


class PostgresLinks(PostgresAccounts):
    """The accounts of all workspaces, and the links that were mailed to them."""

    def add_mail(
        self, template: Template, *, user_id: UUID | None = None, address: str | None = None
    ) -> UUID:
        """Store a mail to a person, or to whoever has an address."""
        with self.transaction() as connection:
            return mails.add(connection, template, user_id=user_id, address=address)

    def send_soon(self, mail_id: UUID) -> None:
        """Let a stored mail go; to be called after the transaction."""
        mails.send_soon([mail_id])

    def take_link(self, token_hash: bytes, purpose: Template, now: datetime) -> User | None:
        """Use a living link, and with it all others of the person for the same purpose."""
        with self.transaction() as connection:
            # Of two that bring one link, the second waits here, and finds it used.
            taken = connection.execute(
                "UPDATE account_tokens SET used_at = %(now)s WHERE token_hash = %(hash)s"
                " AND purpose = %(purpose)s AND used_at IS NULL AND expires_at > %(now)s"
                " RETURNING user_id, email",
                {"hash": token_hash, "purpose": purpose, "now": now},
            ).fetchone()
            if taken is None:
                return None
            connection.execute(
                "UPDATE account_tokens SET used_at = %s"
                " WHERE user_id = %s AND purpose = %s AND used_at IS NULL",
                (now, taken[0], purpose),
            )
            with connection.cursor(row_factory=class_row(User)) as cursor:
                return cursor.execute(
                    "SELECT id, email, name, email_verified_at IS NOT NULL AS email_verified"
                    " FROM users WHERE id = %s AND email = %s FOR UPDATE",
                    taken,
                ).fetchone()

    def verify_address(self, user_id: UUID, now: datetime) -> bool:
        """Let a person have their address; False when somebody else has verified it."""
        try:
            with self.transaction() as connection:
                connection.execute(
                    "UPDATE users SET email_verified_at = COALESCE(email_verified_at, %s)"
                    " WHERE id = %s",
                    (now, user_id),
                )
        except psycopg.errors.UniqueViolation:
            return False
        return True

    def end_links(self, user_id: UUID) -> None:
        """Let no link of a user be good any more."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM account_tokens WHERE user_id = %s", (user_id,))
