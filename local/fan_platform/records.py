"""What the platform knows: creators, fans, messages and money, as plain records."""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class Creator:
    """An account that writes to its fans."""

    id: str
    username: str
    display_name: str
    password_hash: str
    otp_secret: str | None
    otp_code: str | None
    rate_violations: int

    @property
    def asks_code(self) -> bool:
        """Whether a login needs a second factor."""
        return bool(self.otp_secret or self.otp_code)


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A cookie that was handed out, complete or waiting for its code."""

    token: str
    creator_id: str
    awaits_code: bool
    expires_at: str


@dataclass(frozen=True, slots=True)
class Fan:
    """A fan as one creator sees it."""

    creator_id: str
    fan_id: str
    handle: str
    display_name: str
    status: str
    price_cents: int
    rebill_on: bool
    subscribed_at: str | None
    expires_at: str | None
    last_seen_at: str | None
    seed: int | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message that the platform accepted; ``text`` is what arrived, ``displayed`` what shows."""

    seq: int
    id: str
    creator_id: str
    fan_id: str
    direction: Direction
    text: str
    displayed: str
    rewrites: tuple[str, ...]
    price_cents: int
    media: tuple[str, ...]
    accepted_at: str
    platform_at: str
    read_at: str | None
    opened_at: str | None
    paid_at: str | None
    unsent_at: str | None
    tip_cents: int = 0


@dataclass(frozen=True, slots=True)
class Medium:
    """Something in a creator's vault."""

    media_id: str
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class ThreadSummary:
    """One line of the list of chats."""

    seq: int
    fan_id: str
    handle: str
    display_name: str
    last_message_id: str
    last_direction: Direction
    last_displayed: str
    last_at: str
    last_seen_at: str | None
    unread: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """Money that a fan paid, or took back."""

    seq: int
    id: str
    creator_id: str
    fan_id: str
    type: str
    amount_cents: int
    fee_cents: int
    net_cents: int
    currency: str
    created_at: str
    message_id: str | None
    reverses: str | None
    description: str
