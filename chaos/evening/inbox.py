"""Measures the lists of the inbox while an evening runs: a warm handler in turns with bare SQL.

A program of its own: what it measures must not wait for the threads that play the evening. It ends
with its input, and prints what it has found.
"""

import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import psycopg

from bench.inbox import LIMIT, LIMIT_MS, inbox_calls, milliseconds, p95, pair
from bench.load_requests import Call
from bench.scratch import Scratch
from chaos.evening.cast import Creator
from chaos.evening.cloud import Cloud
from local.settings import ROOT

type Ways = tuple[Callable[[], int], Callable[[], int]]

# A person at a front end: measuring must not be what is measured.
_PAUSE_SECONDS = 0.25
_WARM_UP = 5
_FEWEST = 40


class Figures(NamedTuple):
    """Milliseconds of every list, by the way that it took."""

    ours: list[float]
    bare: list[float]

    def line(self) -> str:
        """Tell the figures."""
        if len(self.ours) < _FEWEST:
            return f"inbox lists: only {len(self.ours)} could be measured"
        return (
            f"inbox lists at the handler: {len(self.ours)}, p95 {p95(self.ours):.1f} ms;"
            f" bare SQL p95 {p95(self.bare):.1f} ms; {self._ratio():.2f} x"
        )

    def findings(self) -> list[str]:
        """Tell what falls short of the bars."""
        if len(self.ours) < _FEWEST:
            return [self.line()]
        found = []
        if self._ratio() > LIMIT:
            found.append(f"inbox lists take {self._ratio():.2f} times the bare SQL at p95")
        if p95(self.ours) >= LIMIT_MS:
            found.append(f"inbox lists take {p95(self.ours):.0f} ms at p95")
        return found

    def _ratio(self) -> float:
        return p95(self.ours) / p95(self.bare)


class Meter:
    """The program at work.

    Args:
        cloud: Whose database is asked.
        creator: Whose inbox is read.
        folder: For the program's log.
    """

    def __init__(self, cloud: Cloud, creator: Creator, user_id: str, folder: Path) -> None:
        whose = [creator.workspace_id, user_id, creator.id]
        self._log_path = folder / "inbox.log"
        with self._log_path.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chaos.evening.inbox"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                text=True,
            )
        if self._process.stdin is not None:
            order = [cloud.app_url, cloud.database_url, str(folder), *whose]
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def read(self) -> Figures:
        """End it, and return what it found."""
        said, _ = self._process.communicate(timeout=60)
        if self._process.returncode:
            raise RuntimeError(f"the inbox was not measured: see {self._log_path}")
        found: Figures = Figures(**json.loads(said.strip().splitlines()[-1]))
        return found

    def end(self) -> None:
        """Make sure that it is gone."""
        self._process.kill()
        self._process.wait()


def main() -> None:
    """Measure until the input ends."""
    app, superuser, folder, workspace_id, user_id, creator_id = json.loads(sys.stdin.readline())
    over = threading.Event()
    threading.Thread(target=_await_end, args=(over,), daemon=True).start()
    ids = (UUID(workspace_id), UUID(user_id), UUID(creator_id))
    figures = _measure(Scratch(app, superuser, Path(folder), *ids), over)
    print(json.dumps(figures._asdict()))


def _await_end(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


def _measure(scratch: Scratch, over: threading.Event) -> Figures:
    figures = Figures([], [])
    ways: dict[str, Ways] = {}
    dice = random.Random(1)
    while not over.wait(_PAUSE_SECONDS):
        try:
            _measure_once(scratch, figures, ways, dice)
        except (psycopg.Error, AssertionError) as trouble:
            # The database may just be gone, or nothing may be there yet: that is no list. What was
            # connected to it is connected anew.
            ways.clear()
            print(f"{type(trouble).__name__}: {str(trouble)[-300:]}", file=sys.stderr)
    return figures


def _measure_once(
    scratch: Scratch, figures: Figures, ways: dict[str, Ways], dice: random.Random
) -> None:
    lists = [call for call in inbox_calls(scratch) if call.name.startswith("list")]
    call = dice.choice(lists)
    if call.name not in ways:
        ways[call.name] = _warmed(scratch, call)
    through_handler, through_sql = ways[call.name]
    took = milliseconds(through_handler), milliseconds(through_sql)
    figures.ours.append(took[0])
    figures.bare.append(took[1])


def _warmed(scratch: Scratch, call: Call) -> Ways:
    both = pair(scratch, call)
    for _ in range(_WARM_UP):
        for way in both:
            way()
    return both


if __name__ == "__main__":
    main()
