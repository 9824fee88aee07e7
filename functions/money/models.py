"""Shapes of checks and repairs."""

from typing import Annotated, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Position(NamedTuple):
    """The fan at which a check stands: it goes by workspace, and by id within one."""

    workspace_id: UUID
    fan_id: UUID


class CheckedPage(NamedTuple):
    """What a page of fans came to, and the last of them."""

    last: Position
    checked: int
    drifted: int
    drifted_cents: int


class RepairOrder(BaseModel):
    """An operator's order: compute the values of a creator's fans anew.

    IAM says who may invoke the function, CloudTrail who did, and the table of repairs keeps both
    names and what was changed.
    """

    model_config = ConfigDict(extra="forbid")

    workspace_id: UUID
    creator_id: UUID
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    by: Annotated[str, Field(min_length=1, max_length=200)]
