"""What fans pay: one row for each movement, never changed afterwards."""

import secrets
from datetime import datetime

from local.fan_platform.records import Transaction
from local.fan_platform.store import Store, iso

FEE_PERCENT = 20
COLUMNS = (
    "seq, id, creator_id, fan_id, type, amount_cents, fee_cents, net_cents, currency, created_at,"
    " message_id, reverses, description"
)


class Ledger:
    """The money of all creators."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def book(
        self,
        creator_id: str,
        fan_id: str,
        kind: str,
        amount_cents: int,
        at: datetime,
        *,
        message_id: str | None = None,
        reverses: str | None = None,
        description: str = "",
    ) -> str:
        """Write a payment down, less the platform's fee; a taken-back one has a negative amount."""
        fee = (abs(amount_cents) * FEE_PERCENT + 50) // 100 * (1 if amount_cents >= 0 else -1)
        transaction_id = f"t{secrets.token_hex(8)}"
        self._store.connection.execute(
            "INSERT INTO transactions (id, creator_id, fan_id, type, amount_cents, fee_cents,"
            " net_cents, currency, created_at, message_id, reverses, description)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'USD', ?, ?, ?, ?)",
            (
                transaction_id,
                creator_id,
                fan_id,
                kind,
                amount_cents,
                fee,
                amount_cents - fee,
                iso(at),
                message_id,
                reverses,
                description,
            ),
        )
        self._store.announce(creator_id, "transaction.created", transaction_id)
        return transaction_id

    def page(self, creator_id: str, *, before: str | None, limit: int) -> list[Transaction]:
        """Return a page of movements before the one with the id ``before``, latest first."""
        rows = self._store.connection.execute(
            f"SELECT {COLUMNS} FROM transactions WHERE creator_id = ?1 AND (?2 IS NULL OR"
            " (created_at, seq) < (SELECT created_at, seq FROM transactions WHERE id = ?2))"
            " ORDER BY created_at DESC, seq DESC LIMIT ?3",
            (creator_id, before, limit),
        )
        return [Transaction(**dict(row)) for row in rows]

    def transaction(self, transaction_id: str) -> Transaction | None:
        """Return one movement."""
        row = self._store.connection.execute(
            f"SELECT {COLUMNS} FROM transactions WHERE id = ?", (transaction_id,)
        ).fetchone()
        return Transaction(**dict(row)) if row else None

    def net_cents(self, creator_id: str) -> int:
        """Return what a creator has earned after fees."""
        row = self._store.connection.execute(
            "SELECT COALESCE(sum(net_cents), 0) FROM transactions WHERE creator_id = ?",
            (creator_id,),
        ).fetchone()
        return int(row[0])
