"""One page of a sync: read from the platform's list, checked, and stored by the domain."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

from browser_worker.ledger import LaneLedger
from browser_worker.listings import EarningRow, ListPage, SubscriberRow, ThreadRow
from browser_worker.site import Site
from huntaze.db import Connection
from huntaze.domain import fans, money
from huntaze.domain.fans import ChatRow, FanRow, FanStatus
from huntaze.domain.money import PAYMENTS, REVERSALS, TransactionRow
from huntaze.domain.outbound.syncs import Sync

# What the tables hold at most.
MAX_ID = 200
MAX_NAME = 200
MAX_DESCRIPTION = 1000
MAX_CENTS = 10**12

type Store = Callable[[Connection, UUID, Sequence[Any]], int]
"""Stores the rows of a page and returns how many of them could not be used."""


@dataclass(frozen=True)
class Listing:
    """How one kind of sync reads its pages and stores them."""

    pages: Callable[[Site, str | None], AsyncGenerator[ListPage[Any]]]
    store: Store


async def read_page(site: Site, ledger: LaneLedger, sync: Sync) -> None:
    """Read the page that comes next and store it together with how far the sync is.

    Raises:
        Trouble: The page could not be read; nothing is stored.
    """
    listing = LISTINGS[sync.kind]
    async with aclosing(listing.pages(site, sync.cursor)) as pages:
        page = await anext(pages)
    await ledger.store_page(
        sync,
        lambda connection, creator_id: listing.store(connection, creator_id, page.items),
        rows=len(page.items),
        next_cursor=page.next_cursor,
    )


def fan_of(line: int, row: SubscriberRow) -> FanRow | None:
    """Return what the list of subscribers says of a fan; None if they cannot be told by it."""
    platform_id, handle = _key(row.fan_platform_id), _key(row.handle)
    if platform_id is None or handle is None:
        return None
    status = row.status.strip().casefold() if row.status else None
    return FanRow(
        line,
        platform_id,
        handle,
        display_name=_words(row.display_name, MAX_NAME),
        status=status if status in get_args(FanStatus.__value__) else None,
        price_cents=row.price_cents if _is_sum(row.price_cents) else None,
        rebill_on=row.rebill_on,
        subscribed_at=_moment(row.subscribed_at),
        expires_at=_moment(row.expires_at),
    )


def chat_of(row: ThreadRow) -> ChatRow | None:
    """Return what the list of chats says of a fan."""
    platform_id = _key(row.fan_platform_id)
    if platform_id is None:
        return None
    return ChatRow(
        platform_id,
        handle=_key(row.handle),
        display_name=_words(row.display_name, MAX_NAME),
        last_is_own=row.last_is_own,
        last_at=_moment(row.last_at),
        last_text=row.last_text,
    )


def transaction_of(line: int, row: EarningRow) -> TransactionRow | None:
    """Return a movement; None if it cannot be one."""
    transaction_id, platform_id = _key(row.transaction_id), _key(row.fan_platform_id)
    kind = row.type.strip().casefold()
    reverses = _key(row.reverses)
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
        description=_words(row.description, MAX_DESCRIPTION),
        message_id=_key(row.message_id),
    )


def _store_subscribers(
    connection: Connection, creator_id: UUID, rows: Sequence[SubscriberRow]
) -> int:
    found = [fan_of(line, row) for line, row in enumerate(rows)]
    usable = [row for row in found if row is not None]
    fans.upsert(connection, creator_id, usable, values=fans.PLATFORM_VALUES)
    return len(rows) - len(usable)


def _store_threads(connection: Connection, creator_id: UUID, rows: Sequence[ThreadRow]) -> int:
    usable = [chat for row in rows if (chat := chat_of(row)) is not None]
    fans.record_chats(connection, creator_id, usable)
    return len(rows) - len(usable)


def _store_earnings(connection: Connection, creator_id: UUID, rows: Sequence[EarningRow]) -> int:
    found = [transaction_of(line, row) for line, row in enumerate(rows)]
    usable = [row for row in found if row is not None]
    money.record(connection, creator_id, usable)
    return len(rows) - len(usable)


LISTINGS: dict[str, Listing] = {
    "sync_subscribers": Listing(Site.subscribers, _store_subscribers),
    "sync_threads": Listing(Site.threads, _store_threads),
    "sync_earnings": Listing(Site.earnings, _store_earnings),
}


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
    return (amount, fee, net) if all(map(_is_sum, (amount, fee, net))) else None


def _is_sum(cents: int | None) -> bool:
    return cents is not None and 0 <= cents <= MAX_CENTS


def _key(text: str | None) -> str | None:
    """Return an id or a handle; what is cut short would be another's."""
    if text is None or len(text) > MAX_ID:
        return None
    return _words(text, MAX_ID)


def _words(text: str | None, most: int) -> str | None:
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
