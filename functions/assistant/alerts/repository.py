"""Alerts in Postgres, seen through the functions that the role of relays may call."""

from datetime import timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from functions.assistant.alerts.models import Post
from huntaze.ai.ledger import monthly_caps
from huntaze.crypto import Envelope
from huntaze.db import Transactions

# A period that has ended is looked at for so long: the last calls are settled after it.
_OVER_FOR = timedelta(minutes=10)


class PostgresAlerts(Transactions):
    """The alerts of all workspaces; the source lends connections with the role ``relay``."""

    def raise_alerts(self) -> int:
        """Write down what was crossed since the last time, with its events and posts."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT ai_raise_alerts(%s, %s)", (Jsonb(monthly_caps()), _OVER_FOR)
            ).fetchone()
        return int(row[0]) if row else 0

    def next_post(self, lease: timedelta) -> Post | None:
        """Take a post that is due; it is marked with the commit, before anything is posted."""
        with self.transaction() as connection:
            row = connection.execute("SELECT * FROM ai_next_alert_post(%s)", (lease,)).fetchone()
        if row is None:
            return None
        sealed_key, sealed = row[-2:]
        slack = Envelope(sealed_key, sealed) if sealed else None
        return Post._make((*row[:-2], slack))

    def settle(self, post: Post, *, was_made: bool, pause: timedelta, most: int) -> None:
        """Write down what became of a post."""
        whose: tuple[UUID, UUID, str] = (post.workspace_id, post.alert_id, post.channel)
        with self.transaction() as connection:
            connection.execute(
                "SELECT ai_alert_posted(%s, %s, %s, %s, %s, %s)", (*whose, was_made, pause, most)
            )
