"""A fan and what is said with them, as a sync would bring it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from huntaze.domain import conversations
from huntaze.domain.conversations import SeenMessage
from tests.fakes.creator_desk import Desk

NOW = datetime.now(UTC).replace(microsecond=0)


class Talk:
    """What is said with one fan.

    Args:
        desk: The creator.
        fan: Columns of the fan.
    """

    _numbers: Iterator[int] = iter(range(10**9))

    def __init__(self, desk: Desk, **fan: object) -> None:
        self._desk = desk
        self.platform_id = f"talk-{next(self._numbers)}"
        self.fan_id = desk.fan(platform_id=self.platform_id, **fan)

    def theirs(self, minutes: float, text: str = "hello", **more: Any) -> UUID:
        """The fan wrote so many minutes ago."""
        return self._say(False, minutes, text, **more)

    def ours(self, minutes: float, text: str = "hi", **more: Any) -> UUID:
        """The creator wrote on the platform so many minutes ago."""
        return self._say(True, minutes, text, **more)

    def _say(self, own: bool, minutes: float, text: str, **more: Any) -> UUID:
        name = f"m-{next(self._numbers)}"
        seen = SeenMessage(name, own, text, NOW - timedelta(minutes=minutes), **more)
        with self._desk.app.transaction() as connection:
            stored = conversations.store(
                connection, self._desk.creator_id, self.platform_id, [seen]
            )
        assert stored is not None
        return stored.new[0]

    @property
    def path(self) -> str:
        """Where the conversation is."""
        (row,) = self._desk.rows("SELECT id FROM conversations WHERE fan_id = %s", self.fan_id)
        return f"/api/crm/conversations/{row['id']}"
