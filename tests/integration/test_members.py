"""Members as API Gateway and the database know them: places, sessions, races, the log."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from functions.authorizer.repository import PostgresSessions
from functions.management import callers, members
from functions.management import handler as management
from functions.management.member_repository import PostgresMembers
from functions.management.models import MemberChanges
from huntaze import http
from huntaze.auth import Role
from huntaze.db import Connection, SingleConnection, Tenant
from huntaze.errors import ForbiddenError
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.full_workspace.filling import FullWorkspace

MEMBERS = "/api/management/members"


@pytest.fixture(autouse=True)
def wired(as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    source = SingleConnection(lambda: as_role("app"))
    for module in (callers, http):
        monkeypatch.setattr(module, "database", lambda: source)


@pytest.fixture
def ids(tenant_factory):
    return tenant_factory()


@pytest.fixture
def owner(ids, principal) -> dict[str, str]:
    return principal(ids.workspace_id, user_id=ids.user_id)


@pytest.fixture
def join(ids, as_role) -> Callable[..., UUID]:
    """Let somebody be a member."""

    def make(role: str = "chatter", creators: list[UUID] | None = None) -> UUID:
        user_id = new_id()
        connection = as_role("identity")
        connection.execute(
            "INSERT INTO users (id, email, name) VALUES (%s, %s, 'Member')",
            (user_id, f"{user_id}@example.com"),
        )
        connection.execute(
            "INSERT INTO members (workspace_id, user_id, role, creator_scope)"
            " VALUES (%s, %s, %s, %s)",
            (ids.workspace_id, user_id, role, creators),
        )
        return user_id

    return make


@pytest.fixture
def call(api_event, lambda_context) -> Callable[..., Answer]:
    def make(method: str, path: str, who: dict[str, str], body: Any = None, **more: Any) -> Answer:
        event = api_event(method, path, principal=who, body=body, **more)
        return Answer.of(management.handler(event, lambda_context))

    return make


@pytest.fixture
def entries(ids, tenant) -> Callable[[], list[tuple[Any, ...]]]:
    """What the audit log says of members."""

    def read() -> list[tuple[Any, ...]]:
        with tenant(ids.workspace_id).transaction() as connection:
            rows = connection.execute(
                "SELECT action, actor_id, target_id, facts FROM audit_log"
                " WHERE action LIKE 'member.%%' ORDER BY sequence"
            ).fetchall()
        return [(*row[:3], json.loads(row[3])) for row in rows]

    return read


@pytest.fixture
def session(ids, as_role) -> Callable[[UUID], UUID]:
    """Log a member in, with a refresh token."""

    def make(user_id: UUID) -> UUID:
        session_id = new_id()
        connection = as_role("identity")
        connection.execute(
            "INSERT INTO sessions (id, user_id, workspace_id, expires_at)"
            " VALUES (%s, %s, %s, now() + interval '1 day')",
            (session_id, user_id, ids.workspace_id),
        )
        connection.execute(
            "INSERT INTO refresh_tokens (token_hash, session_id, expires_at)"
            " VALUES (%s, %s, now() + interval '1 day')",
            (session_id.bytes * 2, session_id),
        )
        return session_id

    return make


@pytest.fixture
def sessions(as_role) -> PostgresSessions:
    source = SingleConnection(lambda: as_role("authorizer"))
    return PostgresSessions(source, per_principal=100, per_workspace=100)


def test_a_change_counts_from_the_next_request_on(
    call, owner, ids, join, session, sessions, entries
):
    member = join()
    session_id = session(member)
    body = {"role": "analyst", "creator_ids": [str(ids.creator_id)]}
    changed = call("PATCH", f"{MEMBERS}/{member}", owner, body)
    assert (changed.status, changed.body["role"]) == (200, "analyst")
    assert changed.body["creator_ids"] == [str(ids.creator_id)]
    found = sessions.find_caller(session_id)
    assert (found.role, found.creator_scope) == ("analyst", [ids.creator_id])
    wide = {"role": "chatter", "creator_ids": None}
    narrow = {"role": "analyst", "creator_ids": [str(ids.creator_id)]}
    assert entries() == [
        ("member.changed", ids.user_id, member, {"from": wide, "to": narrow}),
    ]


def test_what_changes_nothing_is_not_recorded(call, owner, join, entries):
    member = join()
    for body in ({}, {"role": "chatter"}, {"creator_ids": None}):
        assert call("PATCH", f"{MEMBERS}/{member}", owner, body).status == 200
    assert entries() == []


def test_sessions_of_a_removed_member_end_at_once(
    call, owner, ids, join, session, sessions, as_role, entries, tenant_factory
):
    member, another = join(), tenant_factory().workspace_id
    session_id = session(member)
    as_role("identity").execute(
        "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, 'analyst')",
        (another, member),
    )
    assert sessions.find_caller(session_id)
    assert call("DELETE", f"{MEMBERS}/{member}", owner).status == 204
    assert sessions.find_caller(session_id) is None
    left = as_role("identity").execute(
        "SELECT FROM refresh_tokens WHERE session_id = %s", (session_id,)
    )
    assert left.fetchall() == []
    people = as_role("identity").execute("SELECT FROM users WHERE id = %s", (member,))
    assert len(people.fetchall()) == 1
    assert [entry[:3] for entry in entries()] == [("member.removed", ids.user_id, member)]
    assert call("DELETE", f"{MEMBERS}/{member}", owner).status == 404


def test_who_is_removed_from_their_only_workspace_is_forgotten(call, owner, join, as_role):
    member = join()
    assert call("DELETE", f"{MEMBERS}/{member}", owner).status == 204
    # The address is free for whoever shows that it is theirs.
    people = as_role("identity").execute("SELECT FROM users WHERE id = %s", (member,))
    assert people.fetchall() == []


def test_nobody_loses_their_account_by_a_browser_left_open(
    call, ids, join, principal, as_role, session
):
    member = join()
    who = principal(ids.workspace_id, user_id=member, role="manager")
    who["session_id"] = str(session(member))
    as_role("identity").execute(
        "UPDATE sessions SET proven_at = now() - interval '1 hour' WHERE user_id = %s", (member,)
    )
    refused = call("DELETE", f"{MEMBERS}/{member}", who)
    assert (refused.status, refused.body["error"]) == (409, "LoginTooOld")


def test_a_member_leaves_even_with_a_key_for_the_request(
    call, ids, join, principal, as_role, session
):
    member = join()
    who = principal(ids.workspace_id, user_id=member, role="chatter")
    who["session_id"] = str(session(member))
    left = call("DELETE", f"{MEMBERS}/{member}", who, headers={"Idempotency-Key": "leave"})
    assert left.status == 204
    rows = as_role("identity").execute("SELECT FROM members WHERE user_id = %s", (member,))
    assert rows.fetchall() == []


def test_the_last_owner_stays_until_there_is_another(call, owner, ids, join, session):
    owner["session_id"] = str(session(ids.user_id))
    path = f"{MEMBERS}/{ids.user_id}"
    refused = call("PATCH", path, owner, {"role": "manager"})
    assert (refused.status, refused.body["error"]) == (409, "LastOwner")
    assert call("DELETE", path, owner).status == 409
    other = join("manager")
    assert call("PATCH", f"{MEMBERS}/{other}", owner, {"role": "owner"}).status == 200
    assert call("DELETE", path, owner).status == 204


def test_an_owner_hands_the_workspace_over(call, owner, ids, join, entries, principal):
    other = join("chatter", [ids.creator_id])
    path = f"{MEMBERS}/{other}/transfer-ownership"
    manager = principal(ids.workspace_id, user_id=join("manager"), role="manager")
    assert call("POST", path, manager).status == 403
    made = call("POST", path, owner)
    assert (made.status, made.body["role"], made.body.get("creator_ids")) == (200, "owner", None)
    roles = {m["user_id"]: m["role"] for m in call("GET", MEMBERS, owner).body["items"]}
    assert (roles[str(ids.user_id)], roles[str(other)]) == ("manager", "owner")
    assert [entry[2] for entry in entries()] == [other, ids.user_id]
    # The authorizer's word is a moment old: it is not taken for the place.
    assert call("POST", path, owner).status == 403


def test_a_scope_names_creators_of_this_workspace(call, owner, join, tenant_factory):
    theirs = str(tenant_factory().creator_id)
    refused = call("PATCH", f"{MEMBERS}/{join()}", owner, {"creator_ids": [theirs]})
    assert (refused.status, list(refused.body["fields"])) == (422, ["creator_ids"])


@pytest.mark.parametrize("body", [{"role": "platform_operator"}, {"role": None}, {"plan": "x"}])
def test_refuses_what_is_no_place(call, owner, join, body):
    assert call("PATCH", f"{MEMBERS}/{join()}", owner, body).status == 422


@pytest.fixture
def at_once(ids, as_role) -> Callable[[list[Callable[[PostgresMembers], object]]], list[Exception]]:
    """Do things at the same moment, each with a connection of its own; what was refused."""

    def run(actions: list[Callable[[PostgresMembers], object]]) -> list[Exception]:
        barrier = threading.Barrier(len(actions))

        def act(action: Callable[[PostgresMembers], object]) -> Exception | None:
            with as_role("app") as connection:
                source = SingleConnection(lambda: connection)
                store = PostgresMembers(Tenant(source, ids.workspace_id))
                barrier.wait()
                try:
                    action(store)
                except (ForbiddenError, members.LastOwnerError) as error:
                    return error
                return None

        with ThreadPoolExecutor(len(actions)) as pool:
            return [error for error in pool.map(act, actions) if error]

    return run


def test_of_two_owners_who_demote_each_other_one_remains(call, owner, ids, join, at_once):
    pair = [ids.user_id, join("owner")]
    demote = MemberChanges(role=Role.MANAGER)
    actions = [partial(members.change, pair[1], demote, by=pair[0])]
    actions += [partial(members.change, pair[0], demote, by=pair[1])]
    refused = at_once([lambda store, act=act: act(members=store) for act in actions])
    assert [type(error) for error in refused] == [ForbiddenError]
    roles = [m["role"] for m in call("GET", MEMBERS, owner).body["items"]]
    assert sorted(roles) == ["manager", "owner"]


def test_of_owners_who_all_leave_at_once_one_remains(ids, join, at_once, tenant):
    owners = [ids.user_id, *(join("owner") for _ in range(4))]
    refused = at_once([lambda store, me=me: members.remove(me, store, by=me) for me in owners])
    assert [type(error) for error in refused] == [members.LastOwnerError]
    assert PostgresMembers(tenant(ids.workspace_id)).count_owners() == 1


@pytest.fixture
def full(ids, as_role, tenant) -> set[str]:
    """Fill the workspace with something of everything; the tables that name a creator."""
    FullWorkspace(as_role, tenant(ids.workspace_id), ids.user_id, ids.creator_id).fill()
    rows = as_role("master").execute(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
        " AND a.attname = 'creator_id' AND NOT a.attisdropped"
        " AND has_any_column_privilege('app', c.oid, 'SELECT')"
    )
    return {row[0] for row in rows} | {"creators"}


def test_a_chatter_reads_no_row_of_a_creator_that_is_not_theirs(full, ids, tenant):
    assert len(full) > 20
    scopes: dict[str, list[UUID] | None] = {"all": None, "mine": [ids.creator_id]}
    scopes |= {"another": [new_id()], "none": []}
    for table in sorted(full):
        column = "id" if table == "creators" else "creator_id"
        query = sql.SQL("SELECT count(*) FROM {} WHERE {} IS NOT NULL").format(
            sql.Identifier(table), sql.Identifier(column)
        )
        seen = {}
        for name, creators in scopes.items():
            # Who would read every row of their own.
            own = tenant(ids.workspace_id, creators, ids.user_id)
            with own.transaction() as connection:
                seen[name] = connection.execute(query).fetchone()[0]
        assert seen["all"] == seen["mine"] > 0, table
        assert seen["another"] == seen["none"] == 0, table


def test_a_chatter_writes_no_row_of_a_creator_that_is_not_theirs(full, ids, tenant):
    tried = 0
    for table in sorted(full):
        identifier = sql.Identifier(table)
        for verb, statement in (
            ("UPDATE", sql.SQL("UPDATE {} SET workspace_id = workspace_id").format(identifier)),
            ("DELETE", sql.SQL("DELETE FROM {}").format(identifier)),
        ):
            try:
                own = tenant(ids.workspace_id, [new_id()], ids.user_id)
                with own.transaction() as connection:
                    assert connection.execute(statement).rowcount == 0, (table, verb)
                tried += 1
            except psycopg.errors.InsufficientPrivilege:
                pass
    assert tried > 10


def test_who_may_answer_a_creators_fans_no_more_looks_after_none(ids, owner, call, join, tenant):
    def fans() -> list[UUID]:
        with tenant(ids.workspace_id).transaction() as connection:
            found = connection.execute(
                "SELECT assigned_to FROM fans WHERE assigned_to IS NOT NULL"
            ).fetchall()
        return [row[0] for row in found]

    scoped, demoted, kept = join(), join(), join()
    with tenant(ids.workspace_id).transaction() as connection:
        other = new_id()
        connection.execute(
            "INSERT INTO creators (workspace_id, id, platform, handle, display_name)"
            " VALUES (%s, %s, 'fan_platform', 'other', 'Other')",
            (ids.workspace_id, other),
        )
        for number, member in enumerate((scoped, demoted, kept)):
            connection.execute(
                "INSERT INTO fans (workspace_id, creator_id, handle, assigned_to)"
                " VALUES (%s, %s, %s, %s)",
                (ids.workspace_id, ids.creator_id, f"fan-{number}", member),
            )
    for member, changes in (
        (scoped, {"creator_ids": [str(other)]}),
        (demoted, {"role": "analyst"}),
        (kept, {"role": "manager"}),
    ):
        answer = call("PATCH", f"{MEMBERS}/{member}", owner, changes)
        assert answer.status == 200, answer.body
    assert fans() == [kept]
