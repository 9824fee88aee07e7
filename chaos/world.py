"""The servers that a run needs, all real: Postgres, the AWS side, the fan platform."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo

from chaos.impatience import LEASE_SECONDS
from functions.migrate.repository import PostgresSchema, read_migrations
from functions.migrate.service import LOGIN_ROLES, bring_up_to_date
from huntaze import clients
from huntaze.db import Connection
from huntaze.ids import new_id
from local import aws, processes
from local.fan_platform.client import running_platform
from local.postgres import DATABASE, MASTER_ROLE, EmbeddedPostgres
from local.processes import LocalCloudError
from local.settings import HOST, ROOT, LocalSettings

SESSIONS_TABLE = "huntaze-of-sessions"


@dataclass
class World:
    """Everything outside the workers; each scene has a corner of it to itself."""

    settings: LocalSettings
    postgres: EmbeddedPostgres
    addresses: dict[str, str]
    workspace_id: UUID
    sessions_key_arn: str
    worker_secret_arn: str
    scratch: Path = field(default_factory=Path)

    def connect(self, role: str) -> Connection:
        """Open a connection with a role; ``superuser`` sees every row."""
        return psycopg.connect(self.addresses[role], autocommit=True, prepare_threshold=None)

    def worker_environment(self, queue_url: str) -> dict[str, str]:
        """Return the environment of a worker that listens to a queue."""
        return {
            **aws.root_environment(self.settings),
            "PYTHONPATH": os.pathsep.join(
                str(ROOT / folder) for folder in (".", "layers/common/python", "containers")
            ),
            "PYTHONUNBUFFERED": "1",
            "STAGE": "chaos",
            "LANES_QUEUE_URL": queue_url,
            "OF_SESSIONS_TABLE": SESSIONS_TABLE,
            "SESSIONS_KEY_ARN": self.sessions_key_arn,
            "SCREENSHOTS_BUCKET": "none",
            "SITE_BASE_URLS": f'{{"fan_platform": "{self.settings.fan_platform_url}"}}',
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "DATABASE_HOST": HOST,
            "DATABASE_PORT": str(self.settings.postgres_port),
            "DATABASE_NAME": DATABASE,
            "DATABASE_TLS": "disable",
            "DATABASE_SECRET_ARN": self.worker_secret_arn,
            **_chromium(),
        }

    def back_up(self) -> Path:
        """Keep the data of Postgres as they are now; clients meet a restart."""
        kept = self.scratch / "backup"
        shutil.rmtree(kept, ignore_errors=True)
        self._swap(self.postgres.data_dir, kept)
        return kept

    def restore(self, kept: Path) -> None:
        """Go back to a backup: what was committed since is gone."""
        self._swap(kept, self.postgres.data_dir)

    def _swap(self, source: Path, target: Path) -> None:
        self.postgres.stop()
        # With owners and modes: Postgres is not us.
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run(["cp", "-a", str(source), str(target)], check=True)
        self.postgres.start()

    def crash_postgres(self) -> None:
        """End Postgres as a failure of its machine does, and start it again."""
        pid = self.postgres.pid
        if pid is None:
            raise LocalCloudError("Postgres does not run.")
        # Immediate shutdown: no goodbye to clients, no checkpoint, recovery from the log.
        os.kill(pid, signal.SIGQUIT)
        if not processes.wait_until(lambda: self.postgres.pid is None, 10):
            raise LocalCloudError("Postgres did not end.")
        self.postgres.stop()
        self.postgres.start()


@contextmanager
def running_world(scratch: Path, port_base: int) -> Iterator[World]:
    """Run all servers while the block lasts.

    Args:
        scratch: An empty folder for data and logs.
        port_base: The first of three ports.
    """
    settings = LocalSettings(
        data_dir=scratch,
        aws_port=port_base,
        postgres_port=port_base + 1,
        fan_platform_port=port_base + 2,
        model_provider_port=port_base + 3,
        stripe_port=port_base + 4,
        identity_provider_port=0,
        wait_scale="1",
    )
    for port in range(port_base, port_base + 3):
        if not processes.port_is_free(port):
            raise LocalCloudError(f"Port {port} is taken by {processes.who_listens(port)}.")
    with ExitStack() as stack:
        server = aws.start(settings)
        stack.callback(processes.end_tree, server.pid)
        postgres = EmbeddedPostgres(
            settings.postgres_dir, settings.postgres_port, dies_with_parent=True
        )
        stack.callback(postgres.stop)
        addresses = _migrated(postgres)
        stack.enter_context(running_platform(settings.fan_platform_dir, settings.fan_platform_port))
        aws.wait_for(settings, server)
        # The clients of `huntaze` read these when they are first used.
        os.environ.update(
            {name: value for name, value in aws.root_environment(settings).items() if "AWS" in name}
        )
        yield World(
            settings=settings,
            postgres=postgres,
            addresses=addresses,
            workspace_id=_workspace(addresses["superuser"]),
            sessions_key_arn=clients.kms().create_key()["KeyMetadata"]["Arn"],
            worker_secret_arn=_prepare_aws(addresses["worker"]),
            scratch=scratch,
        )


def _migrated(postgres: EmbeddedPostgres) -> dict[str, str]:
    postgres.start()
    password = secrets.token_hex(16)
    postgres.set_password(MASTER_ROLE, password)
    master = postgres.dsn(password)
    passwords = {role: secrets.token_hex(16) for role in LOGIN_ROLES}
    with psycopg.connect(master, autocommit=True) as connection:
        schema = PostgresSchema(connection)
        bring_up_to_date(schema, read_migrations(ROOT / "migrations"), passwords)
    roles = {
        role: make_conninfo(master, user=role, password=secret)
        for role, secret in passwords.items()
    }
    return {"superuser": postgres.superuser_dsn(DATABASE), **roles}


def _workspace(superuser: str) -> UUID:
    workspace_id = new_id()
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO workspaces (id, name, plan, plan_until)"
            " VALUES (%s, 'Chaos', 'agency', NULL)",
            (workspace_id,),
        )
    return workspace_id


def _prepare_aws(worker_address: str) -> str:
    """Make what the stacks would, as far as the worker uses it; return its database secret."""
    clients.dynamodb().create_table(
        TableName=SESSIONS_TABLE,
        KeySchema=[{"AttributeName": "creator_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "creator_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    password = psycopg.conninfo.conninfo_to_dict(worker_address)["password"]
    secret = clients.secrets().create_secret(
        Name="chaos/database/worker",
        SecretString=f'{{"username": "worker", "password": "{password}"}}',
    )
    return secret["ARN"]


def _chromium() -> dict[str, str]:
    named = os.environ.get("CHROMIUM_EXECUTABLE")
    found = ROOT / ".tools" / "chromium-executable"
    if named is None and found.is_file():
        named = found.read_text().strip()
    return {"CHROMIUM_EXECUTABLE": named} if named else {}
