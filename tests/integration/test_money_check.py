"""The daily check finds what is off, disturbs nobody, and repairs are ordered and noted."""

import json
import threading

import psycopg
import pytest
from pydantic import ValidationError

from functions.money import service
from functions.money.check import handler as check_door
from functions.money.models import Position, RepairOrder
from functions.money.repair import handler as repair_door
from functions.money.repository import PostgresBooks, PostgresRepairs
from huntaze.db import SingleConnection
from huntaze.domain import money
from huntaze.domain.money import TransactionRow
from huntaze.errors import NotFoundError
from huntaze.ids import new_id


def payment(key, net, fan="u1", gross=None):
    gross = net if gross is None else gross
    return TransactionRow(1, key, fan, "tip", gross, gross - net, net)


def refund(key, of, *, fan="u1", gross=0, net=0):
    return TransactionRow(2, key, fan, "refund", gross or net, 0, net, reverses=of)


@pytest.fixture
def books(as_role):
    return PostgresBooks(SingleConnection(lambda: as_role("auditor")))


@pytest.fixture
def ids(tenant_factory, tenant):
    """A workspace with three fans and every kind of reversal."""
    ids = tenant_factory()
    rows = [
        *(payment("p1", 800, gross=1000), payment("p2", 300), payment("p3", 500, fan="u2")),
        *(refund("r1", "p1", gross=333), refund("r2", "p1", gross=333), refund("r3", "p1", net=9)),
        *(refund("r4", "p2"), refund("r5", "p2", net=7), refund("r6", "p3", fan="u1", net=600)),
        *(refund("r7", "nothing"), refund("r8", "r1"), payment("p4", 40, fan="u3")),
        refund("r9", "p4", net=15),
    ]
    with tenant(ids.workspace_id).transaction() as connection:
        money.record(connection, ids.creator_id, rows)
    return ids


@pytest.fixture
def gatekeeper(as_role):
    """The owner of the database as who may read across workspaces, as the runbook has it."""
    owner = as_role("master")
    owner.execute("SET ROLE gatekeeper")
    return owner


@pytest.fixture
def check(books, gatekeeper):
    """Run the check; answers what it came to in one workspace."""

    def run(ids):
        run_id = new_id()
        assert service.check(books, run_id, has_time=lambda: True, page_fans=2).complete
        return gatekeeper.execute(
            "SELECT checked_fans, drifted_fans, drifted_cents FROM money_checks"
            " WHERE workspace_id = %s AND run_id = %s",
            (ids.workspace_id, run_id),
        ).fetchone()

    return run


@pytest.fixture
def drifts(gatekeeper):
    """What the checks named in a workspace: (platform id, value, booked, due)."""

    def read(ids):
        return gatekeeper.execute(
            "SELECT f.platform_id, d.value_cents, d.booked_cents::int, d.due_cents::int"
            " FROM money_drifts d JOIN fans f ON f.id = d.fan_id WHERE d.workspace_id = %s"
            " ORDER BY f.platform_id",
            (ids.workspace_id,),
        ).fetchall()

    return read


@pytest.fixture
def corrupt(ids, tenant):
    """Change a row past the writer of money."""

    def run(statement):
        with tenant(ids.workspace_id).transaction() as connection:
            assert connection.execute(statement).rowcount == 1

    return run


def test_what_the_writer_wrote_is_what_the_check_computes(check, ids, drifts):
    assert check(ids) == (3, 0, 0)
    assert drifts(ids) == []


def test_a_corrupted_value_is_found_and_named_and_stays_as_evidence(check, ids, corrupt, drifts):
    corrupt("UPDATE fans SET value_cents = value_cents + 77 WHERE platform_id = 'u3'")
    for _ in range(2):
        assert check(ids) == (3, 1, 77)
    assert drifts(ids) == [("u3", 102, 25, 25)] * 2


def test_a_corrupted_settlement_is_found_though_the_value_is_right(check, ids, corrupt, drifts):
    corrupt("UPDATE transactions SET effective_cents = 0 WHERE transaction_id = 'r4'")
    assert check(ids) == (3, 1, 300)
    assert drifts(ids) == [("u1", 258, 558, 258)]


def test_figures_go_to_the_metrics(as_role, corrupt, monkeypatch, capsys, lambda_context):
    corrupt("UPDATE fans SET value_cents = -5 WHERE platform_id = 'u3'")
    source = SingleConnection(lambda: as_role("auditor"))
    monkeypatch.setattr(check_door, "database", lambda: source)
    lambda_context.get_remaining_time_in_millis = lambda: 900_000
    answer = check_door.handler({}, lambda_context)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    figures = {}
    for line in (line for line in lines if "_aws" in line):
        (told,) = line["_aws"]["CloudWatchMetrics"]
        assert told["Namespace"] == "Huntaze/Money"
        figures |= line
    assert figures["DriftedFans"] == answer["drifted"]
    assert answer["drifted"] >= 1
    assert figures["DriftedCents"] == answer["drifted_cents"]
    assert answer["drifted_cents"] >= 30
    assert figures["CheckedFans"] == answer["checked"]
    assert answer["checked"] >= 3


@pytest.mark.usefixtures("ids")
def test_a_check_without_time_fails(as_role, monkeypatch, lambda_context):
    source = SingleConnection(lambda: as_role("auditor"))
    monkeypatch.setattr(check_door, "database", lambda: source)
    lambda_context.get_remaining_time_in_millis = lambda: 59_000
    with pytest.raises(check_door.CheckUnfinishedError):
        check_door.handler({}, lambda_context)


def test_money_that_is_recorded_meanwhile_is_no_drift(check, ids, tenant, drifts):
    def write():
        transactions = tenant(ids.workspace_id)
        for number in range(1, 150):
            with transactions.transaction() as connection:
                rows = [payment(f"w{number}", number, fan=f"u{number % 5}")]
                rows.append(refund(f"x{number}", f"w{number - 1}", net=3))
                money.record(connection, ids.creator_id, rows)

    writer = threading.Thread(target=write)
    writer.start()
    checks = 0
    while writer.is_alive():
        check(ids)
        checks += 1
    assert checks
    assert drifts(ids) == []


def test_a_writer_in_the_middle_of_its_work_holds_no_check_up(check, ids, tenant, drifts):
    with tenant(ids.workspace_id).transaction() as connection:
        money.record(connection, ids.creator_id, [payment("late", 5)])
        connection.execute("SELECT FROM fans FOR UPDATE")
        # As it was before: what is not committed is neither seen nor waited for.
        assert check(ids) == (3, 0, 0)
    assert drifts(ids) == []


@pytest.mark.parametrize("table", ["fans", "transactions", "money_checks", "money_drifts"])
def test_the_auditor_reads_no_table(as_role, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role("auditor").execute(f"SELECT * FROM {table}")


def test_nobody_else_runs_the_check(as_role):
    for role in ("app", "worker", "relay", "identity"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            PostgresBooks(SingleConnection(lambda role=role: as_role(role))).check(
                new_id(), Position(new_id(), new_id()), 1
            )


def test_a_repair_puts_right_and_says_who_wanted_it(as_role, ids, corrupt, check, monkeypatch):
    corrupt("UPDATE fans SET value_cents = 1 WHERE platform_id = 'u3'")
    for broken in ("r4", "p3"):
        corrupt(f"UPDATE transactions SET effective_cents = 9 WHERE transaction_id = '{broken}'")
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(repair_door, "database", lambda: source)
    order = {
        "workspace_id": str(ids.workspace_id),
        "creator_id": str(ids.creator_id),
        "by": "ops@example.com",
        "reason": "a restore",
    }
    assert check(ids)[1] == 3
    assert repair_door.handler(order, None) == {"repaired": 1}
    assert check(ids) == (3, 0, 0)
    assert repair_door.handler(order, None) == {"repaired": 0}


def test_a_repair_is_kept_with_every_change(ids, tenant, corrupt):
    corrupt("UPDATE fans SET value_cents = 1 WHERE platform_id = 'u3'")
    transactions = tenant(ids.workspace_id)
    order = RepairOrder(
        workspace_id=ids.workspace_id, creator_id=ids.creator_id, by="ops", reason="a restore"
    )
    assert PostgresRepairs(transactions).repair(order) == 1
    with transactions.transaction() as connection:
        kept = connection.execute("SELECT ordered_by, reason, fans, changes FROM money_repairs")
        ((by, reason, count, (change,)),) = kept.fetchall()
        entries = connection.execute("SELECT actor_kind, action, target_id FROM audit_log")
        assert entries.fetchall() == [("operator", "money.repaired", ids.creator_id)]
    assert (by, reason, count) == ("ops", "a restore", 1)
    assert (change["from_cents"], change["to_cents"]) == (1, 25)
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        transactions.transaction() as connection,
    ):
        connection.execute("UPDATE money_repairs SET reason = 'none'")


def test_an_order_for_anothers_creator_or_without_a_reason_is_refused(ids, tenant_factory, tenant):
    other = tenant_factory()
    order = RepairOrder(
        workspace_id=other.workspace_id, creator_id=ids.creator_id, by="ops", reason="x"
    )
    with pytest.raises(NotFoundError):
        PostgresRepairs(tenant(other.workspace_id)).repair(order)
    with pytest.raises(ValidationError):
        RepairOrder.model_validate({**order.model_dump(), "reason": ""})
