"""Shapes of generations as the routes take and answer them."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from huntaze import ai

Subject = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Platform = Literal["onlyfans", "fan_platform", "instagram", "reddit", "tiktok"]
_NANOS = 1_000_000_000


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    creator_id: UUID | None = None


class IdeasOrder(_Order):
    """What ideas are wanted."""

    count: Annotated[int, Field(ge=1, le=30)] = 10
    creativity: Literal["safe", "balanced", "bold"] = "balanced"
    target_platforms: Annotated[list[Platform], Field(max_length=5)] = Field(
        default=[], description="Empty is the creator's own."
    )
    about: Subject | None = None


class CaptionsOrder(_Order):
    """What captions are wanted."""

    subject: Subject
    tone: Literal["engaging", "informative", "teasing", "celebratory", "grateful"] = "engaging"
    platform: Platform | None = None
    count: Annotated[int, Field(ge=1, le=10)] = 3


class HashtagsOrder(_Order):
    """What hashtags are wanted."""

    subject: Subject
    platform: Platform | None = None
    count: Annotated[int, Field(ge=1, le=30)] = 10


class TextOrder(_Order):
    """What text is wanted: a post about a subject, or a better version of a text."""

    subject: Subject | None = None
    text: Subject | None = None
    goal: Subject | None = None
    platform: Platform | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.subject is None) == (self.text is None):
            raise ValueError("give a subject to write about, or a text to make better")
        return self


class Proposal(BaseModel):
    """One text that both checks approved; deciding about it is POST …/drafts/{id}/decide."""

    draft_id: UUID
    title: str | None
    text: str
    details: dict[str, Any]


class Blocked(BaseModel):
    """Why one text was not approved; the text itself is kept nowhere."""

    reasons: list[str]


class Tokens(BaseModel):
    """What was read and written, the check included."""

    input: int
    cached: int
    output: int


class Cost(BaseModel):
    """What it cost, the check included."""

    usd: str
    nanos: int

    @classmethod
    def of(cls, nanos: int) -> Self:
        """An amount, with every digit."""
        return cls(usd=f"{Decimal(nanos) / _NANOS:f}", nanos=nanos)


class Generation(BaseModel):
    """What was generated, and what it took."""

    items: list[Proposal]
    blocked: list[Blocked]
    generation_id: UUID
    model: str
    prompt_version: str
    tokens: Tokens
    latency_ms: int
    cost: Cost
    tier: ai.Tier = Field(description="Of the model that wrote it.")
    reason: ai.Reason = Field(
        description="Why it was this tier: `over_budget` where the budget has no room for more,"
        " `workspace` where the workspace has chosen so (POST /api/v2/costs/optimize)."
    )
    degraded: bool = Field(description="Whether the budget made it shorter and plainer.")


class Decision(BaseModel):
    """What a person makes of a draft."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["accept", "edit", "reject"]
    text: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=3000)]
        | None
    ) = Field(None, description="With `edit`: what they made of it.")
    satisfaction: Annotated[int, Field(ge=1, le=5)] | None = None

    @model_validator(mode="after")
    def _has_a_text_if_edited(self) -> Self:
        if (self.decision == "edit") != (self.text is not None):
            raise ValueError("an edited text comes with `text`, and nothing else does")
        return self


class Decided(BaseModel):
    """What became of a draft."""

    draft_id: UUID
    decision: ai.Outcome
    media_id: UUID | None = Field(description="The text of the library that it became.")
    entry_id: UUID | None = Field(
        description="The entry of the calendar that an item of a pipeline became; null where its"
        " moment has gone by or is taken."
    )
