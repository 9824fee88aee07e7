"""Rules of publishing: in batches that EventBridge takes, and only what it took is done."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol
from uuid import UUID

from functions.outbox_relay.models import OutboxEvent

# Events held by one transaction: ten calls of EventBridge, about a second.
ROUND = 100
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
BATCH_EVENTS = 10
BATCH_BYTES = 256 * 1024


class BusUnreachableError(Exception):
    """The bus does not answer: the rest of the round would only wait for it."""


class Outbox(Protocol):
    """Where events wait."""

    def taken(self, most: int) -> AbstractContextManager[Sequence[OutboxEvent]]:
        """Hold the oldest events; no other relay gets them until the block ends."""
        ...

    def mark_published(self, ids: Sequence[UUID]) -> None:
        """Say, inside the block, which of the held events are done."""
        ...


class Bus(Protocol):
    """Where events go."""

    def size(self, event: OutboxEvent) -> int:
        """How many bytes of a batch the event takes."""
        ...

    def publish(self, batch: Sequence[OutboxEvent]) -> list[UUID]:
        """Send events; return the ids of those that were taken.

        Raises:
            BusUnreachableError: There is no answer.
        """
        ...


class Outcome(NamedTuple):
    """What a run did."""

    published: int
    # Events that the bus did not take; they wait for the next run.
    refused: int


def batches(
    events: Iterable[OutboxEvent], size: Callable[[OutboxEvent], int]
) -> Iterator[list[OutboxEvent]]:
    """Cut events, in order, into batches of at most ten and 256 KB.

    An event that is too large by itself goes alone: the bus refuses it and no other.
    """
    batch: list[OutboxEvent] = []
    batch_bytes = 0
    for event in events:
        event_bytes = size(event)
        if batch and (len(batch) == BATCH_EVENTS or batch_bytes + event_bytes > BATCH_BYTES):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(event)
        batch_bytes += event_bytes
    if batch:
        yield batch


def relay(outbox: Outbox, bus: Bus, *, has_time: Callable[[], bool]) -> Outcome:
    """Publish until nothing waits, the time is up, or the bus refuses something."""
    published = refused = 0
    while has_time() and not refused:
        with outbox.taken(ROUND) as events:
            done = _publish(events, bus)
            outbox.mark_published(done)
        published += len(done)
        refused = len(events) - len(done)
        if len(events) < ROUND:
            break
    return Outcome(published, refused)


def _publish(events: Iterable[OutboxEvent], bus: Bus) -> list[UUID]:
    done: list[UUID] = []
    for batch in batches(events, bus.size):
        try:
            done += bus.publish(batch)
        except BusUnreachableError:
            # What was taken so far must still be marked, or it would be published again.
            break
    return done
