"""Connecting creators: real events, real Postgres, moto's Secrets Manager, DynamoDB and KMS."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import boto3
import pytest
from moto import mock_aws

from functions.platforms import handler as door
from huntaze import clients
from huntaze.domain.browser_sessions import SessionStore
from huntaze.domain.outbound import commands
from huntaze.ids import new_id
from huntaze.settings import load
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk

STATE = {
    "cookies": [{"name": "sid", "value": "secret", "domain": "fans.example", "path": "/"}],
    "origins": [],
}
LOGIN = {"username": "ann", "password": "hunter2-hunter2", "consent": True}


@pytest.fixture
def aws(record_aws: Callable[..., Mock], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    """Secrets, table and key in moto; the queue is a recorder."""
    recorded = record_aws(door)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        made = {
            name: boto3.client(service, region_name="us-east-1")
            for name, service in (
                ("secrets", "secretsmanager"),
                ("dynamodb", "dynamodb"),
                ("kms", "kms"),
            )
        }
        for name, client in made.items():
            monkeypatch.setattr(clients, name, lambda client=client: client)
        made["dynamodb"].create_table(
            TableName="sessions",
            KeySchema=[{"AttributeName": "creator_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "creator_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        key = made["kms"].create_key()["KeyMetadata"]["Arn"]
        monkeypatch.setenv("CREDENTIALS_PREFIX", "of/creds/")
        monkeypatch.setenv("CREDENTIALS_KEY_ARN", key)
        monkeypatch.setenv("OF_SESSIONS_TABLE", "sessions")
        monkeypatch.setenv("SESSIONS_KEY_ARN", key)
        load.cache_clear()
        yield Mock(**made, queue=recorded.queue, key=key)


@pytest.fixture
def desk(aws: Mock, open_desk: Callable[..., Desk]) -> Desk:  # noqa: ARG001  (wired first)
    return open_desk(status="stopped", stop_reason="not_connected")


@pytest.fixture
def call(desk: Desk, ask_door: Callable[..., Answer]) -> Callable[..., Answer]:
    def ask(method: str, path: str, body: object = None, **event: Any) -> Answer:
        return ask_door(door, desk, method, f"/api/of/{path}", body, **event)

    return ask


@pytest.fixture
def sessions(aws: Mock) -> SessionStore:
    return SessionStore("sessions", aws.key)


def test_connecting_seals_the_credentials_and_orders_a_login(
    call: Callable[..., Answer], desk: Desk, aws: Mock
) -> None:
    answer = call("POST", "connect", LOGIN)
    assert answer.status == 202
    secret = aws.secrets.get_secret_value(SecretId=f"of/creds/{desk.creator_id}")["SecretString"]
    assert json.loads(secret) == {"username": "ann", "password": "hunter2-hunter2"}
    (order,) = desk.rows("SELECT * FROM creator_commands")
    assert str(order["id"]) == answer.body["command_id"]
    assert order["payload"] == {"secret_id": f"of/creds/{desk.creator_id}"}
    assert "hunter2" not in json.dumps(order["payload"])
    creator = desk.row(desk.creator_id, "creators")
    assert creator["driver_consent_by"] == desk.user_id
    assert aws.queue.send_message_batch.called
    # Nothing moves before the worker has logged in.
    assert desk.lane()["status"] == "stopped"


def test_connecting_again_replaces_the_credentials(
    call: Callable[..., Answer], desk: Desk, aws: Mock
) -> None:
    call("POST", "connect", LOGIN)
    consented = desk.row(desk.creator_id, "creators")["driver_consent_at"]
    assert call("POST", "connect", LOGIN | {"password": "another one"}).status == 202
    secret = aws.secrets.get_secret_value(SecretId=f"of/creds/{desk.creator_id}")["SecretString"]
    assert json.loads(secret)["password"] == "another one"
    assert desk.row(desk.creator_id, "creators")["driver_consent_at"] == consented


@pytest.mark.parametrize("path", ["connect", "session"])
def test_without_consent_nothing_is_kept(
    call: Callable[..., Answer], desk: Desk, aws: Mock, sessions: SessionStore, path: str
) -> None:
    body = LOGIN if path == "connect" else {"storage_state": STATE}
    answer = call("POST", path, body | {"consent": False})
    assert (answer.status, answer.body["error"]) == (422, "ConsentMissing")
    assert aws.secrets.list_secrets()["SecretList"] == []
    assert sessions.load(desk.workspace_id, desk.creator_id) is None
    assert desk.row(desk.creator_id, "creators")["driver_consent_at"] is None
    assert desk.rows("SELECT FROM creator_commands") == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("connect", {"username": "", "password": "x", "consent": True}),
        ("connect", {"username": "a\x00", "password": "x", "consent": True}),
        ("connect", LOGIN | {"surprise": 1}),
        ("connect/code", {"code": "1"}),
        ("connect/code", {"code": "12 34"}),
        ("session", {"storage_state": {"cookies": []}, "consent": True}),
        ("session", {"storage_state": {"cookies": [{"name": "a"}]}, "consent": True}),
        ("session", {"storage_state": "x", "consent": True}),
        ("resume", {"creator_id": "x"}),
    ],
)
def test_refuses_what_no_browser_could_use(
    call: Callable[..., Answer], desk: Desk, path: str, body: dict[str, Any]
) -> None:
    desk.set_creator(driver_consent_at="now")
    answer = call("POST", path, body)
    assert answer.status in (400, 422)
    assert "hunter2" not in json.dumps(answer.body)


def test_refuses_a_session_that_the_table_could_not_hold(call: Callable[..., Answer]) -> None:
    cookie = STATE["cookies"][0] | {"value": "x" * 400_000}
    body = {"storage_state": {"cookies": [cookie], "origins": []}, "consent": True}
    assert call("POST", "session", body).status == 413


def test_a_session_that_a_person_brings_lets_the_lane_move(
    call: Callable[..., Answer], desk: Desk, aws: Mock, sessions: SessionStore
) -> None:
    answer = call("POST", "session", {"storage_state": STATE, "consent": True})
    assert (answer.status, answer.body["status"]) == (200, "active")
    assert sessions.load(desk.workspace_id, desk.creator_id) == STATE
    (item,) = aws.dynamodb.scan(TableName="sessions")["Items"]
    assert b"secret" not in item["sealed"]["B"]
    assert desk.lane()["stop_reason"] is None


def test_another_creators_session_cannot_be_opened(
    call: Callable[..., Answer], desk: Desk, aws: Mock, sessions: SessionStore
) -> None:
    call("POST", "session", {"storage_state": STATE, "consent": True})
    (item,) = aws.dynamodb.scan(TableName="sessions")["Items"]
    thief = new_id()
    aws.dynamodb.put_item(TableName="sessions", Item=item | {"creator_id": {"S": str(thief)}})
    with pytest.raises(Exception, match=r"InvalidCiphertext|Decrypt"):
        sessions.load(desk.workspace_id, thief)


def test_a_code_or_a_resumption_needs_a_connection(call: Callable[..., Answer], desk: Desk) -> None:
    for path, body in (("connect/code", {"code": "123456"}), ("resume", {}), ("sync", {})):
        answer = call("POST", path, body)
        assert (answer.status, answer.body["error"]) == (409, "NotConnected"), path
    call("POST", "connect", LOGIN)
    desk.set_lane(stop_reason="two_factor")
    assert call("POST", "connect/code", {"code": "123456"}).status == 202
    assert call("POST", "resume", {}).status == 202
    payloads = [row["payload"] for row in desk.rows("SELECT payload FROM creator_commands")]
    assert {"secret_id": f"of/creds/{desk.creator_id}", "code": "123456"} in payloads


def test_a_code_is_wiped_once_it_was_used(call: Callable[..., Answer], desk: Desk) -> None:
    call("POST", "connect", LOGIN)
    call("POST", "connect/code", {"code": "123456"})
    claim = desk.claim()
    for _ in range(2):
        with desk.worker.transaction() as connection:
            order = commands.next_order(connection, claim)
            assert order is not None
            assert commands.take(connection, claim, order)
            commands.finish(connection, claim, order, done=False, result={})
    assert "123456" not in json.dumps(
        [row["payload"] for row in desk.rows("SELECT payload FROM creator_commands")]
    )


def test_disconnecting_forgets_everything_and_calls_the_orders_back(
    call: Callable[..., Answer], desk: Desk, aws: Mock, sessions: SessionStore
) -> None:
    call("POST", "connect", LOGIN)
    call("POST", "session", {"storage_state": STATE, "consent": True})
    waiting = desk.send()
    # A worker has the session open and stores it when it leaves.
    open_browser = SessionStore("sessions", aws.key)
    assert open_browser.load(desk.workspace_id, desk.creator_id) == STATE
    answer = call("POST", "disconnect", {})
    assert (answer.body["status"], answer.body["stop_reason"]) == ("stopped", "disconnected")
    assert not open_browser.renew(desk.workspace_id, desk.creator_id, STATE)
    assert sessions.load(desk.workspace_id, desk.creator_id) is None
    assert aws.secrets.list_secrets()["SecretList"] == []
    assert {row["state"] for row in desk.rows("SELECT state FROM creator_commands")} == {"failed"}
    assert desk.row(waiting)["state"] == "planned"
    assert desk.events("creator.stopped") == [{"reason": "disconnected"}]
    assert call("POST", "resume", {}).status == 409
    # Disconnecting what is not connected is no failure, and one may connect again.
    assert call("POST", "disconnect", {}).status == 200
    assert call("POST", "connect", LOGIN).status == 202
    # Its password is kept again, whether or not it opens anything.
    assert desk.lane()["stop_reason"] == "not_connected"


def test_an_open_browser_does_not_undo_the_session_that_a_person_brings(
    call: Callable[..., Answer], desk: Desk, aws: Mock, sessions: SessionStore
) -> None:
    call("POST", "session", {"storage_state": STATE, "consent": True})
    open_browser = SessionStore("sessions", aws.key)
    open_browser.load(desk.workspace_id, desk.creator_id)
    fresh = {"cookies": [STATE["cookies"][0] | {"value": "new"}], "origins": []}
    call("POST", "session", {"storage_state": fresh, "consent": True})
    assert not open_browser.renew(desk.workspace_id, desk.creator_id, STATE)
    assert sessions.load(desk.workspace_id, desk.creator_id) == fresh
    # Without such a change it renews, and renews again.
    assert sessions.renew(desk.workspace_id, desk.creator_id, STATE)
    assert sessions.renew(desk.workspace_id, desk.creator_id, fresh)


def test_the_status_tells_why_a_creator_stands_still(
    call: Callable[..., Answer], desk: Desk
) -> None:
    desk.set_lane(stop_reason="captcha", stopped_at="now")
    desk.send()
    desk.send(due_at="2100-01-01")
    seen = call("GET", "status", role="analyst").body
    assert (seen["status"], seen["stop_reason"], seen["waiting"]) == ("stopped", "captcha", 1)
    assert seen["last_order"] is None
    call("POST", "connect", LOGIN)
    last = call("GET", "status").body["last_order"]
    assert (last["kind"], last["state"]) == ("connect", "waiting")


def test_a_lost_wake_up_fails_no_order(call: Callable[..., Answer], desk: Desk, aws: Mock) -> None:
    aws.queue.send_message_batch.side_effect = RuntimeError("the queue is away")
    assert call("POST", "connect", LOGIN).status == 202
    assert len(desk.rows("SELECT FROM creator_commands")) == 1


@pytest.mark.parametrize("role", ["chatter", "analyst"])
@pytest.mark.parametrize("path", ["connect", "connect/code", "session", "resume", "disconnect"])
def test_only_those_who_may_connect_do(
    call: Callable[..., Answer], desk: Desk, role: str, path: str
) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "connect": LOGIN,
        "connect/code": {"code": "123456"},
        "session": {"storage_state": STATE, "consent": True},
    }
    assert call("POST", path, bodies.get(path, {}), role=role).status == 403
    assert desk.rows("SELECT FROM creator_commands") == []


@pytest.mark.parametrize("path", ["connect", "disconnect", "resume"])
def test_a_creator_of_another_workspace_is_not_there(
    call: Callable[..., Answer],
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]],
    path: str,
) -> None:
    _, _, stranger = tenant_factory()
    body = (LOGIN if path == "connect" else {}) | {"creator_id": str(stranger)}
    assert call("POST", path, body).status == 404
    assert call("GET", "status", query={"creator_id": str(stranger)}).status == 404
