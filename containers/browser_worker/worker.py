"""The worker: takes wake-ups from the queue and drains one lane for each, many at a time."""

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
from pydantic import BaseModel, ValidationError

from browser_worker import heartbeat, metrics
from browser_worker.lane import Ending, Lane
from browser_worker.ledger import LaneLedger
from browser_worker.settings import WorkerSettings
from browser_worker.steps import Step
from browser_worker.workbench import Workbench
from huntaze import clients, correlation
from huntaze.db import ConnectionSource
from huntaze.domain.outbound import lanes
from huntaze.ids import new_id

# Long polling: an idle worker asks three times a minute.
POLL_SECONDS = 20
# A wake-up whose lane someone else holds comes back after this.
BUSY_SECONDS = 5
# How often the loop shows that it turns while it waits.
BEAT_SECONDS = 5

log = logging.getLogger(__name__)


class _Body(BaseModel):
    """What a message of the queue says."""

    creator_id: UUID
    correlation_id: object = None


@dataclass(frozen=True)
class WakeUp:
    """What the queue says of one lane, in as many messages as came at once.

    Whoever looks into the lane now sees what all of them were sent for.
    """

    creator_id: UUID
    receipts: Sequence[str]
    # Of the request or the sweep that sent the first of them.
    correlation_id: UUID | None = None


class Worker:
    """Drains lanes until told to leave.

    Args:
        settings: The task's environment.
        source: A pool of connections of the role ``worker``.
        bench: Browser, sessions and profiles, shared by all lanes.
        leaving: Set once, when the worker should finish what it has in hand and go.
        beat: Called every few seconds while the loop turns.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        source: ConnectionSource,
        bench: Workbench,
        leaving: asyncio.Event,
        beat: Callable[[], None] = heartbeat.beat,
    ) -> None:
        self._settings = settings
        self._source = source
        self._bench = bench
        self._leaving = leaving
        self._beat = beat
        # One life of one process: after a restart the old life's lease must run out first.
        self._holder = str(new_id())
        self._lanes: set[asyncio.Task[None]] = set()
        self._draining: set[UUID] = set()

    async def run(self) -> None:
        """Take wake-ups until told to leave, then let the lanes come to rest."""
        while not self._leaving.is_set():
            room = self._settings.most_lanes - len(self._lanes)
            if room <= 0:
                await self._first_of(self._lanes)
                continue
            for wake_up in await self._receive(min(room, 10)):
                task = asyncio.create_task(self._attend(wake_up))
                self._lanes.add(task)
                task.add_done_callback(self._lanes.discard)
            metrics.record_lanes(len(self._lanes), self._settings.most_lanes)
        while self._lanes:
            await self._first_of(self._lanes)

    async def _first_of(self, futures: Collection[asyncio.Future[Any]]) -> None:
        """Wait until one of ``futures`` is done, with a beat every few seconds."""
        done: set[asyncio.Future[Any]] = set()
        while not done:
            self._beat()
            done, _ = await asyncio.wait(
                futures, timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )

    async def _receive(self, most: int) -> list[WakeUp]:
        """Ask the queue; being told to leave does not wait for its answer.

        A wake-up that an abandoned call still gets comes back when its visibility ends.
        """
        asking = _in_daemon_thread(partial(self._poll, most))
        leaving = asyncio.create_task(self._leaving.wait())
        both: set[asyncio.Future[Any]] = {asking, leaving}
        await self._first_of(both)
        leaving.cancel()
        if not asking.done():
            return []
        try:
            return asking.result()
        except Exception:
            # Whatever the queue's trouble is, the lanes in hand go on; asked again in a moment.
            log.exception("the queue cannot be read")
            await asyncio.sleep(BUSY_SECONDS)
            return []

    def _poll(self, most: int) -> list[WakeUp]:
        answer = clients.sqs().receive_message(
            QueueUrl=self._settings.lanes_queue_url,
            MaxNumberOfMessages=most,
            WaitTimeSeconds=POLL_SECONDS,
            VisibilityTimeout=int(self._settings.lease_seconds),
        )
        return self._read(answer.get("Messages", []))

    def _read(self, messages: Sequence[Mapping[str, Any]]) -> list[WakeUp]:
        receipts: dict[UUID, list[str]] = {}
        causes: dict[UUID, UUID | None] = {}
        for message in messages:
            try:
                body = _Body.model_validate_json(message["Body"])
            except ValidationError:
                # Kept, it would come again and again, and with it the wait of all behind it.
                log.exception("a wake-up names no lane")
                self._delete(message["ReceiptHandle"])
                continue
            receipts.setdefault(body.creator_id, []).append(message["ReceiptHandle"])
            causes.setdefault(body.creator_id, correlation.parse(body.correlation_id))
        return [WakeUp(name, told, causes[name]) for name, told in receipts.items()]

    async def _attend(self, wake_up: WakeUp) -> None:
        """Drain the lane that a wake-up names; delete it only when nothing is due."""
        creator_id = wake_up.creator_id
        with correlation.within(wake_up.correlation_id, creator_id=creator_id):
            await self._attend_creator(wake_up, creator_id)

    async def _attend_creator(self, wake_up: WakeUp, creator_id: UUID) -> None:
        try:
            if creator_id in self._draining:
                # Claiming it again would take it away from ourselves, in the midst of a send.
                await self._hide(wake_up, BUSY_SECONDS)
                return
            self._draining.add(creator_id)
            try:
                await self._drain(wake_up)
            finally:
                self._draining.discard(creator_id)
        except psycopg.OperationalError:
            log.warning("the database went away; the wake-up comes back")
        except Exception:
            # One creator's defect must not end the others' lanes; its wake-up comes back.
            log.exception("a lane broke")

    async def _drain(self, wake_up: WakeUp) -> None:
        claim = await asyncio.to_thread(
            lanes.claim,
            self._source,
            wake_up.creator_id,
            holder=self._holder,
            lease=self._settings.lease,
        )
        if claim is None:
            await self._hide(wake_up, BUSY_SECONDS)
            return
        correlation.note(workspace_id=claim.workspace_id)
        log.info("claimed a lane", extra={"fencing_token": claim.fencing_token})
        self._bench.observe(Step.CLAIMED)
        ledger = LaneLedger(self._source, claim, self._settings.lease)
        keeping = asyncio.create_task(self._keep(wake_up, ledger))
        try:
            ending = await Lane(self._bench, claim, ledger).drain()
        finally:
            keeping.cancel()
            await ledger.release()
        await self._leave(wake_up, ending)

    async def _keep(self, wake_up: WakeUp, ledger: LaneLedger) -> None:
        """Renew lease and visibility while the lane is ours."""
        while True:
            await asyncio.sleep(self._settings.lease_seconds / 3)
            try:
                await ledger.renew()
                await self._hide(wake_up, self._settings.lease_seconds)
            except Exception:
                # The lease may run out: the grant refuses, and another worker goes on.
                log.exception("a lease could not be renewed")

    async def _leave(self, wake_up: WakeUp, ending: Ending) -> None:
        log.info("left a lane", extra={"ending": ending.value})
        if ending in (Ending.DRAINED, Ending.STOPPED):
            for receipt in wake_up.receipts:
                await asyncio.to_thread(self._delete, receipt)
        else:
            await self._hide(wake_up, 0)

    def _delete(self, receipt: str) -> None:
        clients.sqs().delete_message(QueueUrl=self._settings.lanes_queue_url, ReceiptHandle=receipt)

    async def _hide(self, wake_up: WakeUp, seconds: float) -> None:
        for receipt in wake_up.receipts:
            await asyncio.to_thread(
                clients.sqs().change_message_visibility,
                QueueUrl=self._settings.lanes_queue_url,
                ReceiptHandle=receipt,
                VisibilityTimeout=int(seconds),
            )


def _in_daemon_thread[T](work: Callable[[], T]) -> asyncio.Future[T]:
    """Run ``work`` where the end of the process does not wait for it, as it does for a pool's."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except Exception as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return asyncio.wrap_future(outcome)
