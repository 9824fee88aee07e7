"""Wake-ups: tell a worker that a creator's lane has work. Lost or repeated ones do no harm."""

import json
import logging
from collections.abc import Iterable
from functools import partial
from uuid import UUID

from huntaze import correlation, queues
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
    return queues.put_entries(
        queue_url,
        (
            {
                "Id": str(place),
                "MessageBody": json.dumps({"creator_id": str(creator_id), **cause}),
                "MessageGroupId": str(creator_id),
                # Never deduplicated: a wake-up that arrives while a lane drains must still be there
                # when the lane goes to sleep.
                "MessageDeduplicationId": str(new_id()),
            }
            for place, creator_id in enumerate(creator_ids)
        ),
    )
