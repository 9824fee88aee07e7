"""What a sync reads from a platform's lists, page by page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from browser_worker.messages import ThreadMessage, parse_cents
from huntaze.domain.platform_rows import EarningRow, SubscriberRow, ThreadRow

Values = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class ListPage[T]:
    """One page of a list; ``next_cursor`` leads on, None is the end."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """One page of a thread, oldest first; later pages hold older messages."""

    messages: tuple[ThreadMessage, ...]


type Reader[T] = Callable[[Values], T]


def read_subscriber(values: Values) -> SubscriberRow:
    """Return the row of a subscriber."""
    rebill = values.get("rebill")
    return SubscriberRow(
        fan_platform_id=_needed(values, "fan_id"),
        handle=_needed(values, "handle").lstrip("@"),
        display_name=values.get("display_name"),
        status=values.get("status"),
        price_cents=_cents(values.get("price")),
        rebill_on=rebill.casefold() in {"on", "yes", "true"} if rebill else None,
        subscribed_at=moment_of(values.get("subscribed_at")),
        expires_at=moment_of(values.get("expires_at")),
        last_seen_at=moment_of(values.get("last_seen_at")),
    )


def read_thread(values: Values) -> ThreadRow:
    """Return the row of a chat."""
    handle, direction, unread = (
        values.get(name) for name in ("handle", "last_direction", "unread")
    )
    return ThreadRow(
        fan_platform_id=_needed(values, "fan_id"),
        handle=handle.lstrip("@") if handle else None,
        display_name=values.get("display_name"),
        last_message_id=values.get("last_message_id"),
        last_is_own=direction == "out" if direction else None,
        last_at=moment_of(values.get("last_at")),
        last_text=values.get("last_text"),
        unread=int(unread) if unread and unread.isdigit() else 0,
        last_seen_at=moment_of(values.get("last_seen_at")),
    )


def read_earning(values: Values) -> EarningRow:
    """Return the row of a movement."""
    amount = parse_cents(_needed(values, "gross"))
    created_at = moment_of(_needed(values, "created_at"))
    if amount is None or created_at is None:
        raise ValueError("gross, created_at")
    return EarningRow(
        transaction_id=_needed(values, "transaction_id"),
        fan_platform_id=_needed(values, "fan_id"),
        type=_needed(values, "type"),
        amount_cents=amount,
        fee_cents=_cents(values.get("fee")),
        net_cents=_cents(values.get("net")),
        created_at=created_at,
        message_id=values.get("message_id") or None,
        reverses=values.get("reverses") or None,
        description=values.get("description") or None,
    )


def _needed(values: Values, name: str) -> str:
    value = values.get(name)
    if not value:
        raise ValueError(name)
    return value


def _cents(text: str | None) -> int | None:
    # What a page does not show is unknown, not nothing.
    return parse_cents(text) if text else None


def moment_of(text: str | None) -> datetime | None:
    """Return the moment that a page writes; None where it cannot be told."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    # A time without a zone could be anyone's; it is no time.
    return moment if moment.tzinfo else None
