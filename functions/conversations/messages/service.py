"""Rules of messages that are there."""

from datetime import datetime
from uuid import UUID

from huntaze.errors import ConflictError


class NotOursError(ConflictError):
    """Only a message that was sent from here can be taken back from here."""


class AlreadyUnsentError(ConflictError):
    """The message was taken back."""


def takeable(send_id: UUID | None, unsent_at: datetime | None) -> UUID:
    """The ledger's row of a message that can be taken back.

    Raises:
        NotOursError: The ledger knows nothing of it.
        AlreadyUnsentError: It was taken back.
    """
    if send_id is None:
        raise NotOursError("This message was not sent from here; take it back on the platform.")
    if unsent_at is not None:
        raise AlreadyUnsentError("This message was taken back already.")
    return send_id
