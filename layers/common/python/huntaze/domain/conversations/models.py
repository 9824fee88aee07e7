"""Shapes of conversations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class ConversationState(StrEnum):
    """Where a conversation stands; a message of the fan's opens it again."""

    OPEN = "open"
    WAITING = "waiting"
    SNOOZED = "snoozed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """A message as the platform shows it.

    Attributes:
        id: Of the platform.
        own: The creator wrote it, or whoever writes for them.
        sent_at: None where the platform shows no moment.
        paid: The fan has unlocked it.
        media: Ids of the platform.
        unsent: It was taken back.
    """

    id: str
    own: bool
    text: str
    sent_at: datetime | None = None
    price_cents: int = 0
    paid: bool = False
    tip_cents: int = 0
    media: Sequence[str] = ()
    unsent: bool = False


class Stored(NamedTuple):
    """What has become of messages that were seen.

    Attributes:
        new: Messages that were not known before, oldest first.
        unanswered: How many of them the fan waits to have answered.
    """

    conversation_id: UUID
    new: Sequence[UUID]
    unanswered: int
