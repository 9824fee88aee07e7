"""One page of a sync: read from the platform's list, checked, and stored by the domain."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from browser_worker.ledger import LaneLedger
from browser_worker.listings import ListPage
from browser_worker.site import Site
from huntaze.db import Connection
from huntaze.domain import conversations, fans, money
from huntaze.domain.conversations import ListedChat
from huntaze.domain.outbound.syncs import Kept, Sync
from huntaze.domain.platform_rows import (
    EarningRow,
    SubscriberRow,
    ThreadRow,
    chat_of,
    fan_of,
    id_of,
    transaction_of,
)

type Store = Callable[[Connection, UUID, Sequence[Any]], Kept]
"""Stores the rows of a page."""


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


def _store_subscribers(
    connection: Connection, creator_id: UUID, rows: Sequence[SubscriberRow]
) -> Kept:
    found = [fan_of(line, row) for line, row in enumerate(rows)]
    usable = [row for row in found if row is not None]
    fans.upsert(connection, creator_id, usable, values=fans.PLATFORM_VALUES)
    _note_online(connection, creator_id, rows)
    return Kept(len(rows) - len(usable))


def _store_threads(connection: Connection, creator_id: UUID, rows: Sequence[ThreadRow]) -> Kept:
    usable = [chat for row in rows if (chat := chat_of(row)) is not None]
    fans.record_chats(connection, creator_id, usable)
    listed = [
        ListedChat(platform_id, id_of(row.last_message_id), row.last_at, row.unread)
        for row in rows
        if (platform_id := id_of(row.fan_platform_id)) is not None
    ]
    news = conversations.note_listed(connection, creator_id, listed)
    _note_online(connection, creator_id, rows)
    return Kept(len(rows) - len(usable), news)


def _store_earnings(connection: Connection, creator_id: UUID, rows: Sequence[EarningRow]) -> Kept:
    found = [transaction_of(line, row) for line, row in enumerate(rows)]
    usable = [row for row in found if row is not None]
    outcome = money.record(connection, creator_id, usable)
    return Kept(len(rows) - len(usable), outcome.created + outcome.updated)


def _note_online(
    connection: Connection, creator_id: UUID, rows: Sequence[SubscriberRow] | Sequence[ThreadRow]
) -> None:
    seen = {
        platform_id: row.last_seen_at
        for row in rows
        if (platform_id := id_of(row.fan_platform_id)) and row.last_seen_at is not None
    }
    fans.note_online(connection, creator_id, seen)


LISTINGS: dict[str, Listing] = {
    "sync_subscribers": Listing(Site.subscribers, _store_subscribers),
    "sync_threads": Listing(Site.threads, _store_threads),
    "sync_earnings": Listing(Site.earnings, _store_earnings),
}
