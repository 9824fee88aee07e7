"""Strikes the process that it runs in, at a named step of a send."""

import json
import os
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Literal

import psutil  # type: ignore[import-untyped]

from browser_worker.steps import Step

VARIABLE = "CHAOS_STRIKE"

type Action = Literal["kill", "kill_container", "stop", "stop_container"]
"""Kill or stop the worker alone, or with its browser as when a container goes."""


@dataclass(frozen=True)
class Strike:
    """What happens at the nth time that a step is reached."""

    step: Step
    nth: int = 1
    action: Action = "kill"

    def environment(self) -> dict[str, str]:
        """Return the variable that orders it."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def ordered(cls) -> "Strike | None":
        """Return what this process's environment orders."""
        order = os.environ.get(VARIABLE)
        if not order:
            return None
        facts = json.loads(order)
        return cls(Step(facts["step"]), facts["nth"], facts["action"])


class Striker:
    """An observer of steps that carries out one strike."""

    def __init__(self, strike: Strike | None) -> None:
        self._strike = strike
        self._seen: Counter[Step] = Counter()

    def __call__(self, step: Step) -> None:
        """Strike if this is the moment."""
        self._seen[step] += 1
        strike = self._strike
        if strike is None or step is not strike.step or self._seen[step] != strike.nth:
            return
        number = signal.SIGKILL if strike.action.startswith("kill") else signal.SIGSTOP
        if strike.action.endswith("container"):
            for child in psutil.Process().children(recursive=True):
                # One that dies takes others with it.
                with suppress(psutil.NoSuchProcess):
                    child.send_signal(number)
        os.kill(os.getpid(), number)
