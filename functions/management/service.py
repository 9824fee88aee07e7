"""Rules of a workspace's creators. Knows nothing of HTTP, SQL or AWS."""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from functions.management.models import Creator, CreatorChanges, CreatorDraft
from huntaze.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from huntaze.platforms.limits import LaneLimits


class UnknownPlatformError(InvalidInputError):
    """Huntaze cannot run creators on this platform."""


class TooFastError(InvalidInputError):
    """The platform's limits are the operator's to set, not a tenant's."""


class CreatorExistsError(ConflictError):
    """The workspace runs this account already."""


class CreatorConnectedError(ConflictError):
    """The creator's lane is running."""


class CurrencyOfMoneyError(ConflictError):
    """The creator has transactions in its currency."""


class CreatorInUseError(ConflictError):
    """Fans, campaigns, messages or money belong to the creator."""


class CreatorStore(Protocol):
    """Where a workspace's creators live."""

    def add(self, draft: CreatorDraft, limits: LaneLimits) -> Creator | None:
        """Add a creator and its stopped lane; None when the workspace has this account."""
        ...

    def find(self, creator_id: UUID) -> Creator | None:
        """Find a creator that the caller may see."""
        ...

    def change(self, creator_id: UUID, changes: CreatorChanges) -> Creator | None:
        """Write what is set; None when there is no such creator.

        Raises:
            CreatorExistsError: Another creator has this handle.
        """
        ...

    def remove(self, creator_id: UUID) -> bool:
        """Remove a creator that nothing belongs to; False when there is no such creator.

        Raises:
            CreatorInUseError: Something belongs to it.
            CreatorConnectedError: Its lane is running.
        """
        ...


def create(
    draft: CreatorDraft,
    creators: CreatorStore,
    *,
    limits: Mapping[str, LaneLimits],
    sees_every_creator: bool,
) -> Creator:
    """Add a creator, not connected yet.

    Raises:
        ForbiddenError: The caller may see some creators only, and would not see this one.
        UnknownPlatformError: There is no such platform.
        TooFastError: The creator would send faster than the platform takes.
        CreatorExistsError: The workspace runs this account already.
    """
    if not sees_every_creator:
        raise ForbiddenError("You work for some creators only; ask an owner to add another.")
    if draft.platform not in limits:
        known = ", ".join(sorted(limits))
        raise UnknownPlatformError(
            f"There is no platform {draft.platform!r}.", fields={"platform": f"one of {known}"}
        )
    creator = creators.add(draft, _own_limits(draft, limits[draft.platform]))
    if creator is None:
        raise CreatorExistsError(
            f"This workspace has a creator {draft.handle} on {draft.platform} already."
        )
    return creator


def _own_limits(draft: CreatorDraft, limits: LaneLimits) -> LaneLimits:
    """The limits that the workspace chose, which may only be slower."""
    per_minute = draft.messages_per_minute or limits.messages_per_minute
    gap = limits.min_gap_ms if draft.min_gap_ms is None else draft.min_gap_ms
    fields = {}
    if per_minute > limits.messages_per_minute:
        fields["messages_per_minute"] = f"at most {limits.messages_per_minute}"
    if gap < limits.min_gap_ms:
        fields["min_gap_ms"] = f"at least {limits.min_gap_ms}"
    if fields:
        raise TooFastError(
            f"{draft.platform} takes at most {limits.messages_per_minute} messages a minute,"
            f" {limits.min_gap_ms} ms apart; a workspace may only go slower.",
            fields=fields,
        )
    return LaneLimits(messages_per_minute=per_minute, min_gap_ms=gap)


def get(creator_id: UUID, creators: CreatorStore) -> Creator:
    """Find a creator.

    Raises:
        NotFoundError: The caller sees no such creator.
    """
    return _found(creators.find(creator_id))


def change(creator_id: UUID, changes: CreatorChanges, creators: CreatorStore) -> Creator:
    """Change a creator's settings.

    Raises:
        NotFoundError: The caller sees no such creator.
        CreatorExistsError: Another creator has this handle.
        CurrencyOfMoneyError: There is money in another currency.
    """
    if not changes.model_fields_set:
        return get(creator_id, creators)
    return _found(creators.change(creator_id, changes))


def remove(creator_id: UUID, creators: CreatorStore) -> None:
    """Remove a creator that nothing belongs to.

    Raises:
        NotFoundError: The caller sees no such creator.
        CreatorInUseError: Something belongs to it.
        CreatorConnectedError: Its lane is running.
    """
    if not creators.remove(creator_id):
        raise NotFoundError("There is no such creator in this workspace.")


def _found(creator: Creator | None) -> Creator:
    if creator is None:
        raise NotFoundError("There is no such creator in this workspace.")
    return creator
