"""Operators' orders to the lanes."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class KillSwitch(BaseModel):
    """Stop the sends of all creators, or of one platform's; or let them go again.

    An operator invokes the function with it, so that IAM says who may and CloudTrail who did:

        aws lambda invoke --function-name … --payload \
            '{"action": "stop", "scope": "profile:onlyfans", "reason": "…", "by": "ops@…"}' out
    """

    model_config = ConfigDict(extra="forbid")

    action: Literal["stop", "go"]
    scope: Annotated[str, Field(pattern=r"^(all|profile:[a-z0-9_]{1,60})$")]
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    by: Annotated[str, Field(min_length=1, max_length=200)]


class Restored(BaseModel):
    """Say that the database came back from a backup, which holds every lane until it is reconciled.

    An operator invokes the function with it before the first worker starts; see
    ``docs/operations/restore-database.md``.
    """

    model_config = ConfigDict(extra="forbid")

    action: Literal["restored"]
    # The moment that the backup goes back to.
    moment: AwareDatetime
    by: Annotated[str, Field(min_length=1, max_length=200)]


class LaneFigures(BaseModel):
    """How much work there is."""

    model_config = ConfigDict(frozen=True)

    at_work: int
    stalled: int
