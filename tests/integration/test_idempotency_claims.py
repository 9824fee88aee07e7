"""Requests with an Idempotency-Key that wait for something slow: outside of their transaction."""

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import Mock

import psycopg
import pytest

from functions.assistant.chat import handler as chat
from functions.content.generation import handler as generation
from functions.platforms import handler as platforms
from huntaze import ai, clients, http, idempotency
from huntaze.ai.wiring import OutsideWriter
from huntaze.db import Connection, SingleConnection, Tenant, outside_of_transaction
from huntaze.errors import HuntazeError
from huntaze.ids import new_id
from huntaze.settings import load
from tests.fakes.creator_desk import Desk

DONE = {"statusCode": 201, "body": "done"}


@pytest.fixture
def desk(tenant_factory, as_role) -> Desk:
    workspace_id, user_id, creator_id = tenant_factory()
    return Desk(as_role, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)


@pytest.fixture
def keyed(desk) -> idempotency.KeyedRequest:
    return idempotency.KeyedRequest(desk.workspace_id, desk.user_id, "POST /x", "k", b"0" * 32)


@pytest.fixture
def connect(database) -> Iterator[Callable[[], SingleConnection]]:
    """Other processes' connections."""
    opened: list[Connection] = []

    def source() -> SingleConnection:
        opened.append(psycopg.connect(database["app"], autocommit=True))
        return SingleConnection(lambda one=opened[-1]: one)

    yield source
    for one in opened:
        one.close()


@pytest.fixture
def open_transactions(as_role) -> Callable[[], int]:
    """How many transactions the role of the features has open."""
    watcher = as_role("master")

    def count() -> int:
        return watcher.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"
            " AND state LIKE 'idle in transaction%'"
        ).fetchone()[0]

    return count


@pytest.fixture
def tag(desk) -> Callable[[SingleConnection], None]:
    """Something that a request does."""
    fan_id = desk.fan()

    def write(source: SingleConnection) -> None:
        with Tenant(source, desk.workspace_id).transaction() as connection:
            connection.execute(
                "INSERT INTO fan_tags (workspace_id, fan_id, creator_id, tag)"
                " VALUES (%s, %s, %s, %s)",
                (desk.workspace_id, fan_id, desk.creator_id, str(new_id())),
            )

    return write


@pytest.fixture
def tags(tenant, desk) -> Callable[[], int]:
    def count() -> int:
        with tenant(desk.workspace_id).transaction() as connection:
            return connection.execute("SELECT count(*) FROM fan_tags").fetchone()[0]

    return count


def test_no_transaction_is_open_while_something_slow_works(connect, keyed, tag, open_transactions):
    source, seen = connect(), []

    def answer() -> dict[str, Any]:
        seen.append(open_transactions())
        with outside_of_transaction():
            seen.append(open_transactions())
        seen.append(open_transactions())
        tag(source)
        return DONE

    assert idempotency.answer_once(keyed, source, answer) == DONE
    assert seen == [1, 0, 1]


def test_the_same_request_is_told_to_wait_meanwhile_and_gets_the_reply_after(
    connect, keyed, tag, tags
):
    source, other, refused = connect(), connect(), []

    def answer() -> dict[str, Any]:
        for _ in range(2):
            with outside_of_transaction(), pytest.raises(HuntazeError) as refusal:
                idempotency.answer_once(keyed, other, answer)
            refused.append(refusal.value.code)
        tag(source)
        return DONE

    idempotency.answer_once(keyed, source, answer)
    assert refused == ["RequestInFlight"] * 2
    again = idempotency.answer_once(keyed, other, answer)
    assert (again["body"], tags()) == ("done", 1)


def test_another_body_under_the_key_is_refused_meanwhile(connect, keyed):
    source, other = connect(), connect()

    def answer() -> dict[str, Any]:
        with outside_of_transaction(), pytest.raises(idempotency.IdempotencyKeyReusedError):
            idempotency.answer_once(keyed._replace(request_hash=b"1" * 32), other, answer)
        return DONE

    assert idempotency.answer_once(keyed, source, answer) == DONE


@pytest.mark.parametrize("how", ["a refusal", "an exception"])
def test_after_a_failure_the_key_is_free_at_once(connect, keyed, how):
    source = connect()

    def fail() -> dict[str, Any]:
        with outside_of_transaction():
            pass
        if how == "an exception":
            raise LookupError("a fault of ours")
        return {"statusCode": 503, "body": "later"}

    if how == "an exception":
        with pytest.raises(LookupError):
            idempotency.answer_once(keyed, source, fail)
    else:
        assert idempotency.answer_once(keyed, source, fail)["statusCode"] == 503
    assert idempotency.answer_once(keyed, source, lambda: DONE) == DONE


def test_who_was_too_slow_does_nothing_more(connect, keyed, tag, tags, monkeypatch):
    monkeypatch.setattr(idempotency, "_LEASE", idempotency.timedelta(0))
    source, other = connect(), connect()

    def second() -> dict[str, Any]:
        tag(other)
        return {"statusCode": 201, "body": "second"}

    def first() -> dict[str, Any]:
        with outside_of_transaction():
            # The lease is over: another process takes the request over, and finishes.
            assert idempotency.answer_once(keyed, other, second)["body"] == "second"
        tag(source)
        return DONE

    with pytest.raises(idempotency.RequestInFlightError):
        idempotency.answer_once(keyed, source, first)
    assert tags() == 1
    assert idempotency.answer_once(keyed, source, first)["body"] == "second"


def test_who_comes_back_while_another_works_on_it_does_nothing_more(
    connect, keyed, tag, tags, monkeypatch
):
    monkeypatch.setattr(idempotency, "_LEASE", idempotency.timedelta(0))
    monkeypatch.setattr(idempotency, "_PAUSE", 0.0)
    source, other = connect(), connect()

    def second() -> dict[str, Any]:
        tag(other)
        with pytest.raises(idempotency.RequestInFlightError):
            slow.__exit__(None, None, None)
        return {"statusCode": 201, "body": "second"}

    def first() -> dict[str, Any]:
        slow.__enter__()
        idempotency.answer_once(keyed, other, second)
        return {"statusCode": 409, "body": "too late"}

    # One thread is both processes here.
    slow = outside_of_transaction()
    assert idempotency.answer_once(keyed, source, first)["statusCode"] == 409
    assert tags() == 1


def test_what_was_written_before_stays_with_the_reply(connect, keyed, tag, tags, caplog):
    source = connect()

    def answer() -> dict[str, Any]:
        tag(source)
        with caplog.at_level(logging.WARNING), outside_of_transaction():
            assert tags() == 0
        return DONE

    idempotency.answer_once(keyed, source, answer)
    assert tags() == 1
    assert "after a request has written" in caplog.text


def test_what_may_be_kept_is_committed_before(connect, keyed, tag, tags):
    source = connect()

    def answer() -> dict[str, Any]:
        tag(source)
        with outside_of_transaction(keep=True):
            assert tags() == 1
        return DONE

    idempotency.answer_once(keyed, source, answer)


def test_a_transaction_of_a_feature_is_never_cut_in_two(connect, keyed, desk, tags):
    source = connect()

    def answer() -> dict[str, Any]:
        with Tenant(source, desk.workspace_id).transaction() as connection:
            with outside_of_transaction(keep=True):
                pass
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        return DONE

    assert idempotency.answer_once(keyed, source, answer) == DONE
    assert tags() == 0


_DIES = """
import os, signal, sys
from uuid import UUID
import psycopg
from huntaze import idempotency
from huntaze.db import SingleConnection, outside_of_transaction

dsn, workspace_id, user_id = sys.argv[1:]
idempotency._LEASE = idempotency.timedelta(seconds=0)

def answer():
    with outside_of_transaction():
        os.kill(os.getpid(), signal.SIGKILL)

keyed = idempotency.KeyedRequest(UUID(workspace_id), UUID(user_id), "POST /x", "k", b"0" * 32)
source = SingleConnection(lambda: psycopg.connect(dsn, autocommit=True))
idempotency.answer_once(keyed, source, answer)
"""


def test_a_process_that_dies_outside_has_done_nothing(connect, keyed, desk, database, tag, tags):
    died = subprocess.run(
        [sys.executable, "-c", _DIES, database["app"], str(desk.workspace_id), str(desk.user_id)],
        check=False,
        timeout=60,
    )
    assert died.returncode == -signal.SIGKILL
    source = connect()

    def answer() -> dict[str, Any]:
        tag(source)
        return DONE

    assert idempotency.answer_once(keyed, source, answer) == DONE
    assert tags() == 1


@pytest.fixture
def ask(as_role, monkeypatch, api_event, lambda_context, principal, desk) -> Callable[..., Any]:
    """Ask a door under a key; status and body."""
    source = SingleConnection(lambda: as_role("app"))

    def call(door: Any, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        monkeypatch.setattr(door, "database", lambda: source)
        monkeypatch.setattr(http, "database", lambda: source)
        event = api_event(
            "POST",
            path,
            body=body,
            principal=principal(desk.workspace_id, user_id=desk.user_id),
            headers={"idempotency-key": "one"},
        )
        reply = door.handler(event, lambda_context)
        return reply["statusCode"], json.loads(reply["body"])

    return call


@pytest.mark.parametrize(
    ("door", "provider", "path", "body"),
    [
        (generation, generation.model_writer, "/api/content/captions", {"subject": "beach"}),
        (chat, chat.models, "/api/ai/chat", {"question": "How much did we earn?"}),
    ],
)
def test_models_are_asked_outside_of_the_transaction_of_a_key(
    ask, desk, open_transactions, tenant, door, provider, path, body
):
    seen: list[int] = []

    class Writes:
        def generate(self, request, prompt, output):  # noqa: ARG002
            seen.append(open_transactions())
            raise ai.NoAnswerError("No model answered.")

    door.app.dependency_overrides[provider] = lambda: OutsideWriter(Writes())
    try:
        status, _ = ask(door, path, {"creator_id": str(desk.creator_id), **body})
    finally:
        door.app.dependency_overrides.clear()
    assert status == 503
    assert seen == [0]
    with tenant(desk.workspace_id).transaction() as connection:
        assert connection.execute("SELECT FROM idempotency_keys").fetchall() == []


def test_who_disconnects_under_a_key_is_disconnected_before_the_secrets_go(
    ask, desk, open_transactions, tenant, monkeypatch
):
    desk.open_lane()
    seen: list[Any] = []

    def stopped() -> Any:
        with tenant(desk.workspace_id).transaction() as connection:
            return connection.execute(
                "SELECT stop_reason FROM creator_lanes WHERE creator_id = %s", (desk.creator_id,)
            ).fetchone()

    def look(**_: Any) -> None:
        seen.append((open_transactions(), stopped()))

    monkeypatch.setattr(clients, "secrets", lambda: Mock(delete_secret=look))
    monkeypatch.setattr(clients, "dynamodb", lambda: Mock(delete_item=look))
    for name in ("CREDENTIALS_PREFIX", "CREDENTIALS_KEY_ARN", "OF_SESSIONS_TABLE"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("SESSIONS_KEY_ARN", "x")
    load.cache_clear()
    status, _ = ask(platforms, "/api/of/disconnect", {"creator_id": str(desk.creator_id)})
    load.cache_clear()
    assert status == 200
    assert seen == [(0, ("disconnected",))] * 2
