"""A platform that pushes to the real functions, with KMS in moto and a queue that is a list."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from moto import mock_aws

from functions.platforms import handler as api
from functions.platforms.events import handler as consumer
from functions.platforms.webhook import handler as door
from huntaze import clients
from huntaze.db import Connection, SingleConnection
from huntaze.settings import load
from tests.fakes.creator_desk import Desk
from tests.fakes.pushing import Pushing


@pytest.fixture
def wiring(
    as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """The functions on the test's database, KMS in moto, and a queue that is a list."""
    for module, role in ((api, "app"), (door, "intake"), (consumer, "app")):
        source = SingleConnection(lambda role=role: as_role(role))
        monkeypatch.setattr(module, "database", lambda source=source: source)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    waiting: list[str] = []
    sqs = Mock()
    sqs.send_message = lambda **sent: waiting.append(sent["MessageBody"])
    with mock_aws():
        kms = boto3.client("kms", region_name="us-east-1")
        monkeypatch.setattr(clients, "kms", lambda: kms)
        monkeypatch.setattr(clients, "sqs", lambda: sqs)
        monkeypatch.setattr(clients, "functions", Mock())
        monkeypatch.setenv("SESSIONS_KEY_ARN", kms.create_key()["KeyMetadata"]["Arn"])
        monkeypatch.setenv("CREDENTIALS_PREFIX", "of/creds/")
        monkeypatch.setenv("CREDENTIALS_KEY_ARN", "key")
        monkeypatch.setenv("OF_SESSIONS_TABLE", "sessions")
        monkeypatch.setenv("PLATFORM_WEBHOOKS_QUEUE_URL", "queue")
        monkeypatch.setenv("OUTBOX_RELAY_FUNCTION", "relay")
        load.cache_clear()
        yield waiting
    load.cache_clear()


@pytest.fixture
def pushing(
    open_desk: Callable[..., Desk], wiring: list[str], api_event: Any, lambda_context: Any
) -> Pushing:
    made = Pushing(open_desk(), wiring, api_event, lambda_context)
    made.set_secret()
    return made
