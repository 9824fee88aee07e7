"""Shapes of what the fans feature takes and answers; those of imports are beside these."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from huntaze.domain.fans import Name
from huntaze.domain.fans.lists import FanIds


class ListDraft(BaseModel):
    """A list to make."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    creator_id: UUID | None = None
    name: Annotated[Name, Field(max_length=120)]


class Members(BaseModel):
    """Fans to put on a list or to take off it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fan_ids: FanIds
