"""Passwords of roles replaced on a real server, while clients come and go."""

import json
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import psycopg
import pytest
from moto import mock_aws
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool

from browser_worker.process import _open_pool
from functions.role_passwords import handler as door
from functions.role_passwords import service
from functions.role_passwords.models import Login, RotationRequest, Step
from huntaze import clients, db
from huntaze.entry import UnhandledError
from huntaze.settings import DatabaseSettings, load
from local.postgres import EmbeddedPostgres
from local.processes import free_port

ROLE = "app"


class Stage:
    """A server with one role, the secrets of the role and of the owner."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._rotations = 0
        server.set_password("huntaze", "owner")
        self.master = conninfo_to_dict(server.dsn("owner"))
        owner = psycopg.connect(server.dsn("owner"), autocommit=True)
        with owner as connection:
            connection.execute("CREATE ROLE app LOGIN PASSWORD 'first'")
        self.secrets = boto3.client("secretsmanager")
        address = {"host": "127.0.0.1", "port": server.port, "dbname": "huntaze"}
        self.master_arn = self._secret(
            "master", {"username": "huntaze", "password": "owner", **address}
        )
        self.arn = self._secret("app", {"username": ROLE, "password": "first"})
        self.settings = DatabaseSettings(
            database_host="127.0.0.1",
            database_port=server.port,
            database_name="huntaze",
            database_tls="disable",
            database_secret_arn=self.arn,
        )

    def read(self, arn: str) -> dict[str, str]:
        """What a secret holds now."""
        found = self.secrets.get_secret_value(SecretId=arn, VersionStage="AWSCURRENT")
        value: dict[str, str] = json.loads(found["SecretString"])
        return value

    def begin(self) -> str:
        """Do what Secrets Manager does before the first step; returns the token."""
        self._rotations += 1
        return f"{self._rotations:032}"

    def _secret(self, name: str, value: dict[str, object]) -> str:
        arn: str = self.secrets.create_secret(Name=name, SecretString=json.dumps(value))["ARN"]
        return arn


@pytest.fixture
def stage(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    # A server of its own: passwords belong to the whole cluster.
    folder = tmp_path_factory.mktemp("rotating")
    server = EmbeddedPostgres(folder, free_port(), durable=False, dies_with_parent=True)
    for name, value in (
        ("ACCESS_KEY_ID", "x"),
        ("SECRET_ACCESS_KEY", "x"),
        ("REGION", "us-east-1"),
    ):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        clients._client.cache_clear()
        server.start()
        try:
            made = Stage(server)
            # On AWS the current version is the one that is read; moto has to be told so.
            monkeypatch.setattr(clients, "secret_json", made.read)
            monkeypatch.setenv("DATABASE_TLS", "disable")
            monkeypatch.setenv("MASTER_SECRET_ARN", made.master_arn)
            monkeypatch.setenv("ROLE_SECRET_ARNS", json.dumps({ROLE: made.arn}))
            load.cache_clear()
            yield made
        finally:
            server.stop()
            clients._client.cache_clear()
            load.cache_clear()


@pytest.fixture
def step(stage: Stage, lambda_context: SimpleNamespace) -> Callable[..., None]:
    def do(name: Step, token: str, arn: str | None = None) -> None:
        event: dict[str, Any] = {
            "Step": name.value,
            "SecretId": arn or stage.arn,
            "ClientRequestToken": token,
        }
        door.handler(event, lambda_context)

    return do


@pytest.fixture
def rotate(stage: Stage, step: Callable[..., None]) -> Callable[[], None]:
    def do() -> None:
        token = stage.begin()
        for name in Step:
            step(name, token)

    return do


def test_a_rotation_ends_with_a_password_that_works_and_an_old_one_that_does_not(
    stage: Stage, rotate: Callable[[], None]
) -> None:
    old = stage.read(stage.arn)["password"]
    rotate()
    new = stage.read(stage.arn)
    assert new["username"] == ROLE
    assert len(new["password"]) == service.LENGTH
    with db.connect(stage.settings) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (ROLE,)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(**{**db.login(stage.settings), "password": old})


def test_every_step_may_be_repeated(stage: Stage, step: Callable[..., None]) -> None:
    token = stage.begin()
    for name in Step:
        step(name, token)
        step(name, token)
    db.connect(stage.settings).close()
    versions = stage.secrets.describe_secret(SecretId=stage.arn)["VersionIdsToStages"]
    assert "AWSCURRENT" in versions[token]


def test_a_connection_in_the_midst_of_a_rotation_waits_for_its_end(
    stage: Stage, step: Callable[..., None]
) -> None:
    token = stage.begin()
    for name in (Step.CREATE, Step.SET, Step.TEST):
        step(name, token)
    # The server knows the new password, the secret still has the old one.
    end = threading.Timer(0.5, step, (Step.FINISH, token))
    end.start()
    db.connect(stage.settings).close()
    end.join()


def test_running_clients_survive_rotation_after_rotation(
    stage: Stage, rotate: Callable[[], None]
) -> None:
    """One long-lived connection, one that is opened each time, and the worker's pool."""
    failures: list[Exception] = []
    over = threading.Event()
    lasting = db.connect(stage.settings)
    pool: ConnectionPool = _open_pool(stage.settings, 3)

    def work(ask: Callable[[], None]) -> None:
        while not over.is_set():
            try:
                ask()
            except Exception as error:
                failures.append(error)

    def ask_anew() -> None:
        with db.connect(stage.settings) as connection:
            connection.execute("SELECT 1")

    def ask_the_pool() -> None:
        with pool.connection() as connection:
            connection.execute("SELECT 1")
            # The next one is a new connection with the password of today.
            connection.close()

    asks = (lambda: lasting.execute("SELECT 1"), ask_anew, ask_the_pool)
    threads = [threading.Thread(target=work, args=(ask,)) for ask in asks]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            rotate()
    finally:
        over.set()
        for thread in threads:
            thread.join()
        pool.close()
        lasting.close()
    assert failures == []


def test_a_deployment_that_set_the_old_password_meanwhile_is_put_right(
    stage: Stage, step: Callable[..., None]
) -> None:
    token = stage.begin()
    for name in (Step.CREATE, Step.SET, Step.TEST):
        step(name, token)
    with psycopg.connect(make_conninfo(**stage.master), autocommit=True) as owner:  # type: ignore[arg-type]
        owner.execute("ALTER ROLE app PASSWORD 'first'")
    step(Step.FINISH, token)
    db.connect(stage.settings).close()


def test_another_secret_is_none_of_its_business(stage: Stage, step: Callable[..., None]) -> None:
    with pytest.raises((service.NotOursError, UnhandledError)):
        step(Step.CREATE, stage.begin(), stage.master_arn)


def test_a_secret_that_names_another_role_is_left_alone() -> None:
    class Wrong:
        def current(self) -> Login:
            """Another's."""
            return Login(username="relay", password="p")

    request = RotationRequest(Step=Step.CREATE, SecretId="arn", ClientRequestToken="t")
    with pytest.raises(service.NotOursError):
        service.rotate(request, Wrong(), None, role="app", make_password=str)  # type: ignore[arg-type]
