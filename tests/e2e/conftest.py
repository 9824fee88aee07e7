"""A whole local cloud of the tests' own: own ports, own data folder."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local import endpoints
from local.processes import free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    """Endpoints of a deployed local cloud; ended with the session."""
    data_dir = tmp_path_factory.mktemp("cloud") / "data"
    names = ("AWS", "POSTGRES", "FAN_PLATFORM", "MODEL_PROVIDER", "STRIPE", "IDENTITY_PROVIDER")
    ports = [f"{name}_PORT" for name in names]
    environment = {
        **os.environ,
        "HUNTAZE_DATA": str(data_dir),
        **{name: str(free_port()) for name in ports},
    }
    environment.pop("HUNTAZE_PORT_BASE", None)

    def command(*words: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "local", *words], cwd=ROOT, env=environment, check=True
        )

    try:
        command("run", "--no-demo")
        yield endpoints.read(data_dir) | {"data_dir": str(data_dir)}
    finally:
        command("reset")
