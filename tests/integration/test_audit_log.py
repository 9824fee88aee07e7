"""The audit log: who did what, as a chain that shows every change."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest

from functions.management import callers
from functions.management import handler as management
from huntaze import outbox
from huntaze.db import Connection, SingleConnection, Tenant
from huntaze.domain import audit
from huntaze.ids import new_id

LOG = "/api/management/audit-log"


@pytest.fixture(autouse=True)
def _wired(as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(callers, "database", lambda: source)
    monkeypatch.setattr(outbox, "nudge", lambda: None)


@pytest.fixture
def ids(tenant_factory):
    return tenant_factory()


@pytest.fixture
def get(api_event, lambda_context, ids, principal) -> Callable[..., Any]:
    def call(path: str = LOG, status: int = 200, *, who: Any = None, **query: str) -> Any:
        who = who or principal(ids.workspace_id, user_id=ids.user_id)
        event = api_event("GET", path, principal=who, query=query or None)
        answer = management.handler(event, lambda_context)
        assert answer["statusCode"] == status, answer
        return json.loads(answer["body"])

    return call


@pytest.fixture
def record(tenant, ids) -> Callable[..., None]:
    def add(count: int = 1, **facts: Any) -> None:
        for _ in range(count):
            with tenant(ids.workspace_id).transaction() as connection:
                target = audit.Target("creator", ids.creator_id)
                audit.record(
                    connection, "creator.changed", target, actor_id=ids.user_id, facts=facts
                )

    return add


@pytest.fixture
def tamper(as_role, ids) -> Callable[..., None]:
    """Change the log as one who owns the database could."""

    def run(statement: str) -> None:
        with as_role("master") as connection:
            for table in ("audit_log", "audit_heads"):
                connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            connection.execute(statement, {"workspace": ids.workspace_id})
            for table in ("audit_log", "audit_heads"):
                connection.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")

    return run


def test_changes_are_recorded_with_who_made_them(get, ids, api_event, lambda_context, principal):
    event = api_event(
        "POST",
        "/api/management/creators",
        body={"platform": "fan_platform", "handle": "zoe-the-creator"},
        principal=principal(ids.workspace_id, user_id=ids.user_id),
    )
    creator = json.loads(management.handler(event, lambda_context)["body"])
    (entry,) = get()["items"]
    assert entry["action"] == "creator.created"
    assert entry["actor_id"] == str(ids.user_id)
    assert entry["target_id"] == creator["id"]
    assert "zoe" not in json.dumps(entry)


def test_entries_come_newest_first_and_page_completely(get, record, ids):
    record(7, n=1)
    seen, cursor = [], None
    while True:
        page = get(limit="3", **({"cursor": cursor} if cursor else {}))
        seen += [entry["sequence"] for entry in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    assert get(target_id=str(new_id()))["items"] == []
    assert len(get(target_id=str(ids.creator_id))["items"]) == 7


def test_a_whole_chain_verifies_in_the_database_and_without_it(get, record):
    assert get(f"{LOG}/verify") == {
        "intact": True,
        "entries": 0,
        "first_broken": None,
        "head": None,
    }
    record(5, amount=12, state="paid")
    verdict = get(f"{LOG}/verify")
    assert (verdict["intact"], verdict["entries"]) == (True, 5)
    entries = [audit.Entry.model_validate(entry) for entry in reversed(get()["items"])]
    assert audit.verify(entries).model_dump() == verdict


@pytest.mark.parametrize(
    ("statement", "first_broken"),
    [
        ("UPDATE audit_log SET facts = '{}' WHERE sequence = 3", 3),
        ("UPDATE audit_log SET at = at + interval '1 microsecond' WHERE sequence = 2", 2),
        ("UPDATE audit_log SET actor_id = NULL WHERE sequence = 4", 4),
        ("UPDATE audit_log SET target_id = workspace_id WHERE sequence = 1", 1),
        ("DELETE FROM audit_log WHERE sequence = 2", 3),
        ("DELETE FROM audit_log WHERE sequence = 5", 5),
        ("DELETE FROM audit_log WHERE true", 1),
        ("UPDATE audit_heads SET sequence = 4 WHERE true", 5),
        ("UPDATE audit_heads SET hash = sha256('x') WHERE true", 5),
    ],
)
def test_every_change_shows(get, record, tamper, statement, first_broken):
    record(5, n=1)
    tamper(f"{statement} AND workspace_id = %(workspace)s")
    verdict = get(f"{LOG}/verify")
    assert (verdict["intact"], verdict["first_broken"]) == (False, first_broken)


@pytest.mark.parametrize("field", ["at", "actor_id", "facts", "action", "target_kind", "hash"])
def test_a_changed_entry_shows_without_the_database(get, record, field):
    record(3, n=1)
    entries = [audit.Entry.model_validate(entry) for entry in reversed(get()["items"])]
    other = {"at": entries[0].at, "actor_id": new_id(), "hash": "00" * 32}.get(field, "{}x")
    entries[1] = entries[1].model_copy(update={field: other})
    assert audit.verify(entries).first_broken == 2
    assert audit.verify([entries[0], entries[2]]).first_broken == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET facts = '{}'",
        "DELETE FROM audit_log",
        "INSERT INTO audit_log (workspace_id, actor_kind, action, target_kind, facts, at)"
        " VALUES (current_setting('app.workspace_id')::uuid, 'member', 'x', 'x', '{}', now())",
        "UPDATE audit_heads SET sequence = 0",
    ],
)
def test_the_application_can_only_add(tenant, ids, record, statement):
    record()
    denied = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with denied, tenant(ids.workspace_id).transaction() as connection:
        connection.execute(statement)


def test_what_is_rolled_back_is_not_in_the_log(tenant, ids, record, get):
    record()
    with tenant(ids.workspace_id).transaction() as connection:
        audit.record(connection, "x.y", audit.Target("x", None), actor_id=None)
        raise psycopg.Rollback
    record()
    assert [entry["sequence"] for entry in get()["items"]] == [2, 1]


def test_writers_at_once_make_one_chain(ids, database, get):
    together = threading.Barrier(20)

    def write(_: int) -> None:
        with psycopg.connect(database["app"], autocommit=True) as connection:
            tenant = Tenant(SingleConnection(lambda: connection), ids.workspace_id)
            together.wait()
            for _ in range(5):
                with tenant.transaction() as inside:
                    audit.record(inside, "x.y", audit.Target("x", None), actor_id=ids.user_id)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(write, range(20)))
    verdict = get(f"{LOG}/verify")
    assert (verdict["intact"], verdict["entries"]) == (True, 100)


@pytest.mark.parametrize("role", ["chatter", "analyst"])
def test_it_is_for_those_who_manage(get, ids, principal, role):
    for path in (LOG, f"{LOG}/verify"):
        get(path, 403, who=principal(ids.workspace_id, role=role))


def test_who_sees_some_creators_only_does_not_see_the_log(get, ids, principal):
    who = principal(ids.workspace_id, role="manager", creators=[UUID(int=1)])
    assert "some" in get(LOG, 403, who=who)["detail"]


@pytest.mark.parametrize("cursor", ["x", "WyJ4Il0", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTk5Il0"])
def test_a_forged_cursor_is_refused(get, cursor):
    get(LOG, 400, cursor=cursor)
