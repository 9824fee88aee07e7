"""What a fan does, in one way for the clock and the test API: write, tip, open, buy, be there."""

from datetime import datetime

from local.fan_platform.money import Ledger
from local.fan_platform.records import Fan, Message
from local.fan_platform.store import Store, iso


class FanActs:
    """The acts of fans, each with all that it leaves behind."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ledger = Ledger(store)

    def write(
        self, fan: Fan, text: str, *, tip_cents: int = 0, at: datetime | None = None
    ) -> Message:
        """Write to the creator; a tip comes as a message that shows its amount."""
        moment = at or self._store.now()
        with self._store.transaction():
            message = self._store.accept(fan, "in", text, tip_cents=tip_cents, at=moment)
            if tip_cents:
                self._ledger.book(
                    fan.creator_id,
                    fan.fan_id,
                    "tip",
                    tip_cents,
                    moment,
                    message_id=message.id,
                    description="Tip",
                )
        return message

    def open(self, fan: Fan, message_id: str, at: datetime) -> None:
        """Look at a message of the creator's."""
        self._mark(fan, message_id, "opened_at", at)

    def buy(self, fan: Fan, message_id: str, cents: int, at: datetime) -> None:
        """Unlock a message and pay for it."""
        with self._store.transaction():
            self._mark(fan, message_id, "paid_at", at)
            self._ledger.book(
                fan.creator_id, fan.fan_id, "message", cents, at, message_id=message_id
            )

    def come_online(self, fan: Fan, at: datetime) -> None:
        """Be seen on the platform."""
        self.change(fan, "last_seen_at", iso(at))

    def change(self, fan: Fan, column: str, value: object) -> None:
        """Change what the list of subscribers shows of a fan."""
        self._store.connection.execute(
            f"UPDATE fans SET {column} = ? WHERE creator_id = ? AND fan_id = ?",
            (value, fan.creator_id, fan.fan_id),
        )
        self._store.announce(fan.creator_id, "subscription.updated", fan.fan_id)

    def _mark(self, fan: Fan, message_id: str, column: str, at: datetime) -> None:
        self._store.connection.execute(
            f"UPDATE messages SET {column} = COALESCE({column}, ?) WHERE id = ?",
            (iso(at), message_id),
        )
        self._store.announce(fan.creator_id, "message.updated", message_id)
