"""What a platform tells of fans, chats and money, checked before it is stored.

Whoever reads it, from a page or from what a platform pushes, makes these rows; what cannot be used
becomes None.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from huntaze.domain.fans import ChatRow, FanRow, FanStatus
from huntaze.domain.money import PAYMENTS, REVERSALS, TransactionRow

# What the tables hold at most.
MAX_ID = 200
MAX_NAME = 200
MAX_DESCRIPTION = 1000
MAX_TEXT = 20_000
MAX_CENTS = 10**12


@dataclass(frozen=True, slots=True)
class SubscriberRow:
    """A fan in the list of subscribers."""

    fan_platform_id: str
    handle: str
    display_name: str | None
    status: str | None
    price_cents: int | None
    rebill_on: bool | None
    subscribed_at: datetime | None
    expires_at: datetime | None
    last_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A chat in the list of chats."""

    fan_platform_id: str
    handle: str | None
    display_name: str | None
    last_message_id: str | None
    last_is_own: bool | None
    last_at: datetime | None
    last_text: str | None
    unread: int
    last_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EarningRow:
    """A movement in the list of earnings."""

    transaction_id: str
    fan_platform_id: str
    type: str
    amount_cents: int
    fee_cents: int | None
    net_cents: int | None
    created_at: datetime
    message_id: str | None
    reverses: str | None
    description: str | None


def fan_of(line: int, row: SubscriberRow) -> FanRow | None:
    """Return what the list of subscribers says of a fan; None if they cannot be told by it."""
    platform_id, handle = id_of(row.fan_platform_id), id_of(row.handle)
    if platform_id is None or handle is None:
        return None
    status = row.status.strip().casefold() if row.status else None
    return FanRow(
        line,
        platform_id,
        handle,
        display_name=words_of(row.display_name, MAX_NAME),
        status=status if status in get_args(FanStatus.__value__) else None,
        price_cents=row.price_cents if is_sum(row.price_cents) else None,
        rebill_on=row.rebill_on,
        subscribed_at=_moment(row.subscribed_at),
        expires_at=_moment(row.expires_at),
    )


def chat_of(row: ThreadRow) -> ChatRow | None:
    """Return what the list of chats says of a fan."""
    platform_id = id_of(row.fan_platform_id)
    if platform_id is None:
        return None
    return ChatRow(
        platform_id,
        handle=id_of(row.handle),
        display_name=words_of(row.display_name, MAX_NAME),
        last_is_own=row.last_is_own,
        last_at=_moment(row.last_at),
        last_text=row.last_text,
    )


def transaction_of(line: int, row: EarningRow) -> TransactionRow | None:
    """Return a movement; None if it cannot be one."""
    transaction_id, platform_id = id_of(row.transaction_id), id_of(row.fan_platform_id)
    kind = row.type.strip().casefold()
    reverses = id_of(row.reverses)
    amounts = _amounts(row)
    created_at = _moment(row.created_at)
    whole = transaction_id and platform_id and amounts and created_at
    if not whole or kind not in (*PAYMENTS, *REVERSALS):
        return None
    if (reverses is not None) != (kind in REVERSALS) or reverses == transaction_id:
        return None
    return TransactionRow(
        line,
        str(transaction_id),
        str(platform_id),
        kind,
        *(amounts or (0, 0, 0)),
        created_at=created_at,
        reverses=reverses,
        description=words_of(row.description, MAX_DESCRIPTION),
        message_id=id_of(row.message_id),
    )


def _amounts(row: EarningRow) -> tuple[int, int, int] | None:
    """Return gross, fee and net, all of zero or more; pages show what is taken back as minus."""
    amount, fee, net = row.amount_cents, row.fee_cents, row.net_cents
    if row.type.strip().casefold() in REVERSALS:
        if not any((amount, fee, net)):
            # Recorded, no amount would be all of the payment.
            return None
        amount = abs(amount)
        fee, net = (None if cents is None else abs(cents) for cents in (fee, net))
        if fee is None and net is None:
            # Its share of the payment's net, which the payment alone tells.
            fee = net = 0
    if fee is None:
        fee = 0 if net is None else max(amount - net, 0)
    if net is None:
        net = amount - fee
    return (amount, fee, net) if all(map(is_sum, (amount, fee, net))) else None


def is_sum(cents: int | None) -> bool:
    """Tell whether an amount can be one."""
    return cents is not None and 0 <= cents <= MAX_CENTS


def id_of(text: str | None) -> str | None:
    """Return an id or a handle; what is cut short would be another's."""
    if text is None or len(text) > MAX_ID:
        return None
    return words_of(text, MAX_ID)


def words_of(text: str | None, most: int) -> str | None:
    """Return what somebody wrote, cut to so many signs; None if nothing is left."""
    if text is None:
        return None
    # Postgres stores neither; a page's script can make both.
    sound = text.encode("utf-8", "replace").decode().replace("\0", "")
    return sound.strip()[:most].strip() or None


def _moment(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    try:
        return moment.astimezone(UTC).isoformat()
    except OverflowError:
        return None
