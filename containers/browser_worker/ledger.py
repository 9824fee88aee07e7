"""The worker's side of the ledger: the domain's transactions, off the event loop."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from browser_worker.trouble import Trouble
from huntaze import outbox
from huntaze.db import Connection, ConnectionSource
from huntaze.domain import conversations
from huntaze.domain.conversations import SeenPage, ThreadToRead
from huntaze.domain.outbound import commands, grants, lanes, restores, settlement, syncs
from huntaze.domain.outbound.commands import Command
from huntaze.domain.outbound.grants import Deadlines, Granted, Refused
from huntaze.domain.outbound.lanes import Claim, DueSend, LaneState
from huntaze.domain.outbound.restores import Reconciliation, ThreadInDoubt
from huntaze.domain.outbound.settlement import InDoubt, Sighting
from huntaze.domain.outbound.states import SendState, SkipReason
from huntaze.domain.outbound.syncs import Kept, Sync

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class View:
    """Everything that decides the lane's next move, read at one moment."""

    lane: LaneState
    command: Command | None
    doubts: list[InDoubt]
    due: DueSend | None
    # When the due send may be granted; None is now.
    slot: datetime | None
    next_readable: datetime | None
    sync: Sync | None
    # A page of a thread that is to be read.
    thread: ThreadToRead | None = None
    # Set while the lane is held because the database came back from a backup.
    reconciliation: Reconciliation | None = None


class LaneLedger:
    """The ledger as one claimed lane sees it.

    Args:
        source: A pool of connections of the role ``worker``.
        claim: Proves that the lane is ours; every call shows it.
        lease: How long each renewal lasts.
    """

    def __init__(self, source: ConnectionSource, claim: Claim, lease: timedelta) -> None:
        self._source = source
        self._claim = claim
        self._lease = lease

    async def _run[T](self, work: Callable[[Connection], T]) -> T:
        def transaction() -> T:
            with lanes.tenant_of(self._source, self._claim).transaction() as connection:
                return work(connection)

        return await asyncio.to_thread(transaction)

    async def look(self, ahead: timedelta) -> View:
        """Read the lane, and what is due in it within ``ahead``."""

        def read(connection: Connection) -> View:
            lane = lanes.state(connection, self._claim)
            command = commands.next_order(connection, self._claim) if lane.held else None
            moving = lane.held and lane.stop_reason is None
            due = lanes.next_due(connection, self._claim, lane, ahead=ahead) if moving else None
            return View(
                lane=lane,
                command=command,
                doubts=settlement.in_doubt(connection, self._claim) if moving else [],
                due=due,
                slot=None if due is None else lanes.next_slot(lane, due),
                next_readable=settlement.next_readable(connection, self._claim),
                sync=syncs.next_sync(connection, self._claim) if moving else None,
                thread=conversations.next_thread(connection, self._claim.creator_id)
                if moving
                else None,
                reconciliation=restores.next_page(connection, self._claim)
                if lane.held and lane.stop_reason == "restored"
                else None,
            )

        return await self._run(read)

    async def renew(self) -> bool:
        """Extend the lease; False when the lane was taken over."""
        return await self._run(lambda c: lanes.renew(c, self._claim, self._lease))

    async def release(self) -> None:
        """Give the lane back."""
        await self._run(lambda c: lanes.release(c, self._claim))

    async def stop(self, reason: str) -> None:
        """Stop the creator's sends."""
        await self._run(lambda c: lanes.stop(c, self._claim, reason))

    async def activate(self, order: Command) -> bool:
        """Let the creator's lane move, and request what a fresh login allows to read.

        False, and nothing has moved, when the order to connect was called back meanwhile.
        """

        def write(connection: Connection) -> bool:
            if not commands.is_wanted(connection, self._claim, order):
                return False
            lanes.activate(connection, self._claim.creator_id)
            syncs.request_all(
                connection,
                workspace_id=self._claim.workspace_id,
                creator_id=self._claim.creator_id,
                requested_by=None,
            )
            return True

        activated = await self._run(write)
        if activated:
            await asyncio.to_thread(outbox.nudge)
        return activated

    async def grant(
        self, due: DueSend, *, baseline: str | None, deadlines: Deadlines
    ) -> Granted | Refused:
        """Ask for the right to submit; an exception means: do not click."""
        verdict = await self._run(
            lambda c: grants.grant(c, self._claim, due, baseline=baseline, deadlines=deadlines)
        )
        if isinstance(verdict, Granted):
            log.info("a send was granted", extra={"attempt": due.attempt})
        else:
            facts = {"why": verdict.why, "reason": verdict.detail, "until": verdict.until}
            log.info("a send was not granted", extra=facts)
        return verdict

    async def confirm(self, send_id: UUID, platform_message_id: str) -> bool:
        """Record that the platform showed the message."""
        settled = await self._run(
            lambda c: settlement.confirm(
                c, self._claim, send_id, platform_message_id=platform_message_id
            )
        )
        if settled:
            _log_settled(SendState.SENT, by="confirmation")
        return settled

    async def settle_read_back(self, doubt: InDoubt, sightings: list[Sighting]) -> SendState:
        """Settle a send in doubt."""
        state = await self._run(
            lambda c: settlement.settle_read_back(c, self._claim, doubt, sightings)
        )
        _log_settled(state, by="read_back")
        return state

    async def settle_unreadable(self, doubt: InDoubt, trouble: str) -> SendState:
        """Settle a send in doubt whose thread is gone."""
        state = await self._run(
            lambda c: settlement.settle_unreadable(c, self._claim, doubt, trouble)
        )
        _log_settled(state, by="read_back", trouble=trouble)
        return state

    async def put_off_reading(self, doubt: InDoubt, trouble: str) -> SendState:
        """Read a thread later that cannot be read now; settle the send after the last time."""
        state = await self._run(
            lambda c: settlement.put_off_reading(c, self._claim, doubt, trouble)
        )
        _log_settled(state, by="read_back", trouble=trouble)
        return state

    async def skip(self, due: DueSend, reason: SkipReason) -> Refused:
        """Settle a send that must not go out."""
        refused = await self._run(lambda c: grants.skip(c, self._claim, due, reason))
        _log_settled(SendState.SKIPPED, reason=reason.value)
        return refused

    async def block_fan(self, due: DueSend) -> None:
        """The fan has blocked the creator: nothing more goes there."""

        def write(connection: Connection) -> None:
            grants.block_fan(connection, self._claim, due.fan_id)
            grants.skip(connection, self._claim, due, SkipReason.BLOCKED)

        await self._run(write)
        _log_settled(SendState.SKIPPED, reason=SkipReason.BLOCKED.value)

    async def could_not_open(self, due: DueSend, trouble: str, *, delay: timedelta) -> None:
        """Put a send off whose thread could not be used; give it up after the third time."""
        await self._run(lambda c: grants.could_not_open(c, self._claim, due, trouble, delay=delay))
        log.info("a thread could not be used", extra={"trouble": trouble})

    async def take_command(self, command: Command) -> bool:
        """Mark an order as being carried out; False when it was called back."""
        return await self._run(lambda c: commands.take(c, self._claim, command))

    async def finish_command(self, command: Command, *, done: bool, result: dict[str, Any]) -> None:
        """Record how an order ended."""
        await self._run(
            lambda c: commands.finish(c, self._claim, command, done=done, result=result)
        )
        await asyncio.to_thread(outbox.nudge)

    async def put_off_command(self, command: Command, trouble: Trouble) -> None:
        """Carry an order out later; give it up after the last time."""
        await self._run(
            lambda c: commands.put_off(
                c, self._claim, command, trouble=trouble.code, detail=str(trouble)
            )
        )
        await asyncio.to_thread(outbox.nudge)

    async def store_page(
        self,
        sync: Sync,
        store: Callable[[Connection, UUID], Kept],
        *,
        rows: int,
        next_cursor: str | None,
    ) -> None:
        """Store a page of a sync, unless the sync was called back or has been carried on.

        Args:
            sync: As it was when the page was read.
            store: Stores the page's rows for a creator.
            rows: How many there are.
            next_cursor: Leads to the next page; None is the end.
        """

        def write(connection: Connection) -> bool:
            lanes.note_progress(connection, self._claim)
            if not syncs.hold(connection, self._claim, sync):
                return False
            kept = store(connection, self._claim.creator_id)
            return syncs.advance(
                connection,
                self._claim,
                sync,
                rows=rows,
                rejected=kept.rejected,
                next_cursor=next_cursor if sync.whole or kept.news != 0 else None,
            )

        if await self._run(write) and not sync.periodic:
            await asyncio.to_thread(outbox.nudge)

    async def put_off_page(self, sync: Sync, trouble: str, detail: str) -> None:
        """Read a page of a sync later; give the sync up after the last time."""
        await self._run(
            lambda c: syncs.put_off(c, self._claim, sync, trouble=trouble, detail=detail)
        )

    async def store_thread(
        self, thread: ThreadToRead, page: SeenPage, *, first_messages: int
    ) -> None:
        """Store a page of a thread, unless somebody has gone on with it."""

        def write(connection: Connection) -> int:
            lanes.note_progress(connection, self._claim)
            return conversations.take_page(
                connection, self._claim.creator_id, thread, page, first_messages=first_messages
            )

        if await self._run(write):
            await asyncio.to_thread(outbox.nudge)

    async def put_off_thread(self, thread: ThreadToRead, *, gone: bool) -> None:
        """Read a thread later that cannot be read now; one that is gone, no more."""
        later = conversations.give_up if gone else conversations.put_off
        await self._run(lambda c: later(c, thread))

    async def note_seen(
        self, fan_platform_id: str, page: SeenPage, *, sent_message_id: str | None = None
    ) -> None:
        """Store what the thread has shown in which a message is sent."""
        news = await self._run(
            lambda c: conversations.seen_while_sending(
                c, self._claim.creator_id, fan_platform_id, page, sent_message_id=sent_message_id
            )
        )
        if news:
            await asyncio.to_thread(outbox.nudge)

    async def threads_in_doubt(self, fan_platform_ids: list[str]) -> list[ThreadInDoubt]:
        """Of some fans those with sends that may be sent although the ledger has forgotten it."""
        return await self._run(
            lambda c: restores.threads_in_doubt(c, self._claim, fan_platform_ids)
        )

    async def settle_found(self, send_id: UUID, message_id: str, at: datetime | None) -> bool:
        """Settle a forgotten send whose message was found."""
        return await self._run(
            lambda c: restores.settle_found(
                c, self._claim, send_id, platform_message_id=message_id, at=at
            )
        )

    async def advance_reconciliation(
        self, page: Reconciliation, *, threads: int, found: int, next_cursor: str | None
    ) -> None:
        """Record that a page of chats is read; after the last one the lane moves again."""
        await self._run(
            lambda c: restores.advance(
                c, self._claim, page, threads=threads, found=found, next_cursor=next_cursor
            )
        )
        await asyncio.to_thread(outbox.nudge)

    async def put_off_reconciliation(self) -> None:
        """Read a page of chats later that cannot be read now."""
        await self._run(lambda c: restores.put_off(c, self._claim))

    async def mark_unsent(self, send_id: UUID) -> None:
        """Record that a message was taken back."""
        await self._run(lambda c: settlement.mark_unsent(c, self._claim, send_id))

    async def sent_message(self, send_id: UUID) -> settlement.SentMessage | None:
        """What is known of a sent message, for taking it back."""
        return await self._run(lambda c: settlement.sent_message(c, send_id))

    async def announce_drained(self) -> None:
        """Tell that nothing is due in the lane: campaigns may be complete."""
        await self._run(
            lambda c: outbox.add(
                c,
                "lane.drained",
                workspace_id=self._claim.workspace_id,
                aggregate=("creator", self._claim.creator_id),
                payload={},
            )
        )
        await asyncio.to_thread(outbox.nudge)


def _log_settled(state: SendState, **how: str) -> None:
    """Say how a send stands after its outcome was looked at."""
    if state is SendState.SUBMITTING:
        log.info("a send stays in doubt", extra=how)
    else:
        log.info("a send was settled", extra={"state": state.value, **how})
