"""Shapes of onboarding."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from huntaze.domain.ai_configs import AiConfig
from huntaze.domain.connections import Credentials
from huntaze.domain.creators.accounts import CreatorDraft
from huntaze.domain.profiles import Profile


class Step(StrEnum):
    """The steps, in the order in which the front end shows them."""

    PROFILE = "profile"
    AI_CONFIG = "ai_config"
    PLATFORM = "platform"


class PlatformDraft(CreatorDraft, Credentials):
    """The creator to run, and the login of its account."""


class PlatformConnection(BaseModel):
    """The creator that onboarding connects."""

    creator_id: UUID
    platform: str
    handle: str
    status: str = Field(description="Of its lane: `active` once the worker has logged in.")
    stop_reason: str | None = Field(description="Why it stands still, e.g. `challenge`.")


class Onboarding(BaseModel):
    """How far a workspace has come; every step can be done again."""

    profile: Profile | None
    ai_config: AiConfig | None
    platform: PlatformConnection | None
    missing: list[Step] = Field(description="Steps that are to be done before it is complete.")
    completed_at: datetime | None
