"""One run of an import in a process of its own, with short times and a strike to carry out.

Strikes fall at a round trip to the database: before it, after it, or while it is on its way.
Between two of them only the memory of the process changes: these are all the moments there are.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import psycopg

from chaos.worker_main import follow_parent
from functions.fans.imports import handler
from functions.fans.imports.models import WakeUp

VARIABLE = "CHAOS_IMPORT"
LEASE_SECONDS = 1.5
CHUNK_RECORDS = 200
_PATIENCE_SECONDS = 30
_STALL_LIMIT = "SET LOCAL idle_in_transaction_session_timeout = '2s'"


@dataclass(frozen=True)
class ImportStrike:
    """What happens at the nth round trip."""

    nth: int
    moment: Literal["before", "during", "after"]
    signal: int = signal.SIGKILL


class RoundTrips:
    """Counts round trips, and strikes at one."""

    def __init__(self, strike: ImportStrike | None) -> None:
        self.count = 0
        self._strike = strike
        self._wait: Callable[..., Any] = psycopg.Connection.wait

    def wait(self, connection: Any, *given: Any, **more: Any) -> Any:  # noqa: ANN401
        """Take the place of ``psycopg.Connection.wait``."""
        self.count += 1
        struck = self._strike if self._strike and self._strike.nth == self.count else None
        if struck and struck.moment == "before":
            os.kill(os.getpid(), struck.signal)
        if struck and struck.moment == "during":
            # Statements take a few milliseconds here: now and then it is over before.
            threading.Timer(0.002, os.kill, (os.getpid(), struck.signal)).start()
        answer = self._wait(connection, *given, **more)
        if struck and struck.moment == "after":
            os.kill(os.getpid(), struck.signal)
        return answer


def main() -> None:
    """Work at the import that the environment names until a run has ended; write down how."""
    follow_parent()
    order = json.loads(os.environ[VARIABLE])
    wake_up = WakeUp.model_validate(order["wake_up"])
    trips = RoundTrips(order["strike"] and ImportStrike(**order["strike"]))

    def wait(*given: Any, **more: Any) -> Any:  # noqa: ANN401
        return trips.wait(*given, **more)

    with (
        patch.object(psycopg.Connection, "wait", wait),
        patch("functions.fans.imports.service.LEASE", timedelta(seconds=LEASE_SECONDS)),
        patch("functions.fans.imports.chunks.CHUNK_RECORDS", CHUNK_RECORDS),
        patch("functions.fans.imports.repository._STALL_LIMIT", _STALL_LIMIT),
    ):
        deadline = time.monotonic() + _PATIENCE_SECONDS
        # The one before is dead, but its lease is not over.
        while (end := handler.run(wake_up, seconds_left=lambda: 900)) == "not ours":
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
    Path(order["story"]).write_text(json.dumps({"end": end, "round_trips": trips.count}))


if __name__ == "__main__":
    main()
