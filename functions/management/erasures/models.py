"""Shapes of leaving."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

type ErasureState = Literal["scheduled", "erasing", "done", "withdrawn"]


class Confirmation(BaseModel):
    """What a person types who means it."""

    model_config = ConfigDict(extra="forbid")

    workspace_name: str = Field(max_length=120, description="The name of the workspace, as it is.")


class Erasure(BaseModel):
    """An order to erase the workspace."""

    id: UUID
    state: ErasureState
    requested_by: UUID
    requested_at: datetime
    # Until then it can be withdrawn.
    begins_at: datetime


class Account(BaseModel):
    """The workspace, and whether it is going to be erased."""

    workspace_id: UUID
    name: str
    erasure: Erasure | None
