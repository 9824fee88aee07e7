"""What a scenario is, and what came of it."""

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

from chaos.impatience import ACCEPTED_SECONDS
from chaos.judge import Verdict
from chaos.scene import Scene, open_scene
from chaos.world import World

ACCEPTED_WITHIN = timedelta(seconds=ACCEPTED_SECONDS)

type Play = Callable[["Stage"], Verdict]


@dataclass(frozen=True)
class Scenario:
    """One way to break things.

    Args:
        name: Unique; names queues and creators, too.
        play: Plays it and returns the verdict.
        alone: It strikes a server that all share.
        must_show: A control: the breach that the verdict must show.
        brings_cloud: It runs a whole cloud of its own instead of the world that others share.
    """

    name: str
    play: Play
    alone: bool = False
    must_show: Literal["duplicates", "losses"] | None = None
    brings_cloud: bool = False


@dataclass(frozen=True)
class Stage:
    """Where a scenario is played.

    Args:
        scratch: A folder for data and logs.
        shared: The servers that scenarios share; None for who brings a cloud.
        name: The scenario's.
        seed: Of the whole run.
        long: Whether the long form is played.
    """

    scratch: Path
    shared: World | None
    name: str
    seed: int
    long: bool

    @property
    def world(self) -> World:
        """The servers that scenarios share."""
        if self.shared is None:
            raise RuntimeError("a scenario that brings a cloud has no part in the world")
        return self.shared

    @contextmanager
    def scene(self, *, fifo: bool = True) -> Iterator[Scene]:
        """Open the scenario's corner of the world."""
        with open_scene(self.world, self.name, self.seed, fifo=fifo) as scene:
            yield scene


@dataclass(frozen=True)
class Outcome:
    """What came of a scenario.

    Args:
        verdict: None when it could not be played to its end.
        problems: Why it counts as failed; none is a pass.
    """

    scenario: Scenario
    verdict: Verdict | None
    seconds: float
    problems: list[str]


def play(scenario: Scenario, stage: Stage) -> Outcome:
    """Play one scenario and tell what came of it, whatever happens in it."""
    started = time.monotonic()
    verdict: Verdict | None = None
    try:
        verdict = scenario.play(replace(stage, name=scenario.name))
        problems = _problems(scenario, verdict)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{frame.name}:{frame.lineno}" for frame in frames if "/chaos/" in frame.filename]
        problems = [f"{type(error).__name__}: {error} (in {' > '.join(where)})"]
    return Outcome(scenario, verdict, time.monotonic() - started, problems)


def _problems(scenario: Scenario, verdict: Verdict) -> list[str]:
    if scenario.must_show is None:
        return verdict.findings
    if getattr(verdict, scenario.must_show):
        return []
    return [f"the control shows no {scenario.must_show}: the kills or the judge are blunt"]
