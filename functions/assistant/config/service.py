"""Rules of the configuration: who lets replies go out by themselves, and where."""

from typing import Protocol
from uuid import UUID

from functions.assistant.config.models import Config, ConfigDraft
from huntaze.domain.ai_configs import AiConfigDraft
from huntaze.errors import ConflictError, ForbiddenError, NotFoundError
from huntaze.platforms.terms import terms_of


class ConfigExistsError(ConflictError):
    """The creator has a configuration."""


class ConfigMissingError(NotFoundError):
    """The creator has no configuration."""


class AutoSendForbiddenError(ForbiddenError):
    """Replies may not go out by themselves."""


class Configs(Protocol):
    """Where the configurations of a workspace are."""

    def resolve(self, creator_id: UUID | None) -> UUID:
        """The creator that is meant."""
        ...

    def platform(self, creator_id: UUID) -> str:
        """A creator's platform."""
        ...

    def find(self, creator_id: UUID) -> Config | None:
        """A creator's configuration."""
        ...

    def save(
        self, creator_id: UUID, draft: AiConfigDraft, *, auto_send: bool | None, new: bool
    ) -> bool:
        """Write a configuration; False when it should be new and is not."""
        ...


def get(creator_id: UUID | None, configs: Configs) -> Config:
    """Read a creator's configuration.

    Raises:
        ConfigMissingError: There is none yet.
    """
    found = configs.find(configs.resolve(creator_id))
    if found is None:
        raise ConfigMissingError("Nobody has configured the assistant for this creator yet.")
    return found


def save(draft: ConfigDraft, configs: Configs, *, is_owner: bool, new: bool) -> Config:
    """Write a creator's configuration.

    Args:
        draft: The whole of it.
        configs: Where it is kept.
        is_owner: Whether the caller owns the workspace.
        new: Refuse to write over one that is there.

    Raises:
        AutoSendForbiddenError: It is not the caller's to turn on, or the platform forbids it.
        ConfigExistsError: There is one already.
    """
    creator_id = configs.resolve(draft.creator_id)
    if draft.auto_send:
        _require_auto_send(configs.platform(creator_id), is_owner=is_owner)
    if not configs.save(creator_id, draft.config(), auto_send=draft.auto_send, new=new):
        raise ConfigExistsError("This creator has a configuration; PUT replaces it.")
    return get(creator_id, configs)


def _require_auto_send(platform: str, *, is_owner: bool) -> None:
    if not is_owner:
        raise AutoSendForbiddenError(
            "Only an owner lets replies go out without approval.",
            fields={"auto_send": "ask an owner"},
        )
    if not terms_of(platform).auto_send:
        raise AutoSendForbiddenError(
            f"The terms of {platform} do not let us send what no person has approved.",
            fields={"auto_send": f"not on {platform}"},
        )
