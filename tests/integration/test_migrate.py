"""Migrating a real database as a master user who is no superuser."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from functions.migrate import gateway, handler
from functions.migrate.repository import apply_migrations
from functions.migrate.service import LOGIN_ROLES, ChangedMigrationError
from huntaze.db import Connection
from huntaze.settings import load

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


@pytest.fixture
def fresh_database(database: Mapping[str, str]) -> Iterator[str]:
    """A database without a schema; its owner is the master user."""
    with psycopg.connect(database["master"], autocommit=True) as connection:
        connection.execute("CREATE DATABASE fresh")
        try:
            yield make_conninfo(database["master"], dbname="fresh")
        finally:
            connection.execute("DROP DATABASE fresh WITH (FORCE)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (id int);\nSELECT '100%';")
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE second (id int);")
    return tmp_path


@pytest.fixture
def cloud(
    database: Mapping[str, str], fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Secrets of the master user and of the roles; returns each role's password."""
    master = conninfo_to_dict(fresh_database)
    # Passwords belong to the cluster: other tests of this run still log in with these.
    passwords = {role: str(conninfo_to_dict(database[role])["password"]) for role in LOGIN_ROLES}
    stored: dict[str, dict[str, str]] = {
        "arn:master": {
            "username": str(master["user"]),
            "password": str(master["password"]),
            "host": str(master["host"]),
            "port": str(master["port"]),
            "dbname": "fresh",
        }
    }
    stored |= {f"arn:{r}": {"username": r, "password": p} for r, p in passwords.items()}
    monkeypatch.setattr(gateway.clients, "secret_json", stored.__getitem__)
    monkeypatch.setenv("MASTER_SECRET_ARN", "arn:master")
    monkeypatch.setenv("DATABASE_TLS", "disable")
    monkeypatch.setenv("ROLE_SECRET_ARNS", json.dumps({r: f"arn:{r}" for r in LOGIN_ROLES}))
    load.cache_clear()
    return passwords


@pytest.fixture
def cloudformation() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Where CloudFormation listens for answers, and what it was told."""
    answers: list[dict[str, Any]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answers.append({"content_type": self.headers["Content-Type"], **body})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/answer", answers
    server.shutdown()
    server.server_close()


@pytest.fixture
def custom_resource() -> Callable[..., dict[str, Any]]:
    def make(request_type: str, **more: str) -> dict[str, Any]:
        return {
            "RequestType": request_type,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Schema",
            "ResourceProperties": {},
            **more,
        }

    return make


def test_the_master_user_of_these_tests_is_no_superuser(as_role: Callable[[str], Connection]):
    row = (
        as_role("master")
        .execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        .fetchone()
    )
    assert row == (False, False)


def test_applies_each_file_once(fresh_database: str, folder: Path):
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        assert apply_migrations(connection, folder) == ["0001_first.sql", "0002_second.sql"]
        assert apply_migrations(connection, folder) == []
        (folder / "0003_third.sql").write_text("CREATE TABLE third (id int);")
        assert apply_migrations(connection, folder) == ["0003_third.sql"]


def test_refuses_a_file_that_was_changed_after_it_was_applied(fresh_database: str, folder: Path):
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        apply_migrations(connection, folder)
        (folder / "0001_first.sql").write_text("CREATE TABLE other (id int);")
        with pytest.raises(ChangedMigrationError, match=r"0001_first\.sql was changed"):
            apply_migrations(connection, folder)


def test_a_failing_file_leaves_nothing_and_keeps_the_ones_before(fresh_database: str, folder: Path):
    (folder / "0002_second.sql").write_text("CREATE TABLE second (id int); SELECT 1 / 0;")
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            apply_migrations(connection, folder)
        found = connection.execute("SELECT to_regclass('first'), to_regclass('second')").fetchone()
    assert found == ("first", None)


def test_two_deployments_at_once_apply_each_file_once(fresh_database: str, folder: Path):
    (folder / "0001_first.sql").write_text("SELECT pg_sleep(0.2); CREATE TABLE first (id int);")
    applied: list[str] = []

    def deploy() -> None:
        with psycopg.connect(fresh_database, autocommit=True) as connection:
            applied.extend(apply_migrations(connection, folder))

    threads = [threading.Thread(target=deploy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied) == ["0001_first.sql", "0002_second.sql"]


def test_refuses_to_run_without_its_files(fresh_database: str, tmp_path: Path):
    with (
        psycopg.connect(fresh_database, autocommit=True) as connection,
        pytest.raises(FileNotFoundError),
    ):
        apply_migrations(connection, tmp_path)


def test_whom_a_removal_had_stranded_is_forgotten(
    database: Mapping[str, str], fresh_database: str, tmp_path: Path
):
    for file in MIGRATIONS.glob("*.sql"):
        if file.name < "0077":
            shutil.copy(file, tmp_path)
    with (
        psycopg.connect(fresh_database, autocommit=True) as master,
        psycopg.connect(make_conninfo(database["identity"], dbname="fresh")) as identity,
        psycopg.connect(make_conninfo(database["operations"], dbname="fresh")) as operations,
    ):
        apply_migrations(master, tmp_path)
        identity.execute(
            "INSERT INTO users (id, email, name, email_verified_at)"
            " SELECT uuid7(), name || '@example.com', name, now()"
            " FROM unnest(ARRAY['member', 'operator', 'stranded']) name"
        )
        identity.execute("INSERT INTO workspaces (id, name) VALUES (uuid7(), 'Test')")
        identity.execute(
            "INSERT INTO members (workspace_id, user_id, role)"
            " SELECT w.id, u.id, 'owner' FROM workspaces w, users u WHERE u.name = 'member'"
        )
        identity.commit()
        operations.execute("SELECT set_platform_operator('operator@example.com', true, 'a', 'b')")
        operations.commit()
        shutil.copy(MIGRATIONS / "0077_stranded.sql", tmp_path)
        assert apply_migrations(master, tmp_path) == ["0077_stranded.sql"]
        left = identity.execute("SELECT name FROM users ORDER BY name").fetchall()
    assert left == [("member",), ("operator",)]


@pytest.mark.usefixtures("cloud")
def test_the_resource_builds_the_schema_and_lets_every_role_log_in(
    cloud: dict[str, str], fresh_database: str, custom_resource: Callable[..., dict[str, Any]]
):
    result = handler.handler(custom_resource("Create", ResponseURL="..."), None)
    assert result["PhysicalResourceId"] == "huntaze-schema"
    assert "0001_foundation.sql" in result["Data"]["applied"]
    assert set(result["Data"]["roles"].split(",")) == LOGIN_ROLES
    for role, password in cloud.items():
        with psycopg.connect(make_conninfo(fresh_database, user=role, password=password)) as login:
            assert login.execute("SELECT current_user").fetchone() == (role,)

    again = handler.handler(custom_resource("Update"), None)
    assert again["Data"]["applied"] == ""


@pytest.mark.usefixtures("cloud")
def test_answers_cloudformation(
    cloudformation: tuple[str, list[dict[str, Any]]],
    custom_resource: Callable[..., dict[str, Any]],
):
    address, answers = cloudformation
    handler.handler(custom_resource("Create", ResponseURL=address), None)
    assert answers[0]["Status"] == "SUCCESS"
    assert answers[0]["PhysicalResourceId"] == "huntaze-schema"
    assert answers[0]["RequestId"] == "request"
    assert answers[0]["content_type"] == ""


@pytest.mark.usefixtures("cloud")
def test_a_failure_is_answered_once_and_not_raised(
    cloudformation: tuple[str, list[dict[str, Any]]],
    custom_resource: Callable[..., dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    address, answers = cloudformation
    (tmp_path / "0001_broken.sql").write_text("SELECT 1 / 0")
    monkeypatch.setattr(handler, "MIGRATIONS", tmp_path)
    handler.handler(custom_resource("Create", ResponseURL=address), None)
    assert [answer["Status"] for answer in answers] == ["FAILED"]
    assert "division by zero" in answers[0]["Reason"]
    # Without an address to answer to, the caller is the provider: it wants the exception.
    with pytest.raises(handler.MigrationFailedError, match="DivisionByZero: division by zero"):
        handler.handler(custom_resource("Create"), None)


def test_deleting_the_resource_touches_nothing(custom_resource: Callable[..., dict[str, Any]]):
    event = custom_resource("Delete", PhysicalResourceId="huntaze-schema")
    assert handler.handler(event, None) == {"PhysicalResourceId": "huntaze-schema", "Data": {}}
