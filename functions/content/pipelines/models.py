"""Shapes of pipelines: what is asked for, how far one is, and what came out of it."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from functions.content.generation.models import Cost, IdeasOrder, Tokens
from huntaze import ai
from huntaze.domain.fans.models import TimeZone
from huntaze.domain.workflows.runs import Halt

MOST_TIMES = 12


def _in_order(times: list[time]) -> list[time]:
    if any(one.tzinfo is not None for one in times):
        raise ValueError("times of the clock on the wall have no zone")
    return sorted(set(times))


# The format `time` of JSON schemas has a zone, which these have not.
WallTime = Annotated[
    time,
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"}),
]


class Slots(BaseModel):
    """When items could be published: times of the clock on the wall of a zone, day by day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: date | None = Field(None, description="Empty is tomorrow, as the zone has it.")
    time_zone: TimeZone | None = Field(None, description="Empty is the creator's.")
    times: Annotated[
        list[WallTime], Field(min_length=1, max_length=MOST_TIMES), AfterValidator(_in_order)
    ] = Field(default=[time(18)])
    every_days: Annotated[int, Field(ge=1, le=31)] = 1


class PipelineOrder(IdeasOrder):
    """What a pipeline is to make."""

    count: Annotated[int, Field(ge=1, le=30)] = 20
    schedule: Slots = Slots()


class PipelineStatus(StrEnum):
    """Where a pipeline stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    # The budget has no room.
    STOPPED = "stopped"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Step(StrEnum):
    """The steps, in their order."""

    IDEAS = "ideas"
    ASSETS = "assets"
    CAPTIONS = "captions"
    SCHEDULE = "schedule"
    DONE = "done"

    @property
    def after(self) -> "Step":
        """The step that follows; after the last there is none."""
        steps = list(Step)
        return steps[min(steps.index(self) + 1, len(steps) - 1)]


class StoredPlan(BaseModel):
    """A pipeline as it is stored."""

    id: UUID
    workspace_id: UUID
    creator_id: UUID
    status: PipelineStatus
    request: PipelineOrder
    step: Step
    run: int
    execution_arn: str | None
    halt: Halt | None
    asked: int
    blocked: list[list[str]]
    model: str | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_nanos: int
    latency_ms: int
    degraded: bool
    fence: int
    created_by: UUID | None
    correlation_id: UUID | None
    trace: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    # The creator's.
    platform: str
    time_zone: str

    @property
    def platforms(self) -> list[str]:
        """For which platforms texts must be fit."""
        return [*self.request.target_platforms] or [self.platform]


class Item(BaseModel):
    """An item of a plan: an idea, what of the library shows it, what stands beside it, and when.

    ``draft_id`` is decided about by POST /api/content/drafts/{draft_id}/decide; what is taken gets
    its place in the calendar, ``entry_id``.
    """

    position: int
    kind: Literal["text", "photo", "video", "audio"]
    title: str
    description: str
    platform: str
    search_words: list[str]
    asset_id: UUID | None
    asset_title: str | None
    draft_id: UUID | None
    caption: str | None
    hashtags: list[str]
    decision: ai.Outcome | None
    refused: list[str] | None = Field(description="Why what stands beside it was not approved.")
    local_at: datetime | None
    time_zone: str | None
    at: datetime | None
    media_id: UUID | None
    entry_id: UUID | None


class StepProgress(BaseModel):
    """How far one step is."""

    step: Step
    status: Literal["waiting", "running", "done"]
    done: int
    of: int


class Pipeline(BaseModel):
    """How far a pipeline is, and what came out of it so far."""

    id: UUID
    creator_id: UUID
    status: PipelineStatus
    percent: int
    steps: list[StepProgress]
    halt: Halt | None
    optimized_for: list[str] = Field(description="The platforms that every text is fit for.")
    blocked: list[list[str]] = Field(description="Why ideas were not approved.")
    model: str | None
    tokens: Tokens
    latency_ms: int
    cost: Cost
    degraded: bool = Field(
        description="Whether the budget had no room for more, and made some of it shorter."
    )
    created_at: datetime
    finished_at: datetime | None


class WholePipeline(Pipeline):
    """A pipeline with its items."""

    items: list[Item]


class Spent(BaseModel):
    """What calls of models took, and which they were."""

    generation_id: UUID
    checks: list[UUID]
    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_nanos: int
    latency_ms: int
    degraded: bool

    @classmethod
    def on(cls, answer: ai.Answer[Any], checks: list[ai.Answer[Any]]) -> "Spent":
        """What an answer and the checks of it took."""
        calls = [answer, *checks]
        return cls(
            generation_id=answer.generation_id,
            checks=[check.generation_id for check in checks],
            model=answer.model,
            input_tokens=sum(call.usage.input_tokens for call in calls),
            cached_tokens=sum(call.usage.cached_tokens for call in calls),
            output_tokens=sum(call.usage.output_tokens for call in calls),
            cost_nanos=sum(call.cost_nanos for call in calls),
            latency_ms=sum(call.latency_ms for call in calls),
            degraded=answer.degraded,
        )
