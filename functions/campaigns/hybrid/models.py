"""Shapes of workflows, as the API takes and gives them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from functions.campaigns.models import HoldoutPercent
from functions.campaigns.status import CampaignStatus
from huntaze import ai
from huntaze.domain.workflows.runs import Halt
from huntaze.moments import Moment

MOST_VARIANTS = 4
MOST_SEGMENTS = 4

type Goal = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class Step(StrEnum):
    """The steps of a workflow, in their order."""

    HISTORY = "history"
    CONTENT = "content"
    OPTIMIZATION = "optimization"
    COMPLIANCE = "compliance"
    PLAN = "plan"
    AUDIENCES = "audiences"
    VARIANTS = "variants"
    REVIEW = "review"
    CAMPAIGN = "campaign"
    HANDOVER = "handover"


class WorkflowStatus(StrEnum):
    """The life of a workflow."""

    RUNNING = "running"
    COMPLETED = "completed"
    # The budget has no room; the rest can be done after its reset.
    STOPPED = "stopped"
    FAILED = "failed"


class HybridOrder(BaseModel):
    """What a campaign shall reach, and everything that no model decides."""

    model_config = ConfigDict(extra="forbid")

    creator_id: UUID | None = Field(None, description="Omitted: the workspace's only creator.")
    goal: Goal = Field(description="What the campaign is for, in your own words.")
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="Omitted: the plan's."
    )
    tone: Literal["engaging", "informative", "teasing", "celebratory", "grateful"] = "engaging"
    segment_id: UUID | None = Field(None, description="Omitted: every fan of the creator.")
    segment_ids: Annotated[list[UUID], Field(max_length=MOST_SEGMENTS)] = Field(
        default=[],
        description="Several segments instead of one: each gets texts of its own, and who is in"
        " several is in the first of them.",
    )
    price_cents: Annotated[int, Field(ge=0, le=20000)] = 0
    media_ids: Annotated[list[UUID], Field(max_length=20)] = []
    variants: Annotated[int, Field(ge=1, le=MOST_VARIANTS)] | None = Field(
        None, description="The most texts to try; omitted: three where the plan has A/B tests."
    )
    holdout_percent: HoldoutPercent | None = None
    messages_per_minute: Annotated[int, Field(ge=1, le=6000)] | None = None
    scheduled_at: Moment | None = Field(
        None, description="Omitted: when most of these fans are about, by their own activity."
    )
    not_before: Moment | None = Field(None, description="The earliest time to choose from.")
    not_after: Moment | None = Field(
        None, description="The latest; omitted: seven days after the earliest."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.segment_ids)) != len(self.segment_ids):
            raise ValueError("a segment is listed twice")
        if self.segment_id is not None and self.segment_ids:
            raise ValueError("give either segment_id or segment_ids")
        if self.scheduled_at is not None and (self.not_before or self.not_after):
            raise ValueError("give either scheduled_at or a range of times")
        if self.not_before and self.not_after and self.not_after <= self.not_before:
            raise ValueError("not_after must be later than not_before")
        return self

    @property
    def segments(self) -> list[UUID]:
        """Whom it is for; none is every fan."""
        return self.segment_ids or ([] if self.segment_id is None else [self.segment_id])


class AiForecast(BaseModel):
    """What a workflow will take of the budget for AI; the size of the audience plays no part."""

    model_calls: int
    expected_nano_usd: int = Field(description="As long as answers usually are.")
    at_most_nano_usd: int = Field(
        description="Every prompt and answer as long as allowed, and each asked for twice."
    )


class Reply(BaseModel):
    """A model's answer as it is kept, and what it took."""

    value: dict[str, Any]
    generation_id: UUID
    model: str
    cost_nano_usd: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    latency_ms: int
    degraded: bool
    # Unknown of what was answered before they were kept.
    tier: ai.Tier | None = None
    reason: ai.Reason | None = None


class StepState(BaseModel):
    """How far a step is, and what it found."""

    step: Step
    status: Literal["waiting", "running", "done"]
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    result: dict[str, Any] | None
    generation_id: UUID | None
    model: str | None
    cost_nano_usd: int
    tier: ai.Tier | None = Field(description="Of the model that answered.")
    reason: ai.Reason | None = Field(
        description="Why it was this tier: `over_budget` where the budget has no room for more,"
        " `workspace` where the workspace has chosen so (POST /api/v2/costs/optimize)."
    )
    degraded: bool = Field(description="Whether the budget made it the cheaper model's.")


class Workflow(BaseModel):
    """A workflow with everything that is done so far."""

    workflow_id: UUID
    creator_id: UUID
    correlation_id: UUID | None = Field(description="The same in every log line and message.")
    status: WorkflowStatus
    run: int
    forecast: AiForecast
    ai_cost_nano_usd: int = Field(description="So far.")
    steps: list[StepState]
    halt: Halt | None
    campaign_id: UUID | None
    campaign_status: CampaignStatus | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class StoredWorkflow(BaseModel):
    """A workflow as its steps see it."""

    workspace_id: UUID
    id: UUID
    creator_id: UUID
    platform: str
    status: WorkflowStatus
    request: HybridOrder
    forecast: AiForecast
    run: int
    execution_arn: str | None
    halt: Halt | None
    campaign_id: UUID | None
    campaign_status: CampaignStatus | None
    requested_by: UUID
    correlation_id: UUID | None
    trace: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class StoredStep(BaseModel):
    """A step that was begun."""

    step: Step
    attempts: int
    reply: Reply | None
    result: dict[str, Any] | None
    started_at: datetime
    finished_at: datetime | None
