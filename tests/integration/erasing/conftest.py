"""All stores of a stage in one place, and a search through every one of them."""

import gzip
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from moto import mock_aws
from psycopg import sql

from functions.assistant.chat import handler as assistant
from functions.conversations import callers as conversations
from functions.fans import handler as fans
from functions.fans.imports import handler as imports
from functions.management import callers as management
from functions.management.erasures import handler as erasures
from functions.management.exports import handler as exports
from functions.management.exports import service as export_rules
from huntaze import clients, flags, http
from huntaze.db import Connection, SingleConnection
from huntaze.settings import load
from tests.fakes.answer import Answer

BUCKETS = ("imports", "exports", "uploads", "media", "screenshots")
PREFIX = "huntaze/local/of/creds/"
SERVICES = ("s3", "dynamodb", "secretsmanager", "kms")


@pytest.fixture
def cloud(as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Moto behind every door that an erasure concerns; queues are lists of messages."""
    app = SingleConnection(lambda: as_role("app"))
    for module in (assistant, fans, imports, conversations, management, exports, http):
        monkeypatch.setattr(module, "database", lambda: app)
    eraser = SingleConnection(lambda: as_role("eraser"))
    monkeypatch.setattr(erasures, "database", lambda: eraser)
    settings = {f"{name.upper()}_BUCKET": name for name in BUCKETS}
    queues = ("imports", "exports", "erasures", "lanes")
    settings |= {f"{name.upper()}_QUEUE_URL": name for name in queues}
    settings |= {
        "OF_SESSIONS_TABLE": "sessions",
        "AI_COSTS_TABLE": "costs",
        "CONNECTIONS_TABLE": "connections",
        "FEATURE_FLAGS_TABLE": "flags",
        "CREDENTIALS_PREFIX": PREFIX,
    }
    settings |= dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "test")
    settings |= {"AWS_DEFAULT_REGION": "us-east-1", "EMAIL_QUEUE_URL": "email"}
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        made = {name: clients._client.__wrapped__(name) for name in SERVICES}
        for name in BUCKETS:
            made["s3"].create_bucket(Bucket=name)
        made["s3"].put_bucket_versioning(
            Bucket="media", VersioningConfiguration={"Status": "Enabled"}
        )
        for table, keys in (
            ("costs", ("workspace_id", "call")),
            ("connections", ("owner", "connection_id")),
        ):
            made["dynamodb"].create_table(
                TableName=table,
                KeySchema=[
                    {"AttributeName": name, "KeyType": kind}
                    for name, kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": "S"} for name in keys
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        made["dynamodb"].create_table(
            TableName="sessions",
            KeySchema=[{"AttributeName": "creator_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "creator_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        made["dynamodb"].create_table(
            TableName="flags",
            KeySchema=[{"AttributeName": "flag", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "flag", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        key = made["kms"].create_key()["KeyMetadata"]["Arn"]
        monkeypatch.setenv("EXPORTS_KEY_ARN", key)
        load.cache_clear()
        flags.flags.cache_clear()
        sent: list[tuple[str, str]] = []
        sqs = Mock()
        sqs.send_message.side_effect = lambda **call: sent.append(
            (call["QueueUrl"], call["MessageBody"])
        )
        sqs.send_message_batch.return_value = {"Successful": []}
        monkeypatch.setattr(clients, "s3", lambda: made["s3"])
        monkeypatch.setattr(clients, "dynamodb", lambda: made["dynamodb"])
        monkeypatch.setattr(clients, "secrets", lambda: made["secretsmanager"])
        monkeypatch.setattr(clients, "sqs", lambda: sqs)
        stopped = Mock()
        monkeypatch.setattr(clients, "step_functions", lambda: stopped)
        monkeypatch.setattr(clients, "functions", Mock())
        yield SimpleNamespace(
            s3=made["s3"],
            dynamodb=made["dynamodb"],
            secrets=made["secretsmanager"],
            executions=stopped,
            sent=sent,
        )
    load.cache_clear()
    flags.flags.cache_clear()


@pytest.fixture
def work(cloud: Any) -> Callable[..., list[str]]:
    """Let a function work on what its queue holds, until the queue is empty; answers the ends."""
    doors = {"imports": imports, "exports": exports, "erasures": erasures}

    def make(queue: str, left: int = 900_000) -> list[str]:
        ends: list[str] = []
        while messages := [body for name, body in cloud.sent if name == queue]:
            cloud.sent[:] = [one for one in cloud.sent if one[0] != queue]
            context = SimpleNamespace(
                get_remaining_time_in_millis=lambda: left, aws_request_id=None
            )
            for body in messages:
                ends += doors[queue].handler({"Records": [{"body": body}]}, context)["ends"]
        return ends

    return make


@pytest.fixture
def later(as_role: Callable[[str], Connection], cloud: Any) -> Callable[..., None]:
    """Let pauses be over and the grace of a workspace, and the sweep wake what waits."""

    def make(ids: Any, *, grace: bool = False) -> None:
        connection = as_role("master")
        with connection.transaction():
            connection.execute("ALTER TABLE erasures NO FORCE ROW LEVEL SECURITY")
            connection.execute(
                "UPDATE erasures SET leased_until = NULL,"
                " begins_at = CASE WHEN %s AND kind = 'workspace' THEN clock_timestamp()"
                " ELSE begins_at END"
                " WHERE workspace_id = %s",
                (grace, ids.workspace_id),
            )
            connection.execute("ALTER TABLE erasures FORCE ROW LEVEL SECURITY")
        cloud.sent[:] = [one for one in cloud.sent if one[0] != "erasures"]
        erasures.handler({}, None)
        # Other tests of this database may have left orders of theirs.
        own = str(ids.workspace_id)
        cloud.sent[:] = [one for one in cloud.sent if one[0] != "erasures" or own in one[1]]

    return make


@pytest.fixture
def a_day_passes(as_role: Callable[[str], Connection]) -> Callable[[str, Any], None]:
    """Let all orders of a workspace, which are rows of a table, be a day older."""

    def make(table: str, ids: Any) -> None:
        connection, name = as_role("master"), sql.Identifier(table)
        with connection.transaction():
            connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(name))
            connection.execute(
                sql.SQL(
                    "UPDATE {} SET requested_at = requested_at - interval '1 day'"
                    " WHERE workspace_id = %s"
                ).format(name),
                (ids.workspace_id,),
            )
            connection.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(name))

    return make


@pytest.fixture
def ask(
    cloud: Any,  # noqa: ARG001  (wired first)
    api_event: Callable[..., dict[str, Any]],
    principal: Callable[..., dict[str, str]],
    lambda_context: object,
) -> Callable[..., Answer]:
    """Ask a door as a member of a workspace, its owner unless told otherwise."""

    def make(
        door: Any,
        ids: Any,
        method: str,
        path: str,
        body: object = None,
        *,
        role: str = "owner",
        session_id: object = None,
        key: str | None = None,
        **more: Any,
    ) -> Answer:
        who = principal(ids.workspace_id, user_id=ids.user_id, role=role)
        if session_id is not None:
            who["session_id"] = str(session_id)
        headers = {"Idempotency-Key": key} if key else None
        event = api_event(method, path, body=body, principal=who, headers=headers, **more)
        return Answer.of(door.handler(event, lambda_context))

    return make


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that every source has several."""
    monkeypatch.setattr(export_rules.run, "__kwdefaults__", {"page": 2})


@pytest.fixture
def seek(cloud: Any, as_role: Callable[[str], Connection]) -> Callable[[str], set[str]]:
    """Look for a word in every row, item, object and secret; answers where it stands."""

    def make(word: str) -> set[str]:
        rows = _rows(as_role("master"), word)
        return {*rows, *_objects(cloud, word), *_items_and_secrets(cloud, word)}

    return make


def _rows(connection: Connection, word: str) -> Iterator[str]:
    spelled = [word, word.encode().hex()]
    with connection.transaction(force_rollback=True):
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p', 'm')"
        ).fetchall()
        assert len(tables) > 40
        for (table,) in tables:
            name = sql.Identifier(table)
            # Its owner sees all rows then; taken back with the transaction.
            connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(name))
            found = connection.execute(
                sql.SQL(
                    "SELECT count(*) FROM {} t WHERE EXISTS (SELECT FROM unnest(%s::text[])"
                    " word WHERE position(lower(word) IN lower(t::text)) > 0)"
                ).format(name),
                (spelled,),
            ).fetchone()
            if found != (0,):
                yield f"table {table}"


def _objects(cloud: Any, word: str) -> Iterator[str]:
    for bucket in BUCKETS:
        for version in cloud.s3.list_object_versions(Bucket=bucket).get("Versions", []):
            stored = cloud.s3.get_object(
                Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"]
            )
            data = stored["Body"].read()
            if data[:2] == b"\x1f\x8b":
                data = gzip.decompress(data)
            if word.encode() in data or word in version["Key"]:
                yield f"bucket {bucket}"


def _items_and_secrets(cloud: Any, word: str) -> Iterator[str]:
    for table in cloud.dynamodb.list_tables()["TableNames"]:
        items = cloud.dynamodb.scan(TableName=table)["Items"]
        if word in json.dumps(items, default=repr):
            yield f"items of {table}"
    for secret in cloud.secrets.list_secrets()["SecretList"]:
        value = cloud.secrets.get_secret_value(SecretId=secret["ARN"])
        if word in json.dumps([secret, value], default=str):
            yield "secrets"
