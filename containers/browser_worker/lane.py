"""A claimed lane: look, choose, send, settle, sync, until nothing is due or someone says stop."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
from functools import partial

from browser_worker import metrics, orders, restore, screenshots, sync
from browser_worker.delivery import deliver, read_back
from browser_worker.ledger import LaneLedger, View
from browser_worker.profile import SiteProfile
from browser_worker.reading import read_thread_page
from browser_worker.site import Site
from browser_worker.trouble import (
    FanBlocked,
    FanGone,
    NavigationTimeout,
    RatePage,
    RendererCrash,
    SelectorDrift,
    ServerError,
    SessionExpired,
    Trouble,
    WrongThread,
)
from browser_worker.workbench import Workbench
from huntaze import correlation
from huntaze.domain.conversations import ThreadToRead
from huntaze.domain.outbound.commands import Command
from huntaze.domain.outbound.grants import Refused
from huntaze.domain.outbound.lanes import Claim, DueSend
from huntaze.domain.outbound.restores import Reconciliation
from huntaze.domain.outbound.settlement import InDoubt
from huntaze.domain.outbound.states import Priority, SkipReason
from huntaze.domain.outbound.syncs import Sync

# A due send this near is waited for; a later one is left to the sweeper's wake-up.
AHEAD = timedelta(seconds=75)
# The thread is opened this long before its slot, so that the page costs the budget nothing.
LEAD_SECONDS = 0.25
# How long the lane sleeps at most before it looks again: a person's reply may have come.
NAP_SECONDS = 1.0
# Pages that fail in a row before the lane takes it for a changed site and stops.
DRIFTS_TO_STOP = 3
# How long the lane waits for a platform that answers no page at all before it tries again.
AWAY_SECONDS = 15.0
# How long sends that nobody waits for may keep a sync from its next page: a long campaign must not
# hide for hours that a fan has said stop.
SYNC_PATIENCE_SECONDS = 60

_NO_ANSWER = (NavigationTimeout, ServerError)

log = logging.getLogger(__name__)


class Ending(StrEnum):
    """Why a lane was left."""

    DRAINED = "drained"
    STOPPED = "stopped"
    LOST = "lost"
    HANDED_OVER = "handed_over"


class Lane:
    """One creator's lane while this worker holds it."""

    def __init__(self, bench: Workbench, claim: Claim, ledger: LaneLedger) -> None:
        self._bench = bench
        self._claim = claim
        self._ledger = ledger
        self._site: Site | None = None
        self._state: dict[str, object] | None = None
        self._profile: SiteProfile | None = None
        self._drifts = 0
        self._taken_at = time.monotonic()
        self._page_at = self._taken_at
        self._list_was_last = False
        self._unsend_was_last = False

    async def drain(self) -> Ending:
        """Work until the lane is empty, stopped, lost, or due for another worker."""
        try:
            while True:
                if self._bench.leaving() or self._held_long_enough():
                    return Ending.HANDED_OVER
                view = await self._ledger.look(AHEAD)
                ending = await self._step(view)
                if ending is not None:
                    return ending
        finally:
            await self._close_site()

    def _held_long_enough(self) -> bool:
        return time.monotonic() - self._taken_at > self._bench.hand_over_seconds

    async def _step(self, view: View) -> Ending | None:
        """Do the one thing that comes next; None to look again."""
        self._profile = self._profile or self._bench.load_profile(view.lane.platform)
        if not view.lane.held:
            # Whoever has the lane now may have logged in anew: our state must not replace theirs.
            await self._forget_site()
            return Ending.LOST
        if view.command is not None and self._is_its_turn(view.command, view):
            await self._obey(view.command)
            return None
        self._unsend_was_last = False
        if view.reconciliation is not None:
            await self._reconcile(view.reconciliation)
            return None
        if view.lane.stop_reason is not None:
            return Ending.STOPPED
        if view.doubts:
            await self._read_back(view)
        elif (view.sync or view.thread) and self._has_time_for_a_page(view):
            await self._read_a_page(view)
        elif view.due is not None:
            await self._send_or_wait(view, view.due)
        elif view.next_readable is not None:
            await self._nap((view.next_readable - view.lane.now).total_seconds())
        else:
            await self._ledger.announce_drained()
            return Ending.DRAINED
        return None

    def _is_its_turn(self, order: Command, view: View) -> bool:
        """Whether an order goes before all else: a login does.

        Thousands of messages may be taken back at once, each from a page that may never come. So
        what people wait for goes first, and after each of them whatever else there is to do once.
        """
        if order.kind != "unsend":
            return True
        due = view.due
        if due is not None and _seconds_until(view, due) > LEAD_SECONDS:
            due = None
        if view.doubts or (due is not None and due.priority < Priority.AUTOMATION):
            return False
        others = due or view.sync or view.thread or view.reconciliation
        return others is None or not self._unsend_was_last

    async def _nap(self, seconds: float) -> None:
        await asyncio.sleep(min(max(seconds, 0.01), NAP_SECONDS))

    async def _keep_silent(self, seconds: float) -> None:
        """Wait without looking at the lane; being told to go does not wait for the end."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._bench.leaving():
            await self._nap(left)

    def _has_time_for_a_page(self, view: View) -> bool:
        """Whether a page of a sync may come before the send that is next."""
        if view.due is None or _seconds_until(view, view.due) > LEAD_SECONDS:
            return True
        waited = time.monotonic() - self._page_at
        return view.due.priority >= Priority.AUTOMATION and waited > SYNC_PATIENCE_SECONDS

    async def _read_a_page(self, view: View) -> None:
        """Store one page, of a list and of a thread in turn; what is due goes before the next."""
        if view.thread is not None and (view.sync is None or self._list_was_last):
            self._list_was_last = False
            await self._read_thread(view.thread)
        elif view.sync is not None:
            self._list_was_last = True
            await self._sync(view.sync)
        self._page_at = time.monotonic()

    async def _read_thread(self, thread: ThreadToRead) -> None:
        try:
            await read_thread_page(
                await self._open_site(), self._ledger, thread, self._bench.observe
            )
        except Trouble as trouble:
            gone = isinstance(trouble, FanGone)
            put_off = partial(self._ledger.put_off_thread, thread, gone=gone)
            await self._handle(trouble, put_off, in_chat=False)

    async def _sync(self, order: Sync) -> None:
        with correlation.within(order.correlation_id):
            try:
                await sync.read_page(await self._open_site(), self._ledger, order)
            except Trouble as trouble:
                put_off = partial(self._ledger.put_off_page, order, trouble.code, str(trouble))
                await self._handle(trouble, put_off, in_chat=False)

    async def _reconcile(self, page: Reconciliation) -> None:
        """Find what a restored ledger has forgotten; the lane is held until that is done."""
        try:
            await restore.reconcile_page(
                await self._open_site(), self._ledger, page, self._bench.leaving
            )
        except Trouble as trouble:
            await self._handle(trouble, self._ledger.put_off_reconciliation, in_chat=False)

    async def _send_or_wait(self, view: View, due: DueSend) -> None:
        with correlation.within(
            due.correlation_id, trace=due.trace, campaign_id=due.campaign_id, send_id=due.id
        ):
            await self._send_or_nap(view, due)

    async def _send_or_nap(self, view: View, due: DueSend) -> None:
        if due.fan_platform_id is None:
            # There is no thread to open; the platform will make the fan known at the next sync.
            await self._ledger.skip(due, SkipReason.UNMATCHED)
            return
        wait = _seconds_until(view, due)
        if wait > LEAD_SECONDS:
            # Look again before the slot: whoever has the highest priority then takes it.
            await self._nap(wait - LEAD_SECONDS)
            return
        try:
            site = await self._open_site()
            with self._bench.tracer.message(self._bench.observe) as observe:
                delivery = await deliver(site, self._ledger, self._the_profile, due, observe)
        except Trouble as trouble:
            await self._handle(trouble, partial(self._put_aside, trouble, due))
            return
        self._drifts = 0
        metrics.record_delivery(view.lane.platform, delivery.outcome, delivery.seconds)
        if delivery.refused is None:
            waited = (view.lane.now - due.due_at).total_seconds()
            metrics.record_wait(due.priority, waited)
        if delivery.refused is not None:
            await self._after_refusal(view, delivery.refused)

    async def _after_refusal(self, view: View, refused: Refused) -> None:
        if refused.why == "no_slot" and refused.until is not None:
            await self._nap((refused.until - view.lane.now).total_seconds())

    @property
    def _the_profile(self) -> SiteProfile:
        if self._profile is None:
            raise RuntimeError("the lane has not been looked at")
        return self._profile

    async def _read_back(self, view: View) -> None:
        for doubt in view.doubts:
            if self._bench.leaving():
                return
            with correlation.within(
                doubt.correlation_id, campaign_id=doubt.campaign_id, send_id=doubt.id
            ):
                if not await self._read_back_one(doubt):
                    return

    async def _read_back_one(self, doubt: InDoubt) -> bool:
        """Settle one send in doubt; False when there was trouble with the page."""
        try:
            outcome = await read_back(
                await self._open_site(),
                self._ledger,
                self._the_profile,
                doubt,
                self._bench.observe,
            )
        except Trouble as trouble:
            await self._handle(trouble, partial(self._leave_unread, trouble, doubt))
            return False
        metrics.record_read_back(outcome)
        return True

    async def _handle(
        self,
        trouble: Trouble,
        put_aside: Callable[[], Awaitable[None]],
        *,
        in_chat: bool = True,
    ) -> None:
        """Answer trouble with a page: stop the creator, wait, or put this one send aside.

        A send that was granted before the trouble stays submitted whatever is done here: what puts
        one aside that was due touches planned rows only. A list that has changed says nothing of
        the chats: it ends its sync, never the creator's sends.
        """
        log.warning(
            "trouble on a page",
            extra={"trouble": trouble.code, **await self._picture_of(trouble)},
        )
        metrics.record_trouble(trouble.code)
        await self._forget_site()
        if in_chat:
            self._drifts = self._drifts + 1 if isinstance(trouble, SelectorDrift) else 0
        if trouble.stops_creator or self._drifts >= DRIFTS_TO_STOP:
            await self._ledger.stop(trouble.code)
        elif isinstance(trouble, RatePage):
            # The platform asks for silence; no send is to blame.
            await self._keep_silent(self._the_profile.rate_page_pause_seconds)
        elif isinstance(trouble, _NO_ANSWER) and await self._platform_is_away():
            # No send is to blame, and none may use up its tries.
            await self._keep_silent(AWAY_SECONDS)
        else:
            await put_aside()

    async def _picture_of(self, trouble: Trouble) -> dict[str, object]:
        """Keep the picture of a changed page; what a log line says of it."""
        if not isinstance(trouble, SelectorDrift):
            return {}
        facts: dict[str, object] = {"selectors": trouble.selectors}
        bucket = self._bench.screenshots_bucket
        if bucket is not None and trouble.screenshot is not None:
            facts["picture"] = await asyncio.to_thread(
                screenshots.keep, bucket, self._claim, trouble.screenshot
            )
        return facts

    async def _platform_is_away(self) -> bool:
        """Whether a page fails, too, that is no fan's."""
        try:
            site = await self._open_site()
            await site.verify_session()
        except _NO_ANSWER:
            await self._forget_site()
            return True
        except Trouble:
            # It shows again at the next send, which says what to do about it.
            await self._forget_site()
        return False

    async def _put_aside(self, trouble: Trouble, due: DueSend) -> None:
        if isinstance(trouble, FanBlocked):
            await self._ledger.block_fan(due)
        elif isinstance(trouble, FanGone):
            await self._ledger.skip(due, SkipReason.GONE)
        elif isinstance(trouble, WrongThread):
            await self._ledger.skip(due, SkipReason.WRONG_THREAD)
        else:
            delay = timedelta(seconds=5 * 2**due.open_failures)
            await self._ledger.could_not_open(due, trouble.code, delay=delay)

    async def _leave_unread(self, trouble: Trouble, doubt: InDoubt) -> None:
        """Let the lane go on although this thread cannot be read."""
        if isinstance(trouble, SelectorDrift):
            # Tried again at once: if the site has changed, nothing more should go out.
            await asyncio.sleep(NAP_SECONDS)
            return
        if isinstance(trouble, FanGone):
            state = await self._ledger.settle_unreadable(doubt, trouble.code)
        else:
            state = await self._ledger.put_off_reading(doubt, trouble.code)
        metrics.record_read_back(state)

    async def _obey(self, order: Command) -> None:
        self._unsend_was_last = order.kind == "unsend"
        with correlation.within(order.correlation_id):
            await self._close_site()
            context = orders.Context(self._bench, self._claim, self._ledger, self._the_profile)
            try:
                await orders.obey(order, context)
            except Trouble as trouble:
                put_off = partial(self._ledger.put_off_command, order, trouble)
                await self._handle(trouble, put_off, in_chat=False)

    async def _open_site(self) -> Site:
        if self._site is None:
            state = await asyncio.to_thread(
                self._bench.sessions.load, self._claim.workspace_id, self._claim.creator_id
            )
            if state is None:
                raise SessionExpired("there is no session of this creator; connect first")
            self._state = state
            self._site = await Site.open(self._bench.browser, self._the_profile, state)
        return self._site

    async def _forget_site(self) -> None:
        """Close the context without keeping its state: trouble may have spoiled it."""
        site, self._site = self._site, None
        if site is not None:
            await site.close()

    async def _close_site(self) -> None:
        site, self._site = self._site, None
        if site is None:
            return
        try:
            state = await site.storage_state()
        except RendererCrash:
            # The browser is gone; the state that was stored last still logs in.
            return
        finally:
            await site.close()
        if state == self._state:
            # A look at a list each minute need not seal and store the same again.
            return
        await asyncio.to_thread(
            self._bench.sessions.renew, self._claim.workspace_id, self._claim.creator_id, state
        )


def _seconds_until(view: View, due: DueSend) -> float:
    """How long until ``due`` may go out."""
    moments = [due.due_at] if view.slot is None else [due.due_at, view.slot]
    return (max(moments) - view.lane.now).total_seconds()
