"""A sign of life that another process can read: a file that the worker's loop touches."""

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

# A turn of the loop takes a few seconds. After this long it hangs: a lane's lease is over, and
# another worker has the lane.
STALE_SECONDS = 60


def path() -> Path:
    """Where the file is, for the worker and for who asks after it."""
    named = os.environ.get("HEARTBEAT_FILE")
    return Path(named) if named else Path(tempfile.gettempdir()) / "browser_worker.heartbeat"


def beat() -> None:
    """Say that the loop turns."""
    # A full disk is not worth the lanes in hand: the beat grows old, and ECS asks for the end.
    with suppress(OSError):
        path().touch()


def age() -> float | None:
    """How long ago the last beat was in seconds; None before the first."""
    try:
        return max(0.0, time.time() - path().stat().st_mtime)
    except FileNotFoundError:
        return None
