"""The books of AI in Postgres, seen through the four functions that the sweep's role may call."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from functions.assistant.models import CostRow
from huntaze.db import Transactions


class PostgresBooks(Transactions):
    """The books of all workspaces; the source lends connections with the role ``relay``."""

    def return_expired(self) -> int:
        """Give back the reserves of calls whose process died."""
        with self.transaction() as connection:
            row = connection.execute("SELECT ai_sweep_leases()").fetchone()
        return 0 if row is None else int(row[0])

    def unstored(self, most: int) -> Sequence[CostRow]:
        """The oldest cost rows that have not arrived."""
        with self.transaction() as connection:
            found = connection.execute("SELECT * FROM ai_calls_to_store(%s)", (most,)).fetchall()
        return [
            CostRow(
                workspace_id=workspace_id,
                call_id=call_id,
                at=datetime.fromisoformat(row.pop("at")).astimezone(UTC),
                **row,
            )
            for workspace_id, call_id, row in found
        ]

    def mark_stored(self, call_ids: Sequence[UUID]) -> None:
        """Say which rows have."""
        with self.transaction() as connection:
            connection.execute("SELECT ai_calls_stored(%s)", (list(call_ids),))

    def tidy(self) -> None:
        """Throw away what has done its work."""
        with self.transaction() as connection:
            connection.execute("SELECT ai_tidy()")
