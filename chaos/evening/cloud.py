"""A whole local cloud for one evening: own ports, own data, gone afterwards."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from huntaze.db import Connection
from local import endpoints
from local.postgres import EmbeddedPostgres
from local.processes import free_port
from local.settings import ROOT, LocalSettings

_SERVERS = ("AWS", "POSTGRES", "FAN_PLATFORM", "MODEL_PROVIDER", "STRIPE", "IDENTITY_PROVIDER")


@dataclass(frozen=True)
class Cloud:
    """A cloud that is up.

    Args:
        settings: Its ports and folders.
        endpoints: Where everything answers.
        postgres: Its database server, to be struck and started again.
    """

    settings: LocalSettings
    endpoints: dict[str, Any]
    postgres: EmbeddedPostgres

    @property
    def api_url(self) -> str:
        """Where the public API answers."""
        return str(self.endpoints["api_url"])

    @property
    def truth_path(self) -> Path:
        """The file in which the platform keeps what it accepted."""
        return self.settings.fan_platform_dir / "fan_platform.sqlite3"

    @property
    def database_url(self) -> str:
        """The address of one who sees every row."""
        return self.postgres.superuser_dsn()

    @property
    def app_url(self) -> str:
        """The address of one who sees what a function sees."""
        return make_conninfo(self.database_url, options="-c role=app")

    def worker_pid(self) -> int | None:
        """The browser worker's process, which changes whenever it dies."""
        pid = endpoints.read(self.settings.data_dir).get("worker_pid")
        return int(pid) if pid else None

    def connect(self) -> Connection:
        """Open a connection that sees every row."""
        return psycopg.connect(self.database_url, autocommit=True, prepare_threshold=None)


@contextmanager
def running_cloud(data_dir: Path) -> Iterator[Cloud]:
    """Run a cloud while the block lasts.

    Args:
        data_dir: An empty folder.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "HUNTAZE_DATA": str(data_dir),
        **{f"{name}_PORT": str(free_port()) for name in _SERVERS},
    }
    environment.pop("HUNTAZE_PORT_BASE", None)
    settings = LocalSettings.from_environment(environment)

    def command(*words: str) -> None:
        with (data_dir.parent / "cloud.log").open("a") as log:
            subprocess.run(
                [sys.executable, "-m", "local", *words],
                cwd=ROOT,
                env=environment,
                check=True,
                stdout=log,
                stderr=log,
            )

    try:
        command("run", "--no-demo")
        postgres = EmbeddedPostgres(
            settings.postgres_dir,
            settings.postgres_port,
            log_path=settings.log_dir / "postgres.log",
        )
        yield Cloud(settings, endpoints.read(data_dir), postgres)
    finally:
        command("reset")
