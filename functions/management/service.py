"""Rules of a workspace's creators. Knows nothing of HTTP, SQL or AWS."""

from typing import Protocol
from uuid import UUID

from functions.management.models import Creator, CreatorChanges
from huntaze.errors import ConflictError, ForbiddenError, NotFoundError


class CreatorConnectedError(ConflictError):
    """The creator's lane is running, or its login is kept."""


class CurrencyOfMoneyError(ConflictError):
    """The creator has transactions in its currency."""


class CreatorInUseError(ConflictError):
    """Fans, campaigns, messages or money belong to the creator."""


class CreatorStore(Protocol):
    """Where a workspace's creators live."""

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
            CreatorConnectedError: Its login may be kept.
        """
        ...


def require_every_creator(*, sees_every_creator: bool) -> None:
    """Let only those add a creator who would see it.

    Raises:
        ForbiddenError: The caller may see some creators only.
    """
    if not sees_every_creator:
        raise ForbiddenError("You work for some creators only; ask an owner to add another.")


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
        CreatorConnectedError: Its login may be kept.
    """
    if not creators.remove(creator_id):
        raise NotFoundError("There is no such creator in this workspace.")


def _found(creator: Creator | None) -> Creator:
    if creator is None:
        raise NotFoundError("There is no such creator in this workspace.")
    return creator
