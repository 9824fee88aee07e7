"""The definer function behind the authorizer: living sessions, limits, nothing else."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from functions.authorizer.repository import PostgresSessions
from huntaze.db import Connection, SingleConnection
from huntaze.ids import new_id


@pytest.fixture
def start_session(as_role: Callable[[str], Connection]) -> Callable[..., UUID]:
    def start(ids, *, lasts: timedelta = timedelta(hours=1)) -> UUID:
        session_id = new_id()
        as_role("identity").execute(
            "INSERT INTO sessions (id, user_id, workspace_id, expires_at)"
            " VALUES (%s, %s, %s, clock_timestamp() + %s)",
            (session_id, ids.user_id, ids.workspace_id, lasts),
        )
        return session_id

    return start


@pytest.fixture
def sessions(as_role: Callable[[str], Connection]) -> Callable[..., PostgresSessions]:
    def make(per_principal: int = 600, per_workspace: int = 3000) -> PostgresSessions:
        return PostgresSessions(
            SingleConnection(lambda: as_role("authorizer")),
            per_principal=per_principal,
            per_workspace=per_workspace,
        )

    return make


def test_finds_the_member_of_a_living_session(tenant_factory, start_session, sessions):
    ids = tenant_factory()
    caller = sessions().find_caller(start_session(ids))
    assert (caller.user_id, caller.workspace_id) == (ids.user_id, ids.workspace_id)
    assert (caller.role, caller.creator_scope, caller.plan) == ("owner", None, "trial")
    assert caller.retry_after is None


def test_finds_the_scope_of_a_chatter(tenant_factory, start_session, sessions, tenant):
    ids = tenant_factory(role="chatter")
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute("UPDATE members SET creator_scope = %s", ([ids.creator_id],))
    caller = sessions().find_caller(start_session(ids))
    assert (caller.role, caller.creator_scope) == ("chatter", [ids.creator_id])


def test_knows_no_session_that_is_over_revoked_or_unknown(
    tenant_factory, start_session, sessions, as_role
):
    ids = tenant_factory()
    over = start_session(ids, lasts=timedelta(seconds=-1))
    revoked = start_session(ids)
    as_role("identity").execute(
        "UPDATE sessions SET revoked_at = clock_timestamp() WHERE id = %s", (revoked,)
    )
    assert sessions().find_caller(over) is None
    assert sessions().find_caller(revoked) is None
    assert sessions().find_caller(new_id()) is None


def test_a_removed_member_is_out_at_once(tenant_factory, start_session, sessions, tenant):
    ids = tenant_factory(role="manager")
    session_id = start_session(ids)
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute("DELETE FROM members WHERE user_id = %s", (ids.user_id,))
    assert sessions().find_caller(session_id) is None


@pytest.fixture
def within_one_minute(as_role: Callable[[str], Connection]) -> None:
    """Wait for the next minute of the database's clock when this one is nearly over."""
    row = as_role("app").execute("SELECT extract(second FROM clock_timestamp())::float").fetchone()
    if row[0] > 55:
        time.sleep(60.1 - row[0])


@pytest.mark.usefixtures("within_one_minute")
def test_says_when_to_come_back_over_either_limit(tenant_factory, start_session, sessions):
    session_id = start_session(tenant_factory())
    by_principal = sessions(per_principal=2)
    waits = [by_principal.find_caller(session_id).retry_after for _ in range(3)]
    assert waits[:2] == [None, None]
    assert 1 <= waits[2] <= 60
    assert sessions(per_workspace=3).find_caller(session_id).retry_after is not None
    assert sessions(per_workspace=30).find_caller(session_id).retry_after is None


@pytest.mark.usefixtures("within_one_minute")
def test_counts_every_request_of_many_at_once(tenant_factory, start_session, database, as_role):
    ids = tenant_factory()
    session_id = start_session(ids)

    def calls(count: int) -> None:
        with psycopg.connect(database["authorizer"], autocommit=True) as connection:
            source = SingleConnection(lambda: connection)
            sessions = PostgresSessions(source, per_principal=600, per_workspace=3000)
            for _ in range(count):
                assert sessions.find_caller(session_id) is not None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(calls, [10] * 8))
    counted = as_role("master").execute(
        "SELECT subject, requests FROM request_counters WHERE subject = ANY (%s)",
        ([f"u:{ids.user_id}", f"w:{ids.workspace_id}"],),
    )
    assert dict(counted.fetchall()) == {f"u:{ids.user_id}": 80, f"w:{ids.workspace_id}": 80}


def test_sweeps_the_minutes_before(tenant_factory, start_session, sessions, as_role):
    ids = tenant_factory()
    as_role("master").execute(
        "INSERT INTO request_counters VALUES (%s, date_trunc('minute', now()) - interval '1 h', 9)",
        (f"u:{ids.user_id}",),
    )
    sessions().find_caller(start_session(ids))
    old = as_role("master").execute(
        "SELECT count(*) FROM request_counters WHERE subject = %s AND requests = 9",
        (f"u:{ids.user_id}",),
    )
    assert old.fetchone() == (0,)


@pytest.mark.parametrize("table", ["sessions", "users", "members", "request_counters", "fans"])
def test_the_role_reads_no_table(as_role, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role("authorizer").execute(f"SELECT * FROM {table}")


def test_no_other_role_may_ask_for_sessions(as_role):
    for role in ("app", "worker", "identity", "intake", "relay", "auditor", "operations"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_role(role).execute("SELECT * FROM authorize_request(%s, 1, 1)", (new_id(),))
