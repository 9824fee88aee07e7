"""Wake-ups of a lane: however many came at once, the lane is drained once for them."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from uuid import UUID

import boto3
import pytest
from moto import mock_aws

from browser_worker import worker as module
from browser_worker.lane import Ending
from browser_worker.settings import WorkerSettings
from browser_worker.worker import Worker
from huntaze import clients
from huntaze.domain.outbound.lanes import Claim
from huntaze.ids import new_id

ADA, BEA = new_id(), new_id()


class Queue:
    """The lanes' queue."""

    def __init__(self) -> None:
        self._sqs = boto3.client("sqs", region_name="us-east-1")
        attributes = {"FifoQueue": "true", "VisibilityTimeout": "120"}
        made = self._sqs.create_queue(QueueName="lanes.fifo", Attributes=attributes)
        self.url = made["QueueUrl"]

    def put(self, body: str, group: object = "any") -> None:
        """Put any message in."""
        self._sqs.send_message(
            QueueUrl=self.url,
            MessageBody=body,
            MessageGroupId=str(group),
            MessageDeduplicationId=str(new_id()),
        )

    def wake(self, creator_id: UUID) -> None:
        """Put a wake-up in."""
        self.put(json.dumps({"creator_id": str(creator_id)}), creator_id)

    def counts(self) -> tuple[int, int]:
        """How many may be received, and how many somebody keeps."""
        kinds = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=kinds)
        return tuple(int(found["Attributes"][kind]) for kind in kinds)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        made = Queue()
        monkeypatch.setattr(clients, "sqs", lambda: boto3.client("sqs", region_name="us-east-1"))
        yield made


@pytest.fixture
def work(queue: Queue, monkeypatch: pytest.MonkeyPatch):
    """Let a worker drain lanes until it has left so many; return how often each was drained."""

    async def run(lanes: int, ending: Ending = Ending.DRAINED) -> Counter[UUID]:
        drained: Counter[UUID] = Counter()
        leaving = asyncio.Event()

        class Lane:
            def __init__(self, _bench: object, claim: Claim, _ledger: object) -> None:
                self._creator_id = claim.creator_id

            async def drain(self) -> Ending:
                drained[self._creator_id] += 1
                if drained.total() == lanes:
                    leaving.set()
                return ending

        class Ledger:
            def __init__(self, *_: object) -> None: ...

            async def release(self) -> None: ...

        def claim(_source: object, creator_id: UUID, **_: object) -> Claim:
            return Claim(new_id(), creator_id, 1)

        settings = WorkerSettings(
            stage="test",
            lanes_queue_url=queue.url,
            of_sessions_table="-",
            sessions_key_arn="-",
            screenshots_bucket="-",
        )
        bench = type("Bench", (), {"observe": staticmethod(lambda _: None)})()
        monkeypatch.setattr(module, "POLL_SECONDS", 0)
        monkeypatch.setattr(module, "Lane", Lane)
        monkeypatch.setattr(module, "LaneLedger", Ledger)
        monkeypatch.setattr(module.lanes, "claim", claim)
        await asyncio.wait_for(Worker(settings, None, bench, leaving, lambda: None).run(), 60)
        return drained

    return run


async def test_wake_ups_that_come_at_once_are_one(queue: Queue, work) -> None:
    for creator_id in (ADA, ADA, ADA, BEA, ADA, ADA, BEA):
        queue.wake(creator_id)
    assert await work(2) == {ADA: 1, BEA: 1}
    assert queue.counts() == (0, 0)


async def test_a_lane_that_is_handed_over_loses_none_of_them(queue: Queue, work) -> None:
    for _ in range(3):
        queue.wake(ADA)
    assert await work(1, Ending.HANDED_OVER) == {ADA: 1}
    assert queue.counts() == (3, 0)


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"creator_id": "ada"}', '{"creator_id": 7}'])
async def test_what_names_no_lane_keeps_no_lane_from_moving(queue: Queue, work, body: str) -> None:
    queue.put(body)
    queue.wake(ADA)
    assert await work(1) == {ADA: 1}
    assert queue.counts() == (0, 0)
