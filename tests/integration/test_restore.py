"""A database that came back from a backup: noticed, held, and every forgotten message found."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from functions.lanes import handler as lanes_door
from functions.migrate.repository import PostgresSchema, read_migrations
from functions.migrate.service import LOGIN_ROLES, bring_up_to_date
from huntaze.db import Connection, SingleConnection
from huntaze.domain import money
from huntaze.domain.money.models import TransactionRow
from huntaze.domain.outbound import lanes, queue, restores, settlement
from huntaze.domain.outbound.grants import Granted, Refused
from huntaze.domain.outbound.restores import ThreadInDoubt
from huntaze.ids import new_id
from tests.fakes.creator_desk import BRIEF, Desk

ROOT = Path(__file__).resolve().parents[2]


class Server:
    """A database of this test alone, which can go back in time."""

    def __init__(self, master: str, roles: Mapping[str, str]) -> None:
        self._master = master
        self._roles = {**roles, "master": master}
        self._open: list[Connection] = []
        self._run("CREATE DATABASE going_back")
        passwords = {
            role: str(psycopg.conninfo.conninfo_to_dict(roles[role])["password"])
            for role in LOGIN_ROLES
        }
        schema = PostgresSchema(self.connect("master"))
        bring_up_to_date(schema, read_migrations(ROOT / "migrations"), passwords)

    def connect(self, role: str) -> Connection:
        """Open a connection with a role; the next backup or restore closes it."""
        address = make_conninfo(self._roles[role], dbname="going_back")
        self._open.append(psycopg.connect(address, autocommit=True, prepare_threshold=None))
        return self._open[-1]

    def back_up(self) -> None:
        """Keep the database as it is now."""
        self._disconnect()
        self._run("CREATE DATABASE its_backup TEMPLATE going_back")

    def restore(self) -> None:
        """Go back to the backup."""
        self._disconnect()
        self._run("DROP DATABASE going_back")
        self._run("ALTER DATABASE its_backup RENAME TO going_back")

    def remove(self) -> None:
        """Leave nothing behind."""
        self._disconnect()
        self._run("DROP DATABASE IF EXISTS its_backup")
        self._run("DROP DATABASE IF EXISTS going_back WITH (FORCE)")

    def _disconnect(self) -> None:
        for connection in self._open:
            connection.close()
        self._open.clear()

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._master, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture
def server(database: Mapping[str, str]) -> Iterator[Server]:
    roles = {role: database[role] for role in LOGIN_ROLES}
    made = Server(database["master"], roles)
    yield made
    made.remove()


@pytest.fixture
def desk(server: Server) -> Desk:
    workspace_id, user_id, creator_id = new_id(), new_id(), new_id()
    with server.connect("identity") as connection:
        connection.execute("INSERT INTO workspaces (id, name) VALUES (%s, 'Test')", (workspace_id,))
        connection.execute(
            "INSERT INTO users (id, email, name, password_hash) VALUES (%s, %s, 'T', '')",
            (user_id, f"{user_id}@example.com"),
        )
        connection.execute(
            "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, 'owner')",
            (workspace_id, user_id),
        )
        connection.execute(
            "INSERT INTO sessions (id, user_id, workspace_id, expires_at)"
            " VALUES (%s, %s, %s, now() + interval '1 day')",
            (new_id(), user_id, workspace_id),
        )
    made = Desk(server.connect, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
    made.rows(
        "INSERT INTO creators (workspace_id, id, platform, handle, display_name)"
        " VALUES (%s, %s, 'fan_platform', 'h', 'Test') RETURNING id",
        *(workspace_id, creator_id),
    )
    made.open_lane()
    return made


@pytest.fixture
def invoke(
    server: Server, lambda_context: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, Any]], dict[str, int]]:
    """Invoke the function ``lanes``."""
    source = SingleConnection(lambda: server.connect("relay"))
    monkeypatch.setattr(lanes_door, "database", lambda: source)
    monkeypatch.setattr(lanes_door, "wake_creators", len)
    return lambda event: lanes_door.handler(event, lambda_context)


@pytest.fixture
def mark(invoke: Callable[[dict[str, Any]], dict[str, int]]) -> Callable[[], int]:
    """Do what the operator does after a restore; a minute passes."""

    def do() -> int:
        moment = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
        return invoke({"action": "restored", "moment": moment, "by": "ops@example.com"})["held"]

    return do


def a_minute_passes(desk: Desk) -> None:
    desk.set_lane(interval_starts=[], interval_ends=[])


def in_doubt(desk: Desk, *fans: str) -> list[ThreadInDoubt]:
    claim = desk.claim()
    with desk.worker.transaction() as connection:
        return restores.threads_in_doubt(connection, claim, list(fans))


def reconcile(desk: Desk, found: Mapping[UUID, str] | None = None) -> None:
    """Settle what a worker would have found, on a list of one page."""
    claim = desk.claim()
    with desk.worker.transaction() as connection:
        for send_id, message_id in (found or {}).items():
            assert restores.settle_found(
                connection, claim, send_id, platform_message_id=message_id, at=datetime.now(UTC)
            )
        page = restores.next_page(connection, claim)
        assert page is not None
        restores.advance(connection, claim, page, threads=1, found=0, next_cursor=None)


def test_a_forgotten_message_is_neither_sent_again_nor_lost(
    server: Server, desk: Desk, mark: Callable[[], int]
) -> None:
    campaign_id = desk.campaign()
    told, waits = desk.fan(platform_id="told"), desk.fan(platform_id="waits")
    sent = desk.send(told, campaign_id=campaign_id, due_at="2020-01-01")
    planned = desk.send(waits, campaign_id=campaign_id)
    server.back_up()
    claim = desk.claim()
    assert isinstance(desk.grant(claim), Granted)
    assert desk.confirm(claim, sent, "m-told")

    server.restore()
    assert desk.row(sent)["state"] == "planned"
    assert mark() == 1
    a_minute_passes(desk)
    held = desk.grant(desk.claim())
    assert isinstance(held, Refused)
    assert (held.why, held.detail) == ("stopped", "restored")

    (doubt,) = in_doubt(desk, "told")
    assert [send.id for send in doubt.sends] == [sent]
    reconcile(desk, {sent: "m-told"})
    row = desk.row(sent)
    assert (row["state"], row["platform_message_id"]) == ("sent", "m-told")
    assert row["evidence"]["by"] == "restore"
    assert desk.row(told, "fans")["last_outbound_at"] is not None
    claim = desk.claim()
    granted = desk.next_due(claim)
    assert granted is not None
    assert granted.id == planned
    assert isinstance(desk.grant(claim, granted), Granted)


def test_what_was_paid_for_before_it_was_found_again_is_bought(
    server: Server, desk: Desk, mark: Callable[[], int]
) -> None:
    fan = desk.fan(platform_id="told")
    sent = desk.send(fan, price_cents=500, media_ids=[desk.medium()], due_at="2020-01-01")
    server.back_up()
    server.restore()
    mark()
    a_minute_passes(desk)
    with desk.worker.transaction() as connection:
        paid = TransactionRow(1, "t1", "told", "message", 500, 0, 500, message_id="m-told")
        money.record(connection, desk.creator_id, [paid])
    reconcile(desk, {sent: "m-told"})
    assert [row["state"] for row in desk.rows("SELECT state FROM media_grants")] == ["bought"]


def test_every_lane_is_held_however_often_a_person_connects(
    desk: Desk, mark: Callable[[], int]
) -> None:
    desk.send()
    mark()
    a_minute_passes(desk)
    with desk.app.transaction() as connection:
        lanes.activate(connection, desk.creator_id)
        assert queue.outlook(connection, desk.creator_id).stop_reason == "restored"
    assert isinstance(desk.grant(desk.claim()), Refused)


def test_the_budget_of_the_forgotten_minute_counts_as_spent(
    desk: Desk, mark: Callable[[], int]
) -> None:
    desk.set_lane(messages_per_minute=10, min_gap_ms=3000)
    desk.send()
    mark()
    reconcile(desk)
    refused = desk.grant(desk.claim())
    assert isinstance(refused, Refused)
    assert refused.why == "no_slot"


def test_a_worker_that_outlived_the_restore_holds_no_lane(
    server: Server, desk: Desk, mark: Callable[[], int]
) -> None:
    server.back_up()
    survivor = [desk.claim() for _ in range(3)][-1]
    server.restore()
    mark()
    successors = [desk.claim() for _ in range(3)]
    assert survivor.fencing_token not in {one.fencing_token for one in successors}


def test_a_row_in_flight_is_read_back_and_explains_only_itself(
    desk: Desk, mark: Callable[[], int]
) -> None:
    fan_id = desk.fan(platform_id="p")
    flying = desk.send(fan_id)
    claim = desk.claim()
    desk.grant(claim, deadlines=BRIEF)
    mark()
    (doubt,) = in_doubt(desk, "p")
    assert [(send.id, send.submitting) for send in doubt.sends] == [(flying, True)]
    claim = desk.claim()
    with desk.worker.transaction() as connection:
        assert not restores.settle_found(
            connection, claim, flying, platform_message_id="m", at=None
        )
        assert len(settlement.in_doubt(connection, claim)) == 1


def test_what_was_decided_before_is_looked_for_and_what_came_after_is_not(
    desk: Desk, mark: Callable[[], int]
) -> None:
    draft = desk.campaign("draft")
    mark()
    reconcile(desk)
    a_minute_passes(desk)
    desk.set_campaign(draft, status="sending")
    old = desk.send(desk.fan(platform_id="old"), campaign_id=draft)
    claim = desk.claim()
    due = desk.next_due(claim)
    assert due is not None
    assert (due.id, due.may_be_sent) == (old, True)
    assert [thread.fan_platform_id for thread in in_doubt(desk, "old")] == ["old"]
    desk.send(desk.fan(platform_id="new"), priority=0)
    due = desk.next_due(desk.claim())
    assert due is not None
    assert (due.fan_platform_id, due.may_be_sent) == ("new", False)
    assert in_doubt(desk, "new") == []


def test_a_lane_that_was_never_restored_takes_no_such_settlement(desk: Desk) -> None:
    send_id = desk.send()
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.set_send(send_id, state="sent", evidence='{"by": "restore"}')


def test_a_worker_that_lost_the_lane_settles_and_advances_nothing(
    desk: Desk, mark: Callable[[], int]
) -> None:
    send_id = desk.send()
    mark()
    stale = desk.claim()
    desk.claim()
    with desk.worker.transaction() as connection:
        assert not restores.settle_found(
            connection, stale, send_id, platform_message_id="m", at=None
        )
        page = restores.next_page(connection, stale)
        assert page is not None
        restores.advance(connection, stale, page, threads=0, found=0, next_cursor=None)
        assert restores.next_page(connection, stale) == page


def test_trouble_puts_reading_off_and_never_lets_the_lane_go(
    desk: Desk, mark: Callable[[], int]
) -> None:
    mark()
    claim = desk.claim()
    with desk.worker.transaction() as connection:
        for _ in range(40):
            restores.put_off(connection, claim)
        assert restores.next_page(connection, claim) is None
        assert lanes.state(connection, claim).stop_reason == "restored"
    (row,) = desk.rows("SELECT due_at - clock_timestamp() AS wait FROM lane_restores")
    assert timedelta(minutes=4) < row["wait"] <= restores.LONGEST_DELAY


def test_campaigns_are_taken_up_under_a_name_that_no_execution_had(
    server: Server, desk: Desk, mark: Callable[[], int]
) -> None:
    old = datetime.now(UTC) - timedelta(hours=1)
    moving = {
        status: desk.campaign(status, launch=2, execution_arn="arn", launched_at=old)
        for status in ("awaiting_approval", "scheduled", "sending", "paused")
    }
    done = desk.campaign("completed", launch=2, execution_arn="arn", launched_at=old)
    mark()
    assert desk.row(done, "campaigns")["launch"] == 2
    with server.connect("app") as connection:
        rows = connection.execute("SELECT campaign_id, move FROM campaigns_to_take_up()")
        assert set(rows) == {(campaign_id, "start") for campaign_id in moving.values()}
    assert {desk.row(one, "campaigns")["launch"] for one in moving.values()} == {1002}


def test_everyone_logs_in_anew(desk: Desk, mark: Callable[[], int]) -> None:
    mark()
    assert desk.rows("SELECT FROM sessions WHERE revoked_at IS NULL") == []
    assert len(desk.rows("SELECT FROM sessions")) == 1


def test_the_sweeper_wakes_a_restored_lane_until_it_is_reconciled(
    desk: Desk, mark: Callable[[], int], invoke: Callable[[dict[str, Any]], dict[str, int]]
) -> None:
    assert invoke({})["due"] == 0
    mark()
    assert invoke({})["due"] == 1
    reconcile(desk)
    # What the fresh reading requested is due now: the syncs.
    assert [event["threads"] for event in desk.events("creator.reconciled")] == [1]
    desk.rows("UPDATE creator_commands SET state = 'done' RETURNING id")
    assert invoke({})["due"] == 0


def test_a_database_notices_that_it_is_on_another_server(server: Server, desk: Desk) -> None:
    schema = PostgresSchema(server.connect("master"))
    assert schema.recognise("db-first") is None
    assert schema.recognise("db-first") is None
    server.back_up()
    server.restore()
    assert PostgresSchema(server.connect("master")).recognise("db-second") == 1
    claim = desk.claim()
    with desk.worker.transaction() as connection:
        assert lanes.state(connection, claim).stop_reason == "restored"
    reconcile(desk)
    assert PostgresSchema(server.connect("master")).recognise("db-second") is None


def test_the_moment_is_the_last_sign_of_life_before_the_silence(
    server: Server, desk: Desk, invoke: Callable[[dict[str, Any]], dict[str, int]]
) -> None:
    backup = datetime.now(UTC) - timedelta(hours=3)
    with server.connect("master") as connection:
        connection.execute("UPDATE database_life SET alive_at = %s", (backup,))
    # The sweeper comes to the restored database first, and again.
    invoke({})
    invoke({})
    schema = PostgresSchema(server.connect("master"))
    schema.recognise("db-first")
    schema.recognise("db-second")
    (row,) = desk.rows("SELECT restored_to FROM lane_restores")
    assert row["restored_to"] == backup


def test_no_tenant_role_may_say_that_the_database_was_restored(server: Server) -> None:
    for role in ("app", "worker"):
        for call in ("mark_restored(now(), 'x')", "recognise_database('x')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                server.connect(role).execute(f"SELECT {call}".encode())
