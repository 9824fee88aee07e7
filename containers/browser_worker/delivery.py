"""One message, from an open thread to a settled row."""

import time
from dataclasses import dataclass
from datetime import timedelta

from browser_worker.ledger import LaneLedger
from browser_worker.profile import SiteProfile
from browser_worker.reading import page_of, shows_stop_word
from browser_worker.restore import trace
from browser_worker.site import Site
from browser_worker.steps import Observer, Step
from browser_worker.thread import Thread
from huntaze.domain.outbound.grants import Deadlines, Refused
from huntaze.domain.outbound.lanes import DueSend
from huntaze.domain.outbound.settlement import InDoubt, OwnMessage, Sighting
from huntaze.domain.outbound.states import Priority, SendState, SkipReason

# Between the two readings that must agree before a message counts as not sent.
READINGS = 2


@dataclass(frozen=True)
class Delivery:
    """How one try ended.

    Args:
        outcome: ``sent``, ``in_doubt``, or why the grant was refused.
        refused: The refusal, where it was one.
        seconds: From opening the thread to the end.
    """

    outcome: str
    seconds: float
    refused: Refused | None = None


def deadlines_of(profile: SiteProfile) -> Deadlines:
    """T1 and T2 of a platform."""
    return Deadlines(
        submit_within=timedelta(seconds=profile.submit_deadline_seconds),
        readable_after=timedelta(seconds=profile.acceptance_within_seconds),
    )


async def deliver(
    site: Site, ledger: LaneLedger, profile: SiteProfile, due: DueSend, observe: Observer
) -> Delivery:
    """Send ``due`` if it is granted.

    Whatever goes wrong after the grant leaves the row submitted: it is read back later, never
    submitted again from here.

    Raises:
        Trouble: Before the grant, the thread could not be used; after it, the outcome is in doubt.
    """
    started = time.monotonic()
    platform_id = due.fan_platform_id
    if platform_id is None:
        raise ValueError("an unmatched fan has no thread")
    thread = await site.open_thread(platform_id, due.fan_handle)
    observe(Step.OPENED)
    if due.may_be_sent:
        refused = await _look_before(thread, ledger, due)
        if refused is not None:
            return Delivery(refused.why, time.monotonic() - started, refused)
        # The search may have turned the pages: the baseline is the newest message of all.
        thread = await site.open_thread(platform_id, due.fan_handle)
    page = page_of(thread)
    if due.priority > Priority.PERSON and shows_stop_word(thread):
        # Behind a message of ours no list shows it. It is judged where it is stored, once, and the
        # grant then refuses.
        await ledger.note_seen(platform_id, page)
    await thread.compose(due.text, due.price_cents, due.platform_media_ids)
    observe(Step.COMPOSED)
    # The page's clock starts before the database is asked: a stall anywhere after this line makes
    # the click too late instead of unaccounted for.
    mark = await thread.mark()
    observe(Step.ASKING)
    verdict = await ledger.grant(
        due, baseline=thread.newest_message_id, deadlines=deadlines_of(profile)
    )
    if isinstance(verdict, Refused):
        return Delivery(verdict.why, time.monotonic() - started, verdict)
    observe(Step.GRANTED)
    clicked = await thread.click(mark, profile.submit_deadline_seconds)
    observe(Step.CLICKED)
    if not clicked:
        return Delivery("in_doubt", time.monotonic() - started)
    message_id = await thread.confirmation(profile.acceptance_within_seconds)
    observe(Step.SEEN)
    await ledger.confirm(due.id, message_id)
    observe(Step.SETTLED)
    await ledger.note_seen(platform_id, page, sent_message_id=message_id)
    return Delivery(SendState.SENT, time.monotonic() - started)


async def _look_before(thread: Thread, ledger: LaneLedger, due: DueSend) -> Refused | None:
    """Refuse what the thread shows already, or what it cannot show any more."""
    for doubt in await ledger.threads_in_doubt([thread.fan_platform_id]):
        traced = await trace(thread, ledger, doubt)
        if due.id in traced.settled:
            return Refused("sent_before_restore")
        if not traced.whole:
            return await ledger.skip(due, SkipReason.RESTORE_UNCLEAR)
    return None


async def read_back(
    site: Site, ledger: LaneLedger, profile: SiteProfile, doubt: InDoubt, observe: Observer
) -> SendState:
    """Settle a send in doubt by reading its thread.

    Raises:
        Trouble: The thread could not be read; the send stays in doubt.
    """
    observe(Step.DOUBTED)
    thread = await site.open_thread(doubt.fan_platform_id, doubt.fan_handle, for_reading=True)
    wanted = profile.normalise(doubt.text)
    sightings: list[Sighting] = []
    for _ in range(READINGS):
        seen = await thread.own_messages_after(doubt.baseline_message_id)
        sightings.append(
            Sighting(
                baseline_visible=seen.baseline_visible,
                own_messages=[
                    OwnMessage(
                        id=message.id,
                        matches=profile.normalise(message.text) == wanted
                        and message.price_cents == doubt.price_cents,
                    )
                    for message in seen.messages
                ],
            )
        )
    observe(Step.READ_BACK)
    return await ledger.settle_read_back(doubt, sightings)
