"""Fixtures that more than one kind of test uses."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from functions.migrate.repository import PostgresSchema, read_migrations
from functions.migrate.service import LOGIN_ROLES, bring_up_to_date
from huntaze.db import Connection, SingleConnection, Tenant
from huntaze.ids import new_id
from local.postgres import MASTER_ROLE, EmbeddedPostgres
from local.processes import free_port

ROOT = Path(__file__).resolve().parents[1]
# What costs most to set up, and is set up once: one of the processes runs all of it.
_TOGETHER = ("tests/e2e/", "tests/infrastructure/")


class _ByModule(LoadScopeScheduling):
    """Keeps the tests of a module, or of a folder, in one of the processes of ``make test``."""

    def _split_scope(self, nodeid: str) -> str:
        folders = [folder for folder in _TOGETHER if nodeid.startswith(folder)]
        return folders[0] if folders else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Share the tests out."""
    return _ByModule(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each fault of a model's provider came to, if that was tested."""
    lines = [
        str(line)
        for report in terminalreporter.getreports("passed")
        for name, line in report.user_properties
        if name == "fault"
    ]
    if lines:
        terminalreporter.section("faults of the providers of models")
        head = f"{'fault':<18} {'of':<13} {'came to':<25} {'s':>5} {'rows':>6} {'nano-USD':>10}"
        terminalreporter.write("\n".join([head, *lines, ""]))


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of this test session alone.

    Yields the address of its empty database ``huntaze``; the role in it is what the master user
    is on RDS: owner of the database, may create roles, no superuser.
    """
    folder: Path = tmp_path_factory.mktemp("postgres")
    server = EmbeddedPostgres(folder, free_port(), durable=False, dies_with_parent=True)
    server.start()
    try:
        password = secrets.token_hex(16)
        server.set_password(MASTER_ROLE, password)
        yield server.dsn(password)
    finally:
        server.stop()


@pytest.fixture(scope="session")
def database(postgres_server: str) -> Mapping[str, str]:
    """Addresses of a migrated database, by role; ``master`` is its owner."""
    passwords = {role: secrets.token_hex(16) for role in LOGIN_ROLES}
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        schema = PostgresSchema(connection)
        bring_up_to_date(schema, read_migrations(ROOT / "migrations"), passwords)
    addresses = {
        role: make_conninfo(postgres_server, user=role, password=password)
        for role, password in passwords.items()
    }
    return {"master": make_conninfo(postgres_server), **addresses}


@pytest.fixture
def as_role(database: Mapping[str, str]) -> Iterator[Callable[[str], Connection]]:
    """Open a connection in autocommit with one of the roles; closed when the test ends."""
    with ExitStack() as stack:

        def connect(role: str) -> Connection:
            return stack.enter_context(
                psycopg.connect(database[role], autocommit=True, prepare_threshold=None)
            )

        yield connect


@pytest.fixture
def tenant(as_role: Callable[[str], Connection]) -> Callable[..., Tenant]:
    """Make the transactions of a workspace, on a connection with the role ``app`` of their own."""

    def make(
        workspace_id: UUID, creators: list[UUID] | None = None, member: UUID | None = None
    ) -> Tenant:
        source = SingleConnection(lambda: as_role("app"))
        return Tenant(source, workspace_id, creators, member=member)

    return make


class TenantIds(NamedTuple):
    """Who a made workspace belongs to, and its creator."""

    workspace_id: UUID
    user_id: UUID
    creator_id: UUID


@pytest.fixture
def tenant_factory(
    as_role: Callable[[str], Connection], tenant: Callable[..., Tenant]
) -> Callable[..., TenantIds]:
    """Make a workspace with an owner and a creator; every call makes another one.

    The database is shared by the whole run: tests stay apart by their workspaces, not by undoing.
    """

    def make(*, platform: str = "fan_platform", role: str = "owner") -> TenantIds:
        ids = TenantIds(new_id(), new_id(), new_id())
        with as_role("identity") as connection, connection.transaction():
            connection.execute(
                "INSERT INTO users (id, email, name, password_hash) VALUES (%s, %s, 'Test', '')",
                (ids.user_id, f"{ids.user_id}@example.com"),
            )
            connection.execute(
                "INSERT INTO workspaces (id, name) VALUES (%s, 'Test')", (ids.workspace_id,)
            )
            connection.execute(
                "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, %s)",
                (ids.workspace_id, ids.user_id, role),
            )
        with tenant(ids.workspace_id).transaction() as connection:
            connection.execute(
                "INSERT INTO creators (workspace_id, id, platform, handle, display_name)"
                " VALUES (%s, %s, %s, %s, 'Test')",
                (ids.workspace_id, ids.creator_id, platform, f"test-{ids.creator_id}"),
            )
        return ids

    return make


@pytest.fixture
def lambda_context() -> SimpleNamespace:
    """What Lambda tells a function about its call, as far as handlers look at it."""
    return SimpleNamespace(
        function_name="test",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:test",
        aws_request_id=str(new_id()),
        get_remaining_time_in_millis=lambda: 30_000,
    )


@pytest.fixture
def api_event() -> Callable[..., dict[str, Any]]:
    """Make the event of a REST API call.

    ``body`` is anything that JSON has, or text that goes out as it is. ``principal`` is what the
    authorizer would have put into the context (see ``principal``); None is an anonymous call.
    """

    def make(
        method: str,
        path: str,
        *,
        body: object = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        principal: dict[str, str] | None = None,
        source_ip: str = "203.0.113.7",
    ) -> dict[str, Any]:
        sent = {"Content-Type": "application/json", "User-Agent": "test", **(headers or {})}
        context: dict[str, Any] = {
            "requestId": str(new_id()),
            "stage": "test",
            "resourcePath": path,
            "httpMethod": method,
            "path": path,
            "identity": {"sourceIp": source_ip},
        }
        if principal is not None:
            context["authorizer"] = principal
        return {
            "resource": path,
            "path": path,
            "httpMethod": method,
            "headers": sent,
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": query and {k: [v] for k, v in query.items()},
            "pathParameters": None,
            "stageVariables": None,
            "requestContext": context,
            "body": body if body is None or isinstance(body, str) else json.dumps(body),
            "isBase64Encoded": False,
        }

    return make


@pytest.fixture
def principal() -> Callable[..., dict[str, str]]:
    """Make the authorizer's context of a member; strangers to each other unless ids are given."""

    def make(
        workspace_id: UUID | None = None,
        *,
        user_id: UUID | None = None,
        role: str = "owner",
        creators: list[UUID] | None = None,
        plan: str = "trial",
        email_verified: bool = True,
        operator: bool = False,
    ) -> dict[str, str]:
        return {
            "user_id": str(user_id or new_id()),
            "workspace_id": str(workspace_id or new_id()),
            "session_id": str(new_id()),
            "role": role,
            "creators": "*" if creators is None else ",".join(map(str, creators)),
            "plan": plan,
            "email_verified": "true" if email_verified else "false",
            "operator": "true" if operator else "false",
        }

    return make


@pytest.fixture
def lone_operator() -> dict[str, str]:
    """The authorizer's context of an operator of the platform who is in no workspace."""
    return {
        **{name: str(new_id()) for name in ("user_id", "session_id")},
        **dict.fromkeys(("email_verified", "operator"), "true"),
    }
