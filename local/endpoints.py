"""``endpoints.json``: where everything is, for people, tests and the demo.

``make run`` writes it, the worker's supervisor keeps ``worker_pid`` current, the demo adds the
account that it made. Each changes its own keys under a lock.
"""

import fcntl
import json
from pathlib import Path
from typing import Any

from local.processes import write_atomically

# Shown in this order.
_KEYS = (
    "api_url",
    "docs_url",
    "realtime_url",
    "fan_platform_url",
    "identity_provider_url",
    "model_provider_url",
    "stripe_url",
    "aws_endpoint_url",
    "database_url",
    "worker_pid",
    "log_dir",
    "demo",
)


def path_in(data_dir: Path) -> Path:
    """Return where the endpoints of the local cloud in ``data_dir`` are written."""
    return data_dir / "endpoints.json"


def read(data_dir: Path) -> dict[str, Any]:
    """Return the endpoints; empty before the first deployment."""
    try:
        endpoints: dict[str, Any] = json.loads(path_in(data_dir).read_text())
    except FileNotFoundError:
        return {}
    return endpoints


def update(data_dir: Path, **changes: object) -> dict[str, Any]:
    """Change some keys, keep the others, and return the whole."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "endpoints.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        endpoints = {**dict.fromkeys(_KEYS), **read(data_dir), **changes}
        write_atomically(path_in(data_dir), json.dumps(endpoints, indent=2) + "\n")
    return endpoints
