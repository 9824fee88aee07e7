"""Outcomes of mails in Postgres, with the role ``mailer``."""

from functions.notifications.outcomes.models import Fate, Outcome
from huntaze.db import Transactions

_BY_WEIGHT = [fate.value for fate in Fate]


class PostgresOutcomes(Transactions):
    """The outcomes of everybody's mails."""

    def note(self, outcome: Outcome) -> None:
        """Write what became of a mail; the same or older news changes nothing."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE mails SET delivery = %(fate)s, delivery_detail = %(detail)s,"
                " delivery_at = %(at)s WHERE id = %(id)s AND"
                " coalesce(array_position(%(weights)s::text[], delivery), 0)"
                "  < array_position(%(weights)s::text[], %(fate)s::text)",
                {
                    "id": outcome.mail_id,
                    "fate": outcome.fate.value,
                    "detail": outcome.detail or None,
                    "at": outcome.at,
                    "weights": _BY_WEIGHT,
                },
            )

    def end(self, outcome: Outcome) -> None:
        """Send no more to the address, and after a complaint mail its people of nothing more."""
        column = "complained_at" if outcome.fate is Fate.COMPLAINED else "bounced_at"
        with self.transaction() as connection:
            news = connection.execute(
                f"INSERT INTO undeliverable_addresses AS a (address_hash, {column}, detail,"  # noqa: S608  (one of two names of ours)
                " mail_id) VALUES (sha256(convert_to(%(address)s, 'UTF8')), %(at)s, %(detail)s,"
                f" %(mail_id)s) ON CONFLICT (address_hash) DO UPDATE SET {column} = %(at)s,"
                " detail = excluded.detail, mail_id = excluded.mail_id"
                f" WHERE a.{column} IS NULL",
                {
                    "address": outcome.address,
                    "at": outcome.at,
                    "detail": outcome.detail,
                    "mail_id": outcome.mail_id,
                },
            )
            if outcome.fate is Fate.COMPLAINED and news.rowcount:
                connection.execute("SELECT end_notification_mails(%s)", (outcome.address,))
