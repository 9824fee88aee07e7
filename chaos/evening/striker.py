"""Kills what works: functions, the browser worker, the database; each by its process id."""

import os
import random
import re
import signal
import time
from collections import Counter

import psutil  # type: ignore[import-untyped]

from chaos.evening.cloud import Cloud
from chaos.evening.people import Routine
from local import processes

_FUNCTION = re.compile(r"ministack-lambda-huntaze-local-(.+)-[a-z0-9_]{8}/_worker\.py")
_PAUSE_SECONDS = (1.5, 5.0)
_WORKER_EVERY = 75.0
# Every function loses its connection at once, and locally its process with it: a minute's work.
_POSTGRES_AFTER, _POSTGRES_EVERY = 300.0, 900.0
# How long two looks at a process lie apart that tell whether it works.
_BLINK_SECONDS = 0.05
# Of so many seconds' age nobody knows whether a process starts or works.
_STARTING = 4.0


class Striker(Routine):
    """Strikes at random moments, whoever was struck least first.

    Args:
        cloud: Whose processes.
        seed: Of targets and moments.
    """

    def __init__(self, cloud: Cloud, seed: int) -> None:
        super().__init__("striker", self._strike)
        self._cloud = cloud
        self._dice = random.Random(f"striker:{seed}")
        self._worker_at = time.monotonic() + _WORKER_EVERY / 3
        self._postgres_at = time.monotonic() + _POSTGRES_AFTER
        self.kills: Counter[str] = Counter()
        self.at_work: Counter[str] = Counter()
        self.seen: set[str] = set()

    @property
    def unharmed(self) -> set[str]:
        """The functions that took part and were never killed."""
        return self.seen - self.kills.keys()

    def _strike(self) -> None:
        now = time.monotonic()
        if now > self._postgres_at:
            self._postgres_at = now + _POSTGRES_EVERY
            self._crash_postgres()
        elif now > self._worker_at:
            self._worker_at = now + _WORKER_EVERY * self._dice.uniform(0.6, 1.4)
            self._kill_worker()
        else:
            self._kill_function()
        self.pause(self._dice.uniform(*_PAUSE_SECONDS))

    def _kill_function(self) -> None:
        found = self._functions()
        self.seen |= found.keys()
        if not found:
            return
        working = _working([one for living in found.values() for one in living])
        at_work = sorted(name for name, living in found.items() if working & set(living))
        # Half of the time whoever works right now, else anybody: those who idle die, too.
        names = at_work if at_work and self._dice.random() < 0.5 else sorted(found)
        fewest = min(self.kills[name] for name in names)
        spared = [name for name in names if self.kills[name] == fewest]
        # Mostly who was spared so far; now and then anybody, as machines fail.
        name = self._dice.choice(spared if self._dice.random() < 0.7 else names)
        busy = [one for one in found[name] if one in working]
        if _kill(self._dice.choice(busy or found[name]).pid):
            self.kills[name] += 1
            self.at_work[name] += bool(busy)

    def _functions(self) -> dict[str, list[psutil.Process]]:
        """The processes of functions, by the function's name."""
        found: dict[str, list[psutil.Process]] = {}
        server = processes.ProcessRecord.read(self._cloud.settings.run_dir / "aws.json")
        if server is None:
            return found
        try:
            children = psutil.Process(server.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return found
        for child in children:
            try:
                named = _FUNCTION.search(" ".join(child.cmdline()))
            except psutil.Error:
                continue
            if named:
                found.setdefault(named[1], []).append(child)
        return found

    def _kill_worker(self) -> None:
        pid = self._cloud.worker_pid()
        if pid is not None and _kill(pid):
            self.kills["the browser worker"] += 1

    def _crash_postgres(self) -> None:
        """End Postgres as a failure of its machine does, and start it again."""
        pid = self._cloud.postgres.pid
        if pid is None:
            return
        # Immediate shutdown: no goodbye to clients, no checkpoint, recovery from the log.
        os.kill(pid, signal.SIGQUIT)
        processes.wait_until(lambda: self._cloud.postgres.pid is None, 10)
        self._cloud.postgres.stop()
        self._cloud.postgres.start()
        self.kills["Postgres"] += 1


def _working(living: list[psutil.Process]) -> set[psutil.Process]:
    """Tell which processes use the processor right now, beside those that are just starting."""
    before = {one: _used(one) for one in living if time.time() - one.create_time() > _STARTING}
    time.sleep(_BLINK_SECONDS)
    return {one for one, used in before.items() if _used(one) > used}


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
