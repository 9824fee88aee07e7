"""One page of a thread: read from the platform and stored by the domain."""

from browser_worker.ledger import LaneLedger
from browser_worker.listings import moment_of
from browser_worker.messages import ThreadMessage
from browser_worker.site import Site
from browser_worker.steps import Observer, Step
from browser_worker.thread import Thread
from huntaze.domain.conversations import SeenMessage, SeenPage, ThreadToRead
from huntaze.domain.fans import is_stop_word
from huntaze.domain.platform_rows import MAX_ID, MAX_TEXT, is_sum, words_of


async def read_thread_page(
    site: Site, ledger: LaneLedger, due: ThreadToRead, observe: Observer
) -> None:
    """Read the page of a thread that comes next, and store it with how far the reading is.

    Raises:
        Trouble: The page could not be read; nothing is stored.
    """
    thread = await site.open_thread(
        due.fan_platform_id, due.fan_handle, for_reading=True, page=due.cursor
    )
    observe(Step.PAGE_READ)
    await ledger.store_thread(
        due, page_of(thread), first_messages=site.profile.reading.first_messages
    )
    observe(Step.PAGE_STORED)


def page_of(thread: Thread) -> SeenPage:
    """Return what the page of a thread shows."""
    usable = [message for message in thread.messages if 0 < len(message.id) <= MAX_ID]
    return SeenPage(
        messages=[_seen(message) for message in usable],
        opened=frozenset(message.id for message in usable if message.opened is not None),
        older=thread.older,
        from_newest=thread.grows,
    )


def shows_stop_word(thread: Thread) -> bool:
    """Whether the page holds a message of the fan's that asks for no more."""
    return any(not message.own and is_stop_word(message.text) for message in thread.messages)


def _seen(message: ThreadMessage) -> SeenMessage:
    return SeenMessage(
        id=message.id,
        own=message.own,
        text=words_of(message.text, MAX_TEXT) or "",
        sent_at=moment_of(message.at),
        price_cents=_sum(message.price_cents),
        paid=message.paid is not None,
        tip_cents=_sum(message.tip_cents),
        media=[medium for medium in message.media if medium],
    )


def _sum(cents: int | None) -> int:
    """Return an amount; what cannot be read or cannot be is none."""
    return cents if cents is not None and is_sum(cents) else 0
