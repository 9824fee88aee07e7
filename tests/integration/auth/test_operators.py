"""Operators of the platform: made by an order alone, above workspaces, and over at once."""

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import psycopg
import pytest
from botocore.exceptions import EndpointConnectionError

from functions.operators.api import handler as api
from functions.operators.grants import handler as grants
from huntaze import clients
from huntaze.db import Connection, SingleConnection, Tenant
from huntaze.ids import new_id
from huntaze.settings import load

GRANT = {"action": "grant", "by": "ops@example.com", "reason": "on call"}
REVOKE = {**GRANT, "action": "revoke", "reason": "left"}
HEALTH = "/api/health/hybrid-orchestrator"


@pytest.fixture
def order(as_role, monkeypatch, lambda_context) -> Callable[..., dict[str, Any]]:
    source = SingleConnection(lambda: as_role("operations"))
    monkeypatch.setattr(grants, "database", lambda: source)
    return lambda event: grants.handler(event, lambda_context)


@pytest.fixture
def circuits() -> Mock:
    """The table of breakers: no model has ever failed."""
    made = Mock()
    made.get_paginator.return_value.paginate.return_value = []
    return made


@pytest.fixture
def ask_health(
    as_role, monkeypatch, api_event, lambda_context, circuits
) -> Callable[..., tuple[int, Any]]:
    source = SingleConnection(lambda: as_role("auditor"))
    monkeypatch.setattr(api, "database", lambda: source)
    monkeypatch.setenv("CIRCUIT_BREAKERS_TABLE", "breakers")
    load.cache_clear()
    monkeypatch.setattr(clients, "dynamodb", lambda: circuits)

    def ask(context: dict[str, str]) -> tuple[int, Any]:
        answer = api.handler(api_event("GET", HEALTH, principal=context), lambda_context)
        return int(answer["statusCode"]), json.loads(answer["body"])

    return ask


@pytest.fixture
def leave(as_role: Callable[[str], Connection]) -> Callable[[Any], None]:
    """Take somebody out of their only workspace, and their sessions with it."""

    def make(account: Any) -> None:
        owner = as_role("app")
        with owner.transaction():
            owner.execute(
                "SELECT set_config('app.workspace_id', %s, true)", (account["workspace"]["id"],)
            )
            owner.execute("DELETE FROM members WHERE user_id = %s", (account["user"]["id"],))

    return make


def test_only_an_address_that_was_verified_can_have_the_role(register, order):
    email = register().body["user"]["email"]
    assert order({**GRANT, "email": email}) == {"outcome": "unknown"}
    assert order({**GRANT, "email": "nobody@example.com"}) == {"outcome": "unknown"}


def test_the_role_counts_from_the_next_request_on_and_ends_so(member, order, admit, ask_health):
    account = member().body
    email, token = account["user"]["email"], account["access_token"]
    status, body = ask_health(admit(token))
    assert (status, body["error"]) == (403, "Forbidden")
    assert order({**GRANT, "email": email.upper()}) == {"outcome": "granted"}
    assert order({**GRANT, "email": email}) == {"outcome": "unchanged"}
    context = admit(token)
    assert (context["operator"], context["role"]) == ("true", "owner")
    assert ask_health(context)[0] == 200
    assert order({**REVOKE, "email": email}) == {"outcome": "revoked"}
    assert ask_health(admit(token))[0] == 403


def test_an_operator_in_no_workspace_logs_in_and_is_out_when_the_role_ends(
    member, order, leave, log_in, call, admit, refresh, ask_health
):
    account = member().body
    email = account["user"]["email"]
    order({**GRANT, "email": email})
    leave(account)
    found = log_in(email)
    assert found.status == 200
    assert (found.body["workspace"], found.body["role"]) == (None, None)
    context = admit(found.body["access_token"])
    assert "workspace_id" not in context
    assert ask_health(context)[0] == 200
    me = call("GET", "/me", principal=context)
    assert (me.status, me.body["operator"], me.body["workspace"]) == (200, True, None)
    assert len(call("GET", "/sessions", principal=context).body["items"]) == 1
    renewed = refresh(found.body["refresh_token"])
    assert renewed.status == 200
    order({**REVOKE, "email": email})
    with pytest.raises(Exception, match="Unauthorized"):
        admit(renewed.body["access_token"])
    assert log_in(email).status == 401
    assert refresh(renewed.body["refresh_token"]).status == 401


def test_who_leaves_the_last_workspace_and_is_no_operator_stays_out(member, leave, log_in):
    account = member().body
    leave(account)
    assert log_in(account["user"]["email"]).status == 401


def test_each_change_is_kept_with_who_ordered_it(member, order, as_role):
    account = member().body
    email = account["user"]["email"]
    for one in (GRANT, REVOKE, REVOKE):
        order({**one, "email": email})
    owner = as_role("master")
    owner.execute("SET ROLE gatekeeper")
    rows = owner.execute(
        "SELECT action, changed_by, reason FROM operator_changes WHERE user_id = %s ORDER BY id",
        (account["user"]["id"],),
    ).fetchall()
    assert rows == [
        ("granted", "ops@example.com", "on call"),
        ("revoked", "ops@example.com", "left"),
    ]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute("DELETE FROM operator_changes")


def test_lists_who_has_the_role(member, order):
    email = member().body["user"]["email"]
    order({**GRANT, "email": email})
    (found,) = [one for one in order({"action": "list"})["operators"] if one["email"] == email]
    assert (found["granted_by"], found["reason"]) == ("ops@example.com", "on call")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"action": "grant", "email": "a@example.com"},
        {**GRANT, "email": "a"},
        {"httpMethod": "GET"},
    ],
)
def test_an_unclear_order_changes_nothing_and_names_no_address(order, event):
    with pytest.raises(grants.UnclearOrderError) as refusal:
        order(event)
    assert "a@example.com" not in str(refusal.value)


@pytest.mark.parametrize(
    "role", ["app", "worker", "authorizer", "identity", "intake", "relay", "auditor", "mailer"]
)
def test_no_other_role_of_the_database_makes_operators(as_role, role):
    for statement in (
        "SELECT set_platform_operator('a@example.com', true, 'me', 'x')",
        "SELECT * FROM list_platform_operators()",
        "INSERT INTO platform_operators (user_id) VALUES (gen_random_uuid())",
        "DELETE FROM platform_operators",
        "SELECT * FROM operator_changes",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_role(role).execute(statement)


def test_the_role_behind_the_command_reads_no_table(as_role):
    for table in ("users", "platform_operators", "operator_changes", "sessions", "fans"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_role("operations").execute(f"SELECT * FROM {table}")


def test_health_tells_what_waits(ask_health, lone_operator, register):
    def told() -> dict[str, Any]:
        status, body = ask_health(lone_operator)
        assert status == 200
        return body

    before = {one["kind"]: one["waiting"] for one in told()["work"]}
    assert before.keys() == {"events", "imports", "mails", "orders", "webhooks"}
    register()
    after = told()
    mails = next(one for one in after["work"] if one["kind"] == "mails")
    assert mails["waiting"] == before["mails"] + 1
    assert mails["oldest_seconds"] >= 0
    assert after["migration"] >= "0024_operators.sql"
    assert after["lanes"].keys() == {"at_work", "stalled", "held_by_restore"}


def test_health_tells_which_models_are_asked(ask_health, lone_operator, circuits):
    open_one = {
        "circuit": {"S": "openai/gpt-6-luna"},
        "state": {"S": "open"},
        **{name: {"N": "0"} for name in ("failures", "failing_since", "pauses", "version")},
        "until": {"N": "1800000000.5"},
    }
    pages = circuits.get_paginator.return_value.paginate
    pages.return_value = [{"Items": []}, {"Items": [open_one]}]
    status, body = ask_health(lone_operator)
    assert (status, body["status"]) == (200, "degraded")
    states = {(one["provider"], one["model"]): one["state"] for one in body["breakers"]}
    assert states.pop(("openai", "gpt-6-luna")) == "open"
    assert {*states.values()} == {"closed"}
    assert ("azure_openai", "gpt-6-luna") in states
    (until,) = [one["until"] for one in body["breakers"] if one["state"] == "open"]
    assert until.startswith("2027-01-15T08:00:00.5")

    pages.side_effect = EndpointConnectionError(endpoint_url="https://dynamodb")
    status, body = ask_health(lone_operator)
    assert (status, body["status"], body["breakers"]) == (200, "degraded", None)


def test_health_tells_of_workflows_and_budgets_of_all_workspaces(
    ask_health, lone_operator, as_role, tenant_factory
):
    def told() -> tuple[dict[str, Any], dict[str, Any]]:
        body = ask_health(lone_operator)[1]
        return body["workflows"], body["budgets"]

    (flows, budgets), source = told(), SingleConnection(lambda: as_role("app"))
    two = [tenant_factory() for _ in range(2)]
    for ids in two:
        with Tenant(source, ids.workspace_id).transaction() as connection:
            for ending in ("running", "completed"):
                _workflow(connection, ids, ending)
            _spend(connection, ids.workspace_id)
    found, money = told()
    for ids in two:
        # Nothing is left for the sweeper of the campaigns' tests.
        with Tenant(source, ids.workspace_id).transaction() as connection:
            connection.execute("UPDATE workflows SET status = 'completed', finished_at = now()")
    assert found["running"] == flows["running"] + 2
    assert found["waiting"] == flows["waiting"] + 2
    assert found["queue_seconds"] >= 3600
    assert found["oldest_seconds"] >= 3600
    assert found["completed_today"] == flows["completed_today"] + 2
    assert found["failed_today"] == flows["failed_today"]
    assert found["last_success_at"] > (flows["last_success_at"] or "")
    assert money["spent_today_nanos"] == budgets["spent_today_nanos"] + 14
    assert money["reserved_nanos"] == budgets["reserved_nanos"] + 6
    assert money["workspaces_refused"] == budgets["workspaces_refused"] + 2


def _workflow(connection, ids, status):
    connection.execute(
        "INSERT INTO workflows (workspace_id, creator_id, status, request, forecast, requested_by,"
        " started_at, finished_at) VALUES (%s, %s, %s, '{}', '{}', %s, now() - interval '2 hours',"
        " CASE WHEN %s = 'running' THEN NULL ELSE clock_timestamp() END)",
        (ids.workspace_id, ids.creator_id, status, ids.user_id, status),
    )


def _spend(connection, workspace_id):
    connection.execute(
        "INSERT INTO ai_spending (workspace_id, period, starts_on, spent_nanos, reserved_nanos)"
        " SELECT %(whose)s, 'day', (clock_timestamp() AT TIME ZONE 'UTC')::date, 7, 3"
        " UNION ALL SELECT %(whose)s, 'month', usage_month(clock_timestamp()), 7, 3",
        {"whose": workspace_id},
    )
    for _ in range(2):
        connection.execute(
            "INSERT INTO ai_generations (workspace_id, id, task, agent, complexity, critical, tier,"
            " reason, hops, result) VALUES (%s, %s, 't', 'a', 1, false, 'economy', 'r', '{}',"
            " 'BudgetUsedUp')",
            (workspace_id, new_id()),
        )
