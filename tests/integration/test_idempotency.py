"""Requests with an Idempotency-Key, on real Postgres: one effect, one reply."""

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import psycopg
import pytest

from functions.conversations import callers
from functions.conversations import handler as door
from huntaze import clients, http, idempotency
from huntaze.db import Connection, SingleConnection, Tenant
from huntaze.errors import HuntazeError
from huntaze.ids import new_id
from huntaze.settings import load
from tests.fakes.creator_desk import Desk

KEY = "4f0c3f5e-8a40-4c2b-9a3c-0e5a6a1f2b7d"
AT_ONCE = 200


@pytest.fixture
def queue(as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    """Wire the feature to the test's database; the queue of wake-ups."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(callers, "database", lambda: source)
    monkeypatch.setattr(http, "database", lambda: source)
    fake = Mock()
    fake.send_message_batch.return_value = {"Successful": [{}]}
    monkeypatch.setattr(clients, "sqs", lambda: fake)
    monkeypatch.setenv("LANES_QUEUE_URL", "https://queue")
    load.cache_clear()
    yield fake
    load.cache_clear()


@pytest.fixture
def tags(tenant) -> Callable[[Desk], int]:
    """Count the tags of a workspace's fans."""

    def count(desk: Desk) -> int:
        with tenant(desk.workspace_id).transaction() as connection:
            (number,) = connection.execute("SELECT count(*) FROM fan_tags").fetchone() or (0,)
        return int(number)

    return count


@pytest.fixture
def desk(queue, tenant_factory, as_role) -> Desk:  # noqa: ARG001  (the door is wired first)
    workspace_id, user_id, creator_id = tenant_factory()
    made = Desk(as_role, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
    made.open_lane()
    return made


@pytest.fixture
def member(desk, principal) -> dict[str, str]:
    return principal(desk.workspace_id, user_id=desk.user_id)


@pytest.fixture
def send(api_event, lambda_context, member) -> Callable[..., dict[str, Any]]:
    """Send a message to a fan; the function's whole reply."""

    def call(
        fan_id: UUID, message: str = "hi", *, key: str | None = KEY, who: Any = None
    ) -> dict[str, Any]:
        event = api_event(
            "POST",
            "/api/of/send",
            body={"fan_id": str(fan_id), "message": message},
            principal=who or member,
            headers={} if key is None else {"idempotency-key": key},
        )
        return door.handler(event, lambda_context)

    return call


@pytest.fixture
def sends(as_role, desk) -> Callable[[], int]:
    """Count the workspace's messages."""
    tenant = Tenant(SingleConnection(lambda: as_role("app")), desk.workspace_id)

    def count() -> int:
        with tenant.transaction() as connection:
            (number,) = connection.execute("SELECT count(*) FROM sends").fetchone() or (0,)
        return int(number)

    return count


def test_the_same_request_has_one_effect_and_the_same_reply(send, desk, sends):
    fan_id = desk.fan()
    first, second = send(fan_id), send(fan_id)
    assert first["statusCode"] == second["statusCode"] == 202
    assert first["body"] == second["body"]
    assert second["multiValueHeaders"]["Idempotency-Replayed"] == ["true"]
    assert second["multiValueHeaders"]["Content-Type"] == ["application/json"]
    assert sends() == 1


def test_without_a_key_each_request_counts(send, desk, sends):
    fan_id = desk.fan()
    assert send(fan_id, key=None)["body"] != send(fan_id, key=None)["body"]
    assert sends() == 2


def test_another_body_under_the_same_key_is_refused(send, desk, sends):
    fan_id = desk.fan()
    send(fan_id)
    refused = send(fan_id, "something else")
    assert refused["statusCode"] == 422
    assert json.loads(refused["body"])["error"] == "IdempotencyKeyReused"
    assert sends() == 1


def test_a_key_belongs_to_one_person(send, desk, sends, principal, as_role):
    colleague = new_id()
    with as_role("identity") as connection, connection.transaction():
        connection.execute(
            "INSERT INTO users (id, email, name, password_hash) VALUES (%s, %s, 'C', '')",
            (colleague, f"{colleague}@example.com"),
        )
        connection.execute(
            "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, 'chatter')",
            (desk.workspace_id, colleague),
        )
    fan_id = desk.fan()
    send(fan_id)
    answer = send(fan_id, who=principal(desk.workspace_id, user_id=colleague, role="chatter"))
    assert "Idempotency-Replayed" not in answer["multiValueHeaders"]
    assert sends() == 2


def test_a_refusal_is_not_kept(send, desk, sends):
    fan_id = desk.fan()
    assert send(new_id())["statusCode"] == 404
    # Mended, it may come under the same key.
    assert send(fan_id)["statusCode"] == 202
    assert sends() == 1


def test_a_malformed_answer_of_ours_leaves_no_effect_that_a_repetition_would_double(
    send, desk, sends, monkeypatch
):
    fan_id = desk.fan()
    with monkeypatch.context() as patched:
        resolve = door.app.resolve
        patched.setattr(
            door.app, "resolve", lambda *call: {**resolve(*call), "statusCode": 500, "body": "{}"}
        )
        assert send(fan_id)["statusCode"] == 500
    assert sends() == 0
    assert send(fan_id)["statusCode"] == 202
    assert sends() == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "clé", "two\nlines"])
def test_a_key_that_is_none_is_refused(send, desk, sends, key):
    refused = send(desk.fan(), key=key)
    assert refused["statusCode"] == 400
    assert "Idempotency-Key" in json.loads(refused["body"])["detail"]
    assert sends() == 0


def test_a_lane_is_woken_only_after_the_commit(send, desk, sends, queue):
    seen = []
    queue.send_message_batch.side_effect = lambda **_: seen.append(sends()) or {"Successful": [{}]}
    send(desk.fan())
    assert seen == [1]


def test_an_erased_reply_is_not_done_again(send, desk, sends, tenant):
    fan_id = desk.fan()
    send(fan_id)
    with tenant(desk.workspace_id).transaction() as connection:
        connection.execute("UPDATE idempotency_keys SET reply = NULL")
    refused = send(fan_id)
    assert refused["statusCode"] == 409
    assert json.loads(refused["body"])["error"] == "ReplyErased"
    assert sends() == 1


def test_old_replies_are_swept_by_newer_ones(send, desk, tenant, as_role):
    for number in range(3):
        send(desk.fan(), key=f"old-{number}")
    with as_role("master") as connection:
        # The owner is bound by the policies too (FORCE): it may only look away for this statement.
        connection.execute("ALTER TABLE idempotency_keys NO FORCE ROW LEVEL SECURITY")
        connection.execute(
            "UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'"
            " WHERE workspace_id = %s",
            [desk.workspace_id],
        )
        connection.execute("ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY")
    send(desk.fan(), key="new")
    with tenant(desk.workspace_id).transaction() as connection:
        keys = connection.execute("SELECT key FROM idempotency_keys").fetchall()
    assert keys == [("new",)]


def test_two_hundred_at_once_have_one_effect(desk, tags, database):
    request = idempotency.KeyedRequest(desk.workspace_id, desk.user_id, "POST /x", KEY, b"0" * 32)
    fan_id = desk.fan()
    together = threading.Barrier(AT_ONCE)

    def ask(_: int) -> str:
        with psycopg.connect(database["app"], autocommit=True) as connection:
            source = SingleConnection(lambda: connection)
            tenant = Tenant(source, desk.workspace_id)

            def effect() -> dict[str, Any]:
                with tenant.transaction() as inside:
                    inside.execute(
                        "INSERT INTO fan_tags (workspace_id, fan_id, creator_id, tag)"
                        " VALUES (%s, %s, %s, %s)",
                        (desk.workspace_id, fan_id, desk.creator_id, str(new_id())),
                    )
                return {"statusCode": 201, "body": str(new_id())}

            together.wait()
            try:
                return str(idempotency.answer_once(request, source, effect)["body"])
            except HuntazeError as refusal:
                return refusal.code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = Counter(pool.map(ask, range(AT_ONCE)))
    answers.pop("RequestInFlight", None)
    assert len(answers) == 1, answers
    assert tags(desk) == 1


# Works on a request and dies by SIGKILL at the named moment.
_DIES = """
import os, signal, sys
from uuid import UUID
import psycopg
from huntaze import idempotency
from huntaze.db import SingleConnection, Tenant

dsn, moment, workspace_id, user_id, creator_id, fan_id = sys.argv[1:]
source = SingleConnection(lambda: psycopg.connect(dsn, autocommit=True))

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def effect():
    with Tenant(source, UUID(workspace_id)).transaction() as connection:
        connection.execute(
            "INSERT INTO fan_tags (workspace_id, fan_id, creator_id, tag) VALUES (%s, %s, %s, 'x')",
            (workspace_id, fan_id, creator_id),
        )
    if moment == "before the reply is stored":
        die()
    return {"statusCode": 201, "body": "first"}

keyed = idempotency.KeyedRequest(UUID(workspace_id), UUID(user_id), "POST /x", "k", b"0" * 32)
idempotency.answer_once(keyed, source, effect)
die()
"""


@pytest.mark.parametrize(
    ("moment", "effects", "reply"),
    [
        ("before the reply is stored", 0, "second"),
        ("before the caller hears it", 1, "first"),
    ],
)
def test_a_process_that_dies_leaves_both_or_neither(moment, effects, reply, desk, tags, database):
    fan_id = desk.fan()
    facts = [desk.workspace_id, desk.user_id, desk.creator_id, fan_id]
    died = subprocess.run(
        [sys.executable, "-c", _DIES, database["app"], moment, *map(str, facts)],
        check=False,
        timeout=60,
    )
    assert died.returncode == -signal.SIGKILL
    assert tags(desk) == effects
    request = idempotency.KeyedRequest(desk.workspace_id, desk.user_id, "POST /x", "k", b"0" * 32)
    with psycopg.connect(database["app"], autocommit=True) as connection:
        again = idempotency.answer_once(
            request,
            SingleConnection(lambda: connection),
            lambda: {"statusCode": 201, "body": "second"},
        )
    assert again["body"] == reply
