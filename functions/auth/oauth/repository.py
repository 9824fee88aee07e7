"""Links between accounts and providers in Postgres."""

from datetime import datetime
from uuid import UUID

from functions.auth.link_repository import PostgresLinks
from functions.auth.models import Member
from functions.auth.oauth.models import Provider, Start


class PostgresOAuth(PostgresLinks):
    """The accounts of all workspaces, their mailed links, and their providers."""

    def add_start(
        self,
        state_hash: bytes,
        browser_hash: bytes,
        provider: Provider,
        start: Start,
        end: datetime,
    ) -> None:
        """Remember a browser that goes to a provider, until ``end``."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM oauth_starts WHERE expires_at < statement_timestamp()")
            connection.execute(
                "INSERT INTO oauth_starts"
                " (state_hash, browser_hash, provider, return_to, link_session, expires_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                (state_hash, browser_hash, provider, *start, end),
            )

    def take_start(
        self, state_hash: bytes, browser_hash: bytes, provider: Provider, now: datetime
    ) -> Start | None:
        """Forget a browser that has come back; None when it was never sent, or long ago."""
        with self.transaction() as connection:
            row = connection.execute(
                "DELETE FROM oauth_starts WHERE state_hash = %s AND browser_hash = %s"
                " AND provider = %s AND expires_at > %s RETURNING return_to, link_session",
                (state_hash, browser_hash, provider, now),
            ).fetchone()
        return Start(*row) if row else None

    def find_linked(self, provider: Provider, subject: str) -> UUID | None:
        """Find the user whom a provider means."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT user_id FROM oauth_accounts WHERE provider = %s AND subject = %s",
                (provider, subject),
            ).fetchone()
        return row[0] if row else None

    def link(self, provider: Provider, subject: str, user_id: UUID, now: datetime) -> bool:
        """Let a provider speak for a user; False when either has another partner there."""
        with self.transaction() as connection:
            added = connection.execute(
                "INSERT INTO oauth_accounts (provider, subject, user_id, linked_at)"
                " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (provider, subject, user_id, now),
            )
        return added.rowcount == 1

    def add_verified_owner(self, owner: Member, language: str, now: datetime) -> bool:
        """Add a person whose address is verified; False when somebody has verified it before."""
        with self.transaction():
            self.add_owner(owner, None, language)
            # The caller gives up when this fails, and with it the rows above.
            return self.verify_address(owner.user.id, now)
