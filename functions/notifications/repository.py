"""Mails in Postgres: the only SQL of this feature. The role ``mailer`` sees no password."""

from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from functions.notifications.models import Link, Person, PlannedMail
from functions.notifications.service import Trouble, Verdict
from huntaze.db import Transactions
from huntaze.domain.mails import NOTICES

_ONCE = sorted(NOTICES)


class PostgresMails(Transactions):
    """The mails of everybody."""

    def claim(self, mail_id: UUID, lease: timedelta, most_attempts: int) -> PlannedMail | None:
        """Take a mail for a while; None when it is settled or somebody has it.

        Where a sender died, nobody knows whether the mail went out. Of a notice none is better than
        two; what an account needs is sent again.
        """
        with (
            self.transaction() as connection,
            connection.cursor(row_factory=class_row(PlannedMail)) as cursor,
        ):
            return cursor.execute(
                "UPDATE mails SET state = 'sending', attempts = attempts + 1,"
                " leased_until = clock_timestamp() + %(lease)s"
                " WHERE id = %(id)s AND attempts < %(most)s AND (state = 'planned'"
                "  OR state = 'sending' AND leased_until < clock_timestamp()"
                "   AND NOT template = ANY (%(once)s))"
                " RETURNING id, template, user_id, address, parameters, attempts",
                {"id": mail_id, "lease": lease, "most": most_attempts, "once": _ONCE},
            ).fetchone()

    def person(self, mail: PlannedMail) -> Person | None:
        """Find whom the mail is for: who has verified the address, or came with it last."""
        with (
            self.transaction() as connection,
            connection.cursor(row_factory=class_row(Person)) as cursor,
        ):
            return cursor.execute(
                "SELECT id, email, name, language, email_verified_at IS NOT NULL AS verified"
                " FROM users WHERE email ="
                "  COALESCE(%(address)s, (SELECT email FROM users WHERE id = %(user_id)s))"
                # A person of a mail's own unless somebody else has verified the address.
                " ORDER BY email_verified_at NULLS LAST, id = %(user_id)s DESC NULLS LAST,"
                "  created_at DESC LIMIT 1",
                {"address": mail.address, "user_id": mail.user_id},
            ).fetchone()

    def trouble(self, address: str) -> Trouble | None:
        """Why an address takes no mails, the graver reason first; None when it takes them."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT bounced_at IS NOT NULL FROM undeliverable_addresses"
                " WHERE address_hash = sha256(convert_to(lower(%s), 'UTF8'))",
                (address,),
            ).fetchone()
        if row is None:
            return None
        return Trouble.BOUNCED if row[0] else Trouble.COMPLAINED

    def add_link(self, link: Link) -> None:
        """Let a link be good from now on."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO account_tokens"
                " (purpose, user_id, email, token_hash, issued_at, expires_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                link,
            )

    def renew_invitation(self, invitation_id: UUID, token_hash: bytes, now: datetime) -> bool:
        """Let a link of an invitation be good, and none before; False when it is not open."""
        with self.transaction() as connection:
            renewed = connection.execute(
                "UPDATE invitations SET token_hash = %s"
                " WHERE id = %s AND state = 'open' AND expires_at > %s",
                (token_hash, invitation_id, now),
            )
        return renewed.rowcount == 1

    def settle(self, mail: PlannedMail, verdict: Verdict, outcome: str | None) -> None:
        """Say how a claimed mail ended; ``outcome`` is the service's id of a sent one, or why."""
        column = "ses_message_id" if verdict is Verdict.SENT else "outcome"
        with self.transaction() as connection:
            connection.execute(
                f"UPDATE mails SET state = %s, {column} = %s, leased_until = NULL,"  # noqa: S608
                " settled_at = clock_timestamp() WHERE id = %s AND state = 'sending'",
                (verdict, outcome, mail.id),
            )

    def release(self, mail: PlannedMail) -> None:
        """Give a claimed mail back that certainly has not been sent."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE mails SET state = 'planned', leased_until = NULL"
                " WHERE id = %s AND state = 'sending' AND attempts = %s",
                (mail.id, mail.attempts),
            )

    def lost(self, older_than: timedelta, most_attempts: int, most: int) -> list[UUID]:
        """Find mails that wait and that no queue may know of any more; give up on the hopeless."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE mails SET state = 'failed', leased_until = NULL,"
                " settled_at = clock_timestamp(), outcome = CASE WHEN attempts >= %(most)s"
                "  THEN 'too many tries' ELSE 'perhaps sent; never sent twice' END"
                " WHERE state = 'planned' AND attempts >= %(most)s"
                "  OR state = 'sending' AND leased_until < clock_timestamp()"
                "   AND (attempts >= %(most)s OR template = ANY (%(once)s))",
                {"most": most_attempts, "once": _ONCE},
            )
            rows = connection.execute(
                "SELECT id FROM mails WHERE created_at < clock_timestamp() - %(age)s"
                " AND (state = 'planned' OR state = 'sending'"
                "  AND leased_until < clock_timestamp())"
                " ORDER BY created_at LIMIT %(most)s",
                {"age": older_than, "most": most},
            ).fetchall()
        return [row[0] for row in rows]

    def forget(self, most: int) -> dict[str, int]:
        """Delete the oldest of what is over; how much of each kind."""
        with self.transaction() as connection:
            rows = connection.execute("SELECT * FROM forget_what_is_over(%s)", (most,)).fetchall()
        return {kind: forgotten for kind, forgotten in rows if forgotten}
