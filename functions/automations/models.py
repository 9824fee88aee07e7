"""Shapes of automations, their runs and their rehearsals."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from functions.automations.steps import SendMessage, Step
from functions.automations.triggers import Trigger
from huntaze.domain.audience import SegmentRules
from huntaze.domain.outbound.texts import sendable

MAX_STEPS = 50

type AutomationName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00]*$"),
]


class _Repeat(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Once(_Repeat):
    """A fan runs once, whatever happens later."""

    kind: Literal["once"] = "once"


class EachTime(_Repeat):
    """A fan runs each time that it happens."""

    kind: Literal["each_time"]


class AfterDays(_Repeat):
    """A fan runs again when it happens after so many days at least."""

    kind: Literal["after_days"]
    days: Annotated[int, Field(ge=1, le=3650)]


type Repeat = Annotated[Once | EachTime | AfterDays, Field(discriminator="kind")]


class Definition(BaseModel):
    """What an automation says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trigger: Trigger
    audience: SegmentRules | None = Field(
        None, description="Whom it is for, at the moment it happens; null is everybody."
    )
    repeat: Repeat = Once()
    steps: Annotated[list[Step], Field(min_length=1, max_length=MAX_STEPS)] = Field(
        description="A graph; it begins with the first of them."
    )

    def step(self, name: str | None) -> Step | None:
        """The step of a name."""
        return next((step for step in self.steps if step.id == name), None)

    @property
    def pause(self) -> timedelta:
        """How far apart two runs of a fan are at least."""
        if isinstance(self.repeat, AfterDays):
            return timedelta(days=self.repeat.days)
        return timedelta(0)


class AutomationDraft(Definition):
    """An automation to make, or what one becomes."""

    creator_id: UUID | None = None
    name: AutomationName

    @field_validator("steps")
    @classmethod
    def _are_sendable(cls, steps: list[Step]) -> list[Step]:
        # Not in the step itself: what is stored must be readable, however old it is.
        return [
            step.model_copy(update={"text": sendable(step.text)})
            if isinstance(step, SendMessage)
            else step
            for step in steps
        ]

    @property
    def definition(self) -> Definition:
        """What it says, without its name."""
        return Definition.model_construct(
            trigger=self.trigger, audience=self.audience, repeat=self.repeat, steps=self.steps
        )


class Automation(BaseModel):
    """An automation of one creator."""

    id: UUID
    creator_id: UUID
    name: str
    version: int
    definition: Definition
    enabled_at: datetime | None = Field(description="Null is off.")
    created_by: UUID
    created_at: datetime
    updated_at: datetime


class StepOutcome(StrEnum):
    """How a step ended."""

    DONE = "done"
    # There was nothing to do: the fan had the tag, was on the list, and so on.
    NOTHING = "nothing"
    YES = "yes"
    NO = "no"
    WAITS = "waits"
    FAILED = "failed"


class TakenStep(BaseModel):
    """A step that a run has taken, and why it ended as it did."""

    step: str
    kind: str
    outcome: StepOutcome
    reason: str | None = None
    send_id: UUID | None = None
    send_state: str | None = Field(None, description="Of the message that it planned, now.")
    send_reason: str | None = Field(
        None, description="Why it did not go out; quiet_hours: not before `send_due_at`."
    )
    send_due_at: datetime | None = Field(None, description="Of a message that is planned.")
    taken_at: datetime | None = None


class RunStatus(StrEnum):
    """Where a run stands."""

    WAITING = "waiting"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"


class Run(BaseModel):
    """The way of one fan through one version of an automation."""

    id: UUID
    fan_id: UUID
    version: int
    turn: str = Field(description="What it was that started it.")
    happened_at: datetime
    status: RunStatus
    step: str | None = Field(description="The next one, while it waits.")
    due_at: datetime | None
    reason: str | None
    started_at: datetime
    finished_at: datetime | None
    steps: list[TakenStep]


class RehearsalRequest(BaseModel):
    """Whom to rehearse with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fan_id: UUID


class Rehearsal(BaseModel):
    """What a run would do with a fan, were it to happen now; nothing was done."""

    version: int
    in_audience: bool
    had_run: bool = Field(description="Whether the fan had a run before.")
    status: RunStatus
    reason: str | None
    steps: list[TakenStep]
