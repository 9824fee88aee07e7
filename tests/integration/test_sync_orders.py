"""Asking for a sync: who may, what waits already, and what the worker's role may write for it."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from functions.platforms import handler as door
from huntaze.db import Connection, SingleConnection
from huntaze.domain.outbound import commands, syncs
from tests.fakes.creator_desk import Desk

PATH = "/api/of/sync"


@pytest.fixture
def ids(tenant_factory: Callable[..., Any]) -> Any:
    return tenant_factory()


@pytest.fixture
def desk(ids: Any, as_role: Callable[[str], Connection]) -> Desk:
    made = Desk(
        as_role,
        workspace_id=ids.workspace_id,
        creator_id=ids.creator_id,
        user_id=ids.user_id,
    )
    made.open_lane()
    made.set_creator(driver_consent_at="now")
    return made


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    found: list[UUID] = []
    monkeypatch.setattr(door, "wake_soon", found.append)
    return found


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch,
    as_role: Callable[[str], Connection],
    api_event: Callable[..., dict[str, Any]],
    principal: Callable[..., dict[str, str]],
    lambda_context: Any,
) -> Callable[..., tuple[int, Any]]:
    """Call a route as a member of a workspace; answers (status, body)."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(door, "database", lambda: source)

    def make(
        method: str, path: str, ids: Any = None, *, role: str = "owner", **event: Any
    ) -> tuple[int, Any]:
        who = ids and principal(ids.workspace_id, user_id=ids.user_id, role=role)
        answer = door.handler(api_event(method, path, principal=who, **event), lambda_context)
        return answer["statusCode"], json.loads(answer["body"])

    return make


def test_whoever_may_connect_asks_for_every_sync(
    call: Callable[..., tuple[int, Any]], ids: Any, desk: Desk, woken: list[UUID]
) -> None:
    status, answer = call("POST", PATH, ids, body={"creator_id": str(ids.creator_id)})
    assert status == 202
    orders = desk.rows(
        "SELECT id, kind, state, requested_by FROM creator_commands ORDER BY created_at"
    )
    assert answer == {"command_ids": [str(order["id"]) for order in orders]}
    assert [order["kind"] for order in orders] == list(syncs.SYNCS)
    assert {order["requested_by"] for order in orders} == {ids.user_id}
    assert woken == [ids.creator_id]


def test_what_waits_already_is_not_doubled(
    call: Callable[..., tuple[int, Any]], ids: Any, desk: Desk
) -> None:
    first = call("POST", PATH, ids, body={})
    with desk.app.transaction() as connection:
        connection.execute("UPDATE creator_commands SET due_at = clock_timestamp() + '1 hour'")
    assert call("POST", PATH, ids, body={}) == first
    late = "SELECT id FROM creator_commands WHERE due_at > clock_timestamp()"
    assert desk.rows(late) == []
    with desk.app.transaction() as connection:
        connection.execute("UPDATE creator_commands SET state = 'done'")
    again = call("POST", PATH, ids, body={})
    assert set(again[1]["command_ids"]).isdisjoint(first[1]["command_ids"])


def test_refuses_who_may_not_and_what_makes_no_sense(
    call: Callable[..., tuple[int, Any]],
    ids: Any,
    desk: Desk,
    tenant_factory: Callable[..., Any],
) -> None:
    chosen = {"creator_id": str(ids.creator_id)}
    assert call("POST", PATH, body=chosen)[0] == 401
    assert call("POST", PATH, ids, role="chatter", body=chosen)[0] == 403
    assert call("POST", PATH, ids, role="analyst", body=chosen)[0] == 403
    assert call("POST", PATH, tenant_factory(), body=chosen)[0] == 404
    assert call("POST", PATH, ids, body={"creator_id": "x"})[0] == 422
    assert call("POST", PATH, ids, body={"more": 1})[0] == 422
    desk.set_creator(driver_consent_at=None)
    assert call("POST", PATH, ids, body=chosen)[1]["error"] == "NotConnected"
    assert desk.rows("SELECT id FROM creator_commands") == []


def test_the_status_tells_how_far_syncs_are_and_how_the_last_order_ended(
    call: Callable[..., tuple[int, Any]], ids: Any, desk: Desk
) -> None:
    with desk.app.transaction() as connection:
        commands.request(
            connection,
            workspace_id=ids.workspace_id,
            creator_id=ids.creator_id,
            kind="connect",
            payload={},
            requested_by=ids.user_id,
        )
    call("POST", PATH, ids, body={})
    claim = desk.claim()
    with desk.worker.transaction() as connection:
        sync = syncs.next_sync(connection, claim)
        assert sync is not None
        assert syncs.hold(connection, claim, sync)
        assert not syncs.advance(connection, claim, sync, rows=9, rejected=1, next_cursor="/p2")
        # Who read the same page sees that it is stored.
        assert not syncs.hold(connection, claim, sync)
    status = call("GET", "/api/of/status", ids)[1]
    assert status["last_order"]["kind"] == "connect"
    told = {order["kind"]: order for order in status["syncs"]}
    assert set(told) == set(syncs.SYNCS)
    assert told["sync_subscribers"]["result"] == {"pages": 1, "rows": 9, "rejected": 1}
    assert told["sync_subscribers"]["state"] == "waiting"


def test_a_list_in_circles_comes_to_an_end(desk: Desk) -> None:
    with desk.app.transaction() as connection:
        syncs.request_all(
            connection,
            workspace_id=desk.workspace_id,
            creator_id=desk.creator_id,
            requested_by=None,
        )
    claim = desk.claim()
    for page in range(2):
        with desk.worker.transaction() as connection:
            sync = syncs.next_sync(connection, claim)
            assert sync is not None
            ended = syncs.advance(connection, claim, sync, rows=1, rejected=0, next_cursor="/p2")
        assert ended == (page == 1)
    (row,) = desk.rows("SELECT result FROM creator_commands WHERE state = 'failed'")
    assert row["result"]["detail"] == "the platform's list does not come to an end"
    assert desk.events("sync.completed") == []


def test_disconnecting_calls_syncs_back_and_a_stopped_lane_is_not_woken_for_them(
    call: Callable[..., tuple[int, Any]],
    ids: Any,
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    as_role: Callable[[str], Connection],
) -> None:
    relay = as_role("relay")
    due = "SELECT EXISTS (SELECT FROM lanes_with_due_work() AS d (id) WHERE d.id = %s)"
    call("POST", PATH, ids, body={})
    assert relay.execute(due, (ids.creator_id,)).fetchone() == (True,)
    desk.set_lane(status="stopped", stop_reason="captcha")
    assert relay.execute(due, (ids.creator_id,)).fetchone() == (False,)

    class NoSecrets:
        def forget(self, _creator_id: UUID) -> None:
            """There are none."""

    monkeypatch.setattr(door, "_secrets", lambda _: NoSecrets())
    assert call("POST", "/api/of/disconnect", ids, body={})[0] == 200
    assert {row["state"] for row in desk.rows("SELECT state FROM creator_commands")} == {"failed"}
    assert call("POST", PATH, ids, body={})[1]["error"] == "NotConnected"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE fans SET consent = true",
        "UPDATE fans SET notes = 'x'",
        "UPDATE fans SET erased_at = NULL",
        "DELETE FROM fans",
        "DELETE FROM suppressions",
        "DELETE FROM transactions",
        "INSERT INTO fan_tags SELECT workspace_id, id, creator_id, 'x' FROM fans",
        "UPDATE transactions SET workspace_id = workspace_id",
    ],
)
def test_the_worker_writes_nothing_that_is_peoples_to_say(desk: Desk, change: str) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        desk.worker.transaction() as connection,
    ):
        connection.execute(change.encode())
