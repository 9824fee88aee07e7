"""One page of a sync: read from the platform's list, checked, and stored by the domain."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from browser_worker.ledger import LaneLedger
from browser_worker.listings import ListPage
from browser_worker.site import Site
from huntaze.db import Connection
from huntaze.domain import conversations, fans, money, pushes
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

type Store = Callable[[Connection, UUID, Sequence[Any], datetime], Kept]
"""Stores the rows of a page that was opened at a moment."""


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
        lambda connection, creator_id: listing.store(connection, creator_id, page.items, sync.now),
        rows=len(page.items),
        next_cursor=page.next_cursor,
    )


def _store_subscribers(
    connection: Connection, creator_id: UUID, rows: Sequence[SubscriberRow], opened_at: datetime
) -> Kept:
    found = [fan_of(line, row) for line, row in enumerate(rows)]
    usable = [row for row in found if row is not None]
    staged = fans.stage(connection, creator_id, usable)
    # What was pushed since is newer than the page; whoever works on a push takes the same turn.
    fans.take_turns(connection, creator_id)
    named = [row.platform_id for row in usable]
    newer = pushes.told_since(connection, creator_id, "subscription", named, opened_at)
    fans.leave_out(connection, newer)
    fans.upsert_staged(connection, creator_id, staged, values=fans.PLATFORM_VALUES)
    _note_online(connection, creator_id, rows)
    return Kept(len(rows) - len(usable))


def _store_threads(
    connection: Connection, creator_id: UUID, rows: Sequence[ThreadRow], _opened_at: datetime
) -> Kept:
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


def _store_earnings(
    connection: Connection, creator_id: UUID, rows: Sequence[EarningRow], opened_at: datetime
) -> Kept:
    found = [transaction_of(line, row) for line, row in enumerate(rows)]
    usable = [row for row in found if row is not None]
    read = money.stage(connection, creator_id, usable)
    money.take_turns(connection, creator_id)
    named = [row.transaction_id for row in usable]
    newer = pushes.told_since(connection, creator_id, "transaction", named, opened_at)
    money.leave_out(connection, newer)
    outcome = money.record_staged(connection, creator_id, read)
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
