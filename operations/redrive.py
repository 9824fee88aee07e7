"""``python -m operations.redrive``: what queues gave up, and how to give it back.

    python -m operations.redrive --stage dev --list
    python -m operations.redrive --stage dev --queue webhooks --dry-run
    python -m operations.redrive --stage dev --queue webhooks

Credentials and region come from the environment, as for the AWS CLI. Consumers know what they have
handled already; still, mend the cause first, or the messages only come back.
"""

import argparse
import json
import sys
from typing import TYPE_CHECKING

import boto3

from operations.stage import STAGES

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# A consumer that was down must not be flooded by what it missed.
_A_SECOND = 10
_PREFIX = "huntaze-"
# The names of lanes are older than the others'.
_LANES = ("huntaze-rate-limiter-dlq.fifo", "huntaze-rate-limiter-queue.fifo")


class RedriveError(Exception):
    """The queue cannot be redriven; the text says why."""


def dead_letter_queues(sqs: "SQSClient") -> dict[str, str]:
    """Addresses of all dead-letter queues, by the short names of their queues."""
    found = {}
    for page in sqs.get_paginator("list_queues").paginate(QueueNamePrefix=_PREFIX):
        for url in page.get("QueueUrls", []):
            name = url.rpartition("/")[2]
            if name == _LANES[0]:
                found["lanes"] = url
            elif name.endswith("-dlq"):
                found[name.removeprefix(_PREFIX).removesuffix("-dlq")] = url
    return dict(sorted(found.items()))


def waiting(sqs: "SQSClient", url: str) -> int:
    """About how many messages a queue holds."""
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def redrive(sqs: "SQSClient", queue: str) -> str:
    """Let SQS move everything back to where it came from; returns the handle of the task.

    Raises:
        RedriveError: There is no such queue, or a task is under way.
    """
    queues = dead_letter_queues(sqs)
    if queue not in queues:
        raise RedriveError(f"There is no queue {queue}; there are {', '.join(queues) or 'none'}.")
    arn = sqs.get_queue_attributes(QueueUrl=queues[queue], AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    tasks = sqs.list_message_move_tasks(SourceArn=arn, MaxResults=1).get("Results", [])
    if any(task["Status"] == "RUNNING" for task in tasks):
        raise RedriveError(f"The messages of {queue} are being moved already.")
    # Without a destination each message goes back to the queue that gave it up.
    answer = sqs.start_message_move_task(SourceArn=arn, MaxNumberOfMessagesPerSecond=_A_SECOND)
    return answer.get("TaskHandle", "")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the status to exit with."""
    parser = argparse.ArgumentParser(prog="python -m operations.redrive", description=__doc__)
    # A stage is an account's: naming it keeps an operator from the wrong credentials.
    parser.add_argument("--stage", choices=STAGES, required=True)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true", help="count what each queue gave up")
    what.add_argument("--queue", help="give back what this queue gave up")
    parser.add_argument("--dry-run", action="store_true", help="say how much it would be")
    parsed = parser.parse_args(arguments)
    sqs = boto3.client("sqs")
    queues = dead_letter_queues(sqs)
    counts = {name: waiting(sqs, url) for name, url in queues.items()}
    try:
        if parsed.list:
            answer: dict[str, object] = dict(counts)
        elif parsed.dry_run or counts.get(parsed.queue) == 0:
            answer = {"queue": parsed.queue, "would_move": counts[parsed.queue]}
        else:
            redrive(sqs, parsed.queue)
            answer = {"queue": parsed.queue, "moving": counts[parsed.queue]}
    except (RedriveError, KeyError) as error:
        told = f"There is no queue {error}." if isinstance(error, KeyError) else error
        print(told, file=sys.stderr)
        return 1
    print(json.dumps({"stage": parsed.stage, **answer}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
