"""Messages for queues, in batches."""

import json
from collections.abc import Iterable, Mapping
from itertools import batched
from typing import TYPE_CHECKING

from huntaze import clients

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

# What SQS takes at once.
_AT_ONCE = 10


def put(queue_url: str, messages: Iterable[Mapping[str, object]]) -> int:
    """Put messages into a queue that keeps no order.

    Args:
        queue_url: Which.
        messages: What each one says, as JSON has it.

    Returns:
        How many the queue took.
    """
    return put_entries(
        queue_url,
        ({"Id": str(place), "MessageBody": json.dumps(one)} for place, one in enumerate(messages)),
    )


def put_entries(queue_url: str, entries: Iterable["SendMessageBatchRequestEntryTypeDef"]) -> int:
    """Put messages into any queue, by SQS's names for their parts.

    Returns:
        How many the queue took.
    """
    taken = 0
    for batch in batched(entries, _AT_ONCE, strict=False):
        answer = clients.sqs().send_message_batch(QueueUrl=queue_url, Entries=batch)
        taken += len(answer.get("Successful", []))
    return taken
