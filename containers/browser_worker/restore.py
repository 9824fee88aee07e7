"""After a database restore: read in the threads what the ledger has forgotten."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from browser_worker.ledger import LaneLedger
from browser_worker.listings import moment_of
from browser_worker.messages import ThreadMessage
from browser_worker.site import Site
from browser_worker.thread import OLDER_PAGES, Thread
from browser_worker.trouble import FanGone, WrongThread
from huntaze.domain.outbound.restores import ForgottenSend, Reconciliation, ThreadInDoubt


@dataclass(frozen=True)
class Traced:
    """What a thread told.

    Args:
        settled: Sends that were found in it.
        whole: It was read as far back as the backup goes; otherwise more may be there.
    """

    settled: frozenset[UUID]
    whole: bool


async def reconcile_page(
    site: Site, ledger: LaneLedger, page: Reconciliation, leaving: Callable[[], bool]
) -> None:
    """Read one page of the list of chats, and the threads in it that moved since the backup.

    Raises:
        Trouble: A page could not be read; what was found by then is settled, the rest is read
            again.
    """
    async with aclosing(site.threads(page.cursor)) as pages:
        chats = await anext(pages)
    # Latest first: behind a page on which nothing moved since, nothing did.
    moved = [chat for chat in chats.items if chat.last_at is None or chat.last_at >= page.since]
    threads = await ledger.threads_in_doubt([chat.fan_platform_id for chat in moved])
    found = 0
    for doubt in threads:
        if leaving():
            # The page is read again: what was found is not in doubt any more.
            return
        found += len((await _trace_fan(site, ledger, doubt)).settled)
    await ledger.advance_reconciliation(
        page,
        threads=len(threads),
        found=found,
        next_cursor=chats.next_cursor if moved else None,
    )


async def _trace_fan(site: Site, ledger: LaneLedger, doubt: ThreadInDoubt) -> Traced:
    try:
        thread = await site.open_thread(doubt.fan_platform_id, doubt.fan_handle, for_reading=True)
    except (FanGone, WrongThread):
        # One fan's trouble; it shows again before anything is sent there.
        return Traced(frozenset(), whole=False)
    return await trace(thread, ledger, doubt)


async def trace(thread: Thread, ledger: LaneLedger, doubt: ThreadInDoubt) -> Traced:
    """Find the sends of an open thread that are in it, and settle them; may turn its pages."""
    messages, whole = await _read_back_to(thread, doubt)
    settled = set()
    for send, message in find(doubt, messages, thread.normalise):
        if await ledger.settle_found(send.id, message.id, moment_of(message.at)):
            settled.add(send.id)
    return Traced(frozenset(settled), whole)


def find(
    doubt: ThreadInDoubt, messages: list[ThreadMessage], normalise: Callable[[str], str]
) -> list[tuple[ForgottenSend, ThreadMessage]]:
    """Tell which message is which send; each explains one at most."""
    free = [message for message in messages if _may_be_forgotten(doubt, message)]
    found = []
    for send in doubt.sends:
        wanted = (normalise(send.text), send.price_cents)
        match = next((m for m in free if (normalise(m.text), m.price_cents) == wanted), None)
        if match is not None:
            free.remove(match)
            if not send.submitting:
                found.append((send, match))
    return found


def _may_be_forgotten(doubt: ThreadInDoubt, message: ThreadMessage) -> bool:
    at = moment_of(message.at)
    recent = at is None or at >= doubt.since
    return message.own and recent and message.id not in doubt.known_message_ids


async def _read_back_to(thread: Thread, doubt: ThreadInDoubt) -> tuple[list[ThreadMessage], bool]:
    """Read as far back as the backup goes; whether that was reached."""
    messages = list(thread.messages)
    for _ in range(OLDER_PAGES):
        if _reaches_back(messages, doubt):
            return messages, True
        if not await thread.show_older():
            return messages, thread.shows_beginning
        messages = [*thread.messages, *messages]
    return messages, False


def _reaches_back(messages: list[ThreadMessage], doubt: ThreadInDoubt) -> bool:
    return any(
        message.id in doubt.older_message_ids or _is_before(moment_of(message.at), doubt.since)
        for message in messages
    )


def _is_before(at: datetime | None, moment: datetime) -> bool:
    return at is not None and at < moment
