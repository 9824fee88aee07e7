"""Shapes of segments."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from huntaze.domain.audience import SegmentRules
from huntaze.domain.fans import Fan

type SegmentName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)
]


class SegmentDraft(BaseModel):
    """A segment to make, or what one becomes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    creator_id: UUID | None = None
    name: SegmentName
    rules: SegmentRules


class Segment(BaseModel):
    """A named set of rules of one creator."""

    id: UUID
    creator_id: UUID
    name: str
    rules: SegmentRules
    created_at: datetime
    updated_at: datetime


class PreviewRequest(BaseModel):
    """Rules to try."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    creator_id: UUID | None = None
    rules: SegmentRules


class Preview(BaseModel):
    """How many fans the rules mean now, and the newest of them."""

    count: int
    sample: list[Fan]
