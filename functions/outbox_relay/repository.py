"""The outbox in Postgres, seen through the two functions that the role may call."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from psycopg.rows import class_row

from functions.outbox_relay.models import OutboxEvent
from huntaze.db import Transactions


class PostgresOutbox(Transactions):
    """The outbox of all workspaces."""

    @contextmanager
    def taken(self, most: int) -> Iterator[Sequence[OutboxEvent]]:
        """Hold the oldest events; no other relay gets them until the block ends.

        The one transaction that lasts through network calls: the rows must stay held until the
        bus has answered, and come free by themselves when this function dies.
        """
        with (
            self.transaction() as connection,
            connection.cursor(row_factory=class_row(OutboxEvent)) as cursor,
        ):
            yield cursor.execute("SELECT * FROM take_outbox(%s)", (most,)).fetchall()

    def lag(self) -> timedelta:
        """How long the oldest event has waited."""
        with self.transaction() as connection:
            row = connection.execute("SELECT outbox_lag()").fetchone()
        return timedelta(0) if row is None else row[0]

    def forget_published(self, most: int) -> int:
        """Forget what was published two weeks ago, the oldest first; answers how many."""
        with self.transaction() as connection:
            row = connection.execute("SELECT forget_published_events(%s)", (most,)).fetchone()
        return int(row[0]) if row else 0

    def mark_published(self, ids: Sequence[UUID]) -> None:
        """Say, inside the block, which of the held events are done."""
        with self.transaction() as connection:
            connection.execute("SELECT mark_outbox_published(%s)", (list(ids),))
