"""How fast a lane may send, by platform: the profile's limits, or the operator's in their place.

No tenant can change them: they come with the deployment.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, Json, TypeAdapter

from huntaze.settings import Settings, load


class LaneLimits(BaseModel):
    """The rate of one lane."""

    model_config = ConfigDict(frozen=True)

    messages_per_minute: int = Field(ge=1, le=6000)
    # From the end of one message to the start of the next.
    min_gap_ms: int = Field(ge=0)


class LimitSettings(Settings):
    """The operator's own limits, as JSON by platform."""

    lane_limits: Json[Mapping[str, LaneLimits]] = Field(default_factory=dict)


@cache
def profile_limits() -> Mapping[str, LaneLimits]:
    """The limits that the profiles ship with."""
    text = files("huntaze.platforms").joinpath("limits.json").read_bytes()
    return TypeAdapter(dict[str, LaneLimits]).validate_json(text)


def lane_limits() -> Mapping[str, LaneLimits]:
    """The limits in force; its keys are the platforms that there are."""
    operators = load(LimitSettings).lane_limits
    return {name: operators.get(name, limits) for name, limits in profile_limits().items()}
