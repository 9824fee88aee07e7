"""How a step ends that cannot go on, in words that the state machines know."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field

from huntaze import ai
from huntaze.errors import HuntazeError

# What a state machine calls when no retry is left.
HALT = "halt"


class Halt(BaseModel):
    """Why a run does not go on."""

    step: str
    error: str
    reason: str
    resumable: bool = Field(description="Whether resuming it may end otherwise.")
    resets_at: datetime | None = Field(None, description="When the budget has room again.")


class RunRefused(Exception):  # noqa: N818  (the state machines' retry rules name it)
    """The run cannot go on; its row says why."""


class RunOvertaken(Exception):  # noqa: N818  (as above)
    """The execution belongs to an earlier run, or the run has ended."""


class RunStopped(Exception):  # noqa: N818  (as above)
    """The budget has no room; the row says until when."""


class ModelsUnavailable(Exception):  # noqa: N818  (as above)
    """No model answered. Nothing is approved by that; the step is tried again."""


class StepBusy(Exception):  # noqa: N818  (as above)
    """Somebody works on the step, or has died with it."""


_REASONS = {
    ModelsUnavailable.__name__: "No model answered, several times; nothing was approved.",
    StepBusy.__name__: "The step was worked on for longer than it may last.",
}


@dataclass(frozen=True)
class Ending:
    """How a run ends.

    Args:
        halt: Why.
        stopped: Whether only the budget holds it.
        told: What the state machine is told.
    """

    halt: Halt
    stopped: bool
    told: Exception


def ending_of(
    error: Exception, step: str, *, now: datetime, final: tuple[type[HuntazeError], ...]
) -> Ending | None:
    """How a step's error ends the run; None: it does not, and is tried again.

    Args:
        error: What the step raised.
        step: Which.
        now: The time.
        final: Errors after which trying again would end the same.
    """
    if not isinstance(error, HuntazeError):
        return None
    halt = Halt(
        step=step, error=error.code, reason=error.detail, resumable=not isinstance(error, final)
    )
    if not isinstance(error, ai.BudgetUsedUpError):
        return Ending(halt, stopped=False, told=RunRefused(error.code))
    resets_at = now + timedelta(seconds=error.retry_after)
    told = RunStopped(f"no budget until {resets_at.isoformat()}")
    return Ending(halt.model_copy(update={"resets_at": resets_at}), stopped=True, told=told)


def halt_of(
    failed_step: str | None, error: Mapping[str, Any] | None, reasons: Mapping[str, str]
) -> Halt:
    """Why the machine has given up.

    Args:
        failed_step: Where.
        error: What it caught.
        reasons: Sentences for errors of one machine's own, by name.
    """
    name = str((error or {}).get("Error", "unknown"))
    known = {**_REASONS, **reasons}
    return Halt(
        step=failed_step or "unknown",
        error=name,
        reason=known.get(name, "The step failed, several times; the log says how."),
        resumable=True,
    )
