"""Dead letters, counted and given back."""

import json

import boto3
import pytest
from moto import mock_aws

from operations import redrive


@pytest.fixture
def sqs(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("sqs", region_name="us-east-1")
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        for dead, queue, attributes in (
            ("huntaze-webhooks-dlq", "huntaze-webhooks", {}),
            ("huntaze-email-dlq", "huntaze-email", {}),
            ("huntaze-rate-limiter-dlq.fifo", "huntaze-rate-limiter-queue.fifo", fifo),
        ):
            url = client.create_queue(QueueName=dead, Attributes=attributes)["QueueUrl"]
            arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            policy = {
                "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
                "maxReceiveCount": 5,
            }
            client.create_queue(
                QueueName=queue, Attributes={**attributes, "RedrivePolicy": json.dumps(policy)}
            )
        dead = client.get_queue_url(QueueName="huntaze-webhooks-dlq")["QueueUrl"]
        for number in range(3):
            client.send_message(QueueUrl=dead, MessageBody=str(number))
        yield client


@pytest.fixture
def run(sqs, capsys):  # noqa: ARG001 - the queues that the command finds
    """Run the command; answers (status, what it printed)."""

    def call(*words):
        status = redrive.main(["--stage", "dev", *words])
        told = capsys.readouterr()
        return status, json.loads(told.out) if told.out else told.err

    return call


def test_lists_every_dead_letter_queue_with_its_count(run):
    assert run("--list") == (0, {"stage": "dev", "email": 0, "lanes": 0, "webhooks": 3})


def test_a_dry_run_moves_nothing(run):
    for _ in range(2):
        expected = {"stage": "dev", "queue": "webhooks", "would_move": 3}
        assert run("--queue", "webhooks", "--dry-run") == (0, expected)


def test_gives_back_to_the_queue_that_gave_up(run, sqs, monkeypatch):
    # moto knows queues, but moves no messages between them.
    asked = []
    monkeypatch.setattr(sqs, "list_message_move_tasks", lambda **_: {"Results": []})
    monkeypatch.setattr(
        sqs, "start_message_move_task", lambda **order: asked.append(order) or {"TaskHandle": "t"}
    )
    monkeypatch.setattr(redrive.boto3, "client", lambda _: sqs)
    status, told = run("--queue", "webhooks")
    assert (status, told["moving"]) == (0, 3)
    assert [order["SourceArn"].rpartition(":")[2] for order in asked] == ["huntaze-webhooks-dlq"]
    # A consumer that was down must not be flooded, and no queue but its own gets them.
    assert "DestinationArn" not in asked[0]
    assert asked[0]["MaxNumberOfMessagesPerSecond"] <= 10


def test_a_move_under_way_is_not_begun_again(sqs, monkeypatch):
    monkeypatch.setattr(
        sqs, "list_message_move_tasks", lambda **_: {"Results": [{"Status": "RUNNING"}]}
    )
    with pytest.raises(redrive.RedriveError, match="already"):
        redrive.redrive(sqs, "webhooks")


def test_an_unknown_queue_is_named(run):
    status, told = run("--queue", "nonsense")
    assert status == 1
    assert "nonsense" in told
