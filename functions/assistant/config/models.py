"""Shapes of the configuration as the routes take and answer it."""

from typing import Self
from uuid import UUID

from pydantic import Field

from huntaze.domain.ai_configs import AiConfig, AiConfigDraft
from huntaze.platforms.terms import terms_of


class ConfigDraft(AiConfigDraft):
    """How the assistant writes for a creator, whole: what is left out is as it is by default."""

    creator_id: UUID | None = Field(
        None, description="May be left out while the caller sees one creator only."
    )
    auto_send: bool | None = Field(
        None,
        description="Whether replies go out without a person's approval: off until an owner turns"
        " it on, where the platform lets us. Left out, it stays as it is.",
    )

    def config(self) -> AiConfigDraft:
        """What is stored of it for the creator."""
        return AiConfigDraft.model_validate(self.model_dump(exclude={"creator_id", "auto_send"}))


class Config(AiConfig):
    """A creator's configuration."""

    auto_send: bool = Field(description="Whether replies go out without a person's approval.")
    auto_send_allowed: bool = Field(description="Whether the creator's platform lets us.")

    @classmethod
    def of(cls, config: AiConfig, platform: str) -> Self:
        """A configuration, and what the platform's terms make of it."""
        allowed = terms_of(platform).auto_send
        on = allowed and config.auto_send_by is not None
        return cls(**config.model_dump(), auto_send=on, auto_send_allowed=allowed)
