"""Wake-ups: tell a worker that a creator's lane has work. Lost or repeated ones do no harm."""

import json
import logging
from collections.abc import Iterable
from functools import partial
from itertools import batched
from uuid import UUID

from huntaze import clients, correlation
from huntaze.db import once_committed
from huntaze.ids import new_id
from huntaze.settings import Settings, load

log = logging.getLogger(__name__)


class LaneQueueSettings(Settings):
    """Where wake-ups go."""

    lanes_queue_url: str


def wake_soon(creator_id: UUID) -> None:
    """Wake a lane after a commit; the caller's work is done, so a lost wake-up is no failure."""
    once_committed(partial(_wake, creator_id))


def _wake(creator_id: UUID) -> None:
    try:
        wake_creators([creator_id])
    except Exception:
        # Failing now would make the caller send again what is queued already.
        log.warning("a lane was not woken", extra={"creator_id": str(creator_id)}, exc_info=True)


def wake_creators(creator_ids: Iterable[UUID]) -> int:
    """Send one wake-up for each creator; the sweeper repeats what is lost here.

    Returns:
        How many the queue took.
    """
    queue_url = load(LaneQueueSettings).lanes_queue_url
    work = correlation.current()
    cause = {"correlation_id": str(work.correlation_id)} if work else {}
    taken = 0
    for batch in batched(creator_ids, 10, strict=False):
        answer = clients.sqs().send_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {
                    "Id": str(index),
                    "MessageBody": json.dumps({"creator_id": str(creator_id), **cause}),
                    "MessageGroupId": str(creator_id),
                    # Never deduplicated: a wake-up that arrives while a lane drains must still
                    # be there when the lane goes to sleep.
                    "MessageDeduplicationId": str(new_id()),
                }
                for index, creator_id in enumerate(batch)
            ],
        )
        taken += len(answer.get("Successful", []))
    return taken
