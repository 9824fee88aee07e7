"""Wake-ups: tell a worker that a creator's lane has work. Lost or repeated ones do no harm."""

import json
from collections.abc import Iterable
from itertools import batched
from uuid import UUID

from huntaze import clients
from huntaze.ids import new_id
from huntaze.settings import Settings, load


class LaneQueueSettings(Settings):
    """Where wake-ups go."""

    lanes_queue_url: str


def wake_creators(creator_ids: Iterable[UUID]) -> int:
    """Send one wake-up for each creator; the sweeper repeats what is lost here.

    Returns:
        How many the queue took.
    """
    queue_url = load(LaneQueueSettings).lanes_queue_url
    taken = 0
    for batch in batched(creator_ids, 10, strict=False):
        answer = clients.sqs().send_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {
                    "Id": str(index),
                    "MessageBody": json.dumps({"creator_id": str(creator_id)}),
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
