"""Publishing the outbox: batches, refusals, an unreachable bus."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from functions.outbox_relay import service
from functions.outbox_relay.gateway import EventBus
from functions.outbox_relay.models import OutboxEvent
from huntaze import clients
from huntaze.ids import new_id


class InMemoryOutbox:
    """Events that wait."""

    def __init__(self, events: list[OutboxEvent]) -> None:
        self.waiting = {event.id: event for event in events}

    @contextmanager
    def taken(self, most: int) -> Iterator[Sequence[OutboxEvent]]:
        """Hold the oldest."""
        yield list(self.waiting.values())[:most]

    def mark_published(self, ids: Sequence[UUID]) -> None:
        """Forget what is done."""
        for event_id in ids:
            del self.waiting[event_id]


class FakeBus:
    """A bus that refuses what it is told to, and may go away."""

    def __init__(self) -> None:
        self.batches: list[list[UUID]] = []
        self.refused: set[UUID] = set()
        self.calls_until_gone = 10_000

    def size(self, event: OutboxEvent) -> int:
        """Count the bytes of the payload."""
        return len(json.dumps(event.payload))

    def publish(self, batch: Sequence[OutboxEvent]) -> list[UUID]:
        """Take what is not refused."""
        if len(self.batches) >= self.calls_until_gone:
            raise service.BusUnreachableError
        self.batches.append([event.id for event in batch])
        return [event.id for event in batch if event.id not in self.refused]


def event(text: str = "") -> OutboxEvent:
    return OutboxEvent(
        id=new_id(),
        workspace_id=new_id(),
        aggregate_type="campaign",
        aggregate_id=new_id(),
        event_type="campaign.approved",
        payload={"text": text},
        created_at=datetime.now(UTC),
        correlation_id=new_id(),
        trace="Root=1-66e8a0f0-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1",
    )


@given(st.lists(st.integers(0, 200_000), max_size=40))
def test_batches_keep_the_order_and_the_limits_of_eventbridge(sizes):
    events = [event() for _ in sizes]
    size_of = dict(zip((e.id for e in events), sizes, strict=True))
    cut = list(service.batches(events, lambda e: size_of[e.id]))
    assert [e for batch in cut for e in batch] == events
    for batch in cut:
        assert 1 <= len(batch) <= 10
        assert len(batch) == 1 or sum(size_of[e.id] for e in batch) <= 256 * 1024


def test_publishes_until_nothing_waits():
    outbox, bus = InMemoryOutbox([event() for _ in range(250)]), FakeBus()
    outcome = service.relay(outbox, bus, has_time=lambda: True)
    assert outcome == (250, 0)
    assert outbox.waiting == {}


def test_what_the_bus_refuses_stays_and_the_rest_is_done():
    events = [event() for _ in range(25)]
    outbox, bus = InMemoryOutbox(events), FakeBus()
    bus.refused = {events[3].id, events[17].id}
    assert service.relay(outbox, bus, has_time=lambda: True) == (23, 2)
    assert set(outbox.waiting) == bus.refused


def test_a_refusal_ends_the_run_instead_of_spinning():
    events = [event() for _ in range(150)]
    outbox, bus = InMemoryOutbox(events), FakeBus()
    bus.refused = {events[0].id}
    assert service.relay(outbox, bus, has_time=lambda: True).refused == 1
    assert len(bus.batches) == 10


def test_an_unreachable_bus_keeps_what_was_done_before():
    outbox, bus = InMemoryOutbox([event() for _ in range(40)]), FakeBus()
    bus.calls_until_gone = 2
    assert service.relay(outbox, bus, has_time=lambda: True) == (20, 20)
    assert len(outbox.waiting) == 20


def test_stops_when_the_time_is_up():
    outbox, bus = InMemoryOutbox([event() for _ in range(300)]), FakeBus()
    time_left = iter([True, False])
    assert service.relay(outbox, bus, has_time=lambda: next(time_left)) == (100, 0)


@pytest.fixture
def eventbridge(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    fake = SimpleNamespace(entries=[], answer=lambda entries: [{"EventId": "1"} for _ in entries])

    def put_events(Entries):  # noqa: N803 - boto3's name
        fake.entries += Entries
        return {"Entries": fake.answer(Entries)}

    monkeypatch.setattr(clients, "events", lambda: SimpleNamespace(put_events=put_events))
    return fake


def test_an_event_tells_what_changed_and_whose_it_is(eventbridge):
    one = event("é")
    bus = EventBus("huntaze")
    assert bus.publish([one]) == [one.id]
    (entry,) = eventbridge.entries
    assert entry["Source"] == "huntaze.campaign"
    assert entry["DetailType"] == "campaign.approved"
    # X-Ray's part goes beside the event, not into it.
    assert entry["TraceHeader"] == one.trace
    assert json.loads(entry["Detail"]) == {
        "id": str(one.id),
        "workspace_id": str(one.workspace_id),
        "aggregate_type": "campaign",
        "aggregate_id": str(one.aggregate_id),
        "correlation_id": str(one.correlation_id),
        "created_at": one.created_at.isoformat(),
        "payload": {"text": "é"},
    }
    assert bus.size(one) >= len(entry["Detail"].encode()) + len("huntaze.campaigncampaign.approved")


def test_an_entry_that_failed_is_not_taken(eventbridge):
    events = [event() for _ in range(3)]
    eventbridge.answer = lambda _: [
        {"EventId": "1"},
        {"ErrorCode": "InternalFailure", "ErrorMessage": "try later"},
        {"EventId": "3"},
    ]
    assert EventBus("huntaze").publish(events) == [events[0].id, events[2].id]


def test_a_refused_request_takes_nothing(eventbridge):
    def refuse(_):
        raise ClientError({"Error": {"Code": "ValidationException"}}, "PutEvents")

    eventbridge.answer = refuse
    assert EventBus("huntaze").publish([event()]) == []


def test_no_answer_is_an_unreachable_bus(eventbridge):
    def hang_up(_):
        raise EndpointConnectionError(endpoint_url="http://bus")

    eventbridge.answer = hang_up
    with pytest.raises(service.BusUnreachableError):
        EventBus("huntaze").publish([event()])
