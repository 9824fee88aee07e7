"""Rules of a run: which step comes after which, and what each leaves behind."""

from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from functions.automations.models import Definition, StepOutcome, TakenStep
from functions.automations.steps import Action, Condition, Step, Wait
from huntaze.domain.audience import SegmentRules
from huntaze.errors import HuntazeError

# As the table holds it.
_MAX_REASON = 500


class Did(NamedTuple):
    """What an action came to.

    Args:
        outcome: Done, or nothing to do.
        reason: Why, or what.
        send_id: The message that it planned.
    """

    outcome: StepOutcome
    reason: str | None = None
    send_id: UUID | None = None


class Desk(Protocol):
    """What can be asked and done about the fan of one run."""

    def fulfils(self, rules: SegmentRules) -> bool: ...

    def act(self, action: Action) -> Did: ...


class Progress(NamedTuple):
    """How far a run came.

    Args:
        taken: The steps, in their order.
        step: What comes next, if the run waits.
        due_at: When.
        failure: Why it cannot go on.
    """

    taken: list[TakenStep]
    step: str | None = None
    due_at: datetime | None = None
    failure: str | None = None


def advance(definition: Definition, at: str | None, desk: Desk, *, now: datetime) -> Progress:
    """Take steps from ``at`` on, until one waits, one fails or none is left."""
    taken: list[TakenStep] = []
    while (step := definition.step(at)) is not None:
        if isinstance(step, Wait):
            until = now + step.length
            reason = f"until {until.isoformat(timespec='seconds')}"
            taken.append(_taken(step, StepOutcome.WAITS, reason))
            if step.next is None:
                break
            return Progress(taken, step.next, until)
        if isinstance(step, Condition):
            holds = desk.fulfils(step.rules)
            outcome = StepOutcome.YES if holds else StepOutcome.NO
            told = "fulfils" if holds else "does not fulfil"
            taken.append(_taken(step, outcome, f"the fan {told} the rules"))
            at = step.then if holds else step.otherwise
            continue
        try:
            did = desk.act(step)
        except HuntazeError as error:
            taken.append(_taken(step, StepOutcome.FAILED, error.detail))
            return Progress(taken, failure=f"{step.id}: {error.detail}"[:_MAX_REASON])
        taken.append(_taken(step, did.outcome, did.reason, did.send_id))
        at = step.next
    return Progress(taken)


def rehearse(definition: Definition, desk: Desk, *, now: datetime) -> Progress:
    """Take every step at once; the waits are told and not waited for."""
    taken: list[TakenStep] = []
    step: str | None = definition.steps[0].id
    while True:
        progress = advance(definition, step, desk, now=now)
        taken += progress.taken
        if progress.due_at is None:
            return progress._replace(taken=taken)
        step, now = progress.step, progress.due_at


def _taken(
    step: Step, outcome: StepOutcome, reason: str | None, send_id: UUID | None = None
) -> TakenStep:
    told = None if reason is None else reason[:_MAX_REASON]
    return TakenStep(step=step.id, kind=step.kind, outcome=outcome, reason=told, send_id=send_id)
