"""Messages as the page of a thread shows them."""

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ThreadMessage:
    """A message as the page shows it; a price or a tip that cannot be read is None.

    Attributes:
        paid: Set once a fan has unlocked it: when, or empty where the page does not tell.
        opened: The same of the fan's having seen it.
    """

    id: str
    own: bool
    text: str
    price_cents: int | None
    media: tuple[str, ...]
    at: str | None
    paid: str | None = None
    opened: str | None = None
    tip_cents: int | None = 0


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What a freshly loaded page shows after a baseline.

    Attributes:
        baseline_visible: The baseline is on the page, or, for a thread that was empty, its very
            beginning is: so nothing after it can have been missed.
        messages: The creator's own messages after it, oldest first; none if it is not visible.
    """

    baseline_visible: bool
    messages: tuple[ThreadMessage, ...]


def parse_cents(text: str | None) -> int | None:
    """Return the amount in a text such as ``$1,234.50``; nothing costs nothing."""
    if not text:
        return 0
    match = re.fullmatch(r"\s*(-?)[^\d-]*(\d[\d,]*)(?:\.(\d{1,2}))?\D*", text)
    if match is None:
        return None
    sign, units, cents = match.groups()
    amount = int(units.replace(",", "")) * 100 + int((cents or "0").ljust(2, "0"))
    return -amount if sign else amount


def message_of(facts: dict[str, Any]) -> ThreadMessage:
    """Read what the page said of a message."""
    return ThreadMessage(
        id=facts["id"],
        own=facts["own"],
        text=facts["text"],
        price_cents=parse_cents(facts["price"]),
        media=tuple(facts["media"]),
        at=facts["at"],
        paid=facts["paid"],
        opened=facts["opened"],
        tip_cents=parse_cents(facts["tip"]),
    )
