"""Rules of leaving: who may order that a workspace or themselves be forgotten, and how sure we are.

Knows nothing of HTTP, SQL or AWS.
"""

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from functions.management.erasures.models import Account, Erasure
from functions.management.members import Members
from functions.management.members import remove as remove_member
from huntaze.errors import ConflictError, InvalidInputError, TooManyRequestsError

# Long enough to notice a mail about it and to call it off; the logins of creators and every
# message stop at once.
GRACE = timedelta(days=7)
# Whoever finds an open browser has not just logged in.
PROOF_LIFE = timedelta(minutes=10)
# Each is a mail to every owner, and an hour's work for whoever connects the creators again.
_ORDERS_A_DAY = 3
_DAY = timedelta(days=1)


class LoginTooOldError(ConflictError):
    """The caller logged in too long ago for something that cannot be undone."""


class NoErasureError(ConflictError):
    """There is no order that could be withdrawn."""


class Leaving(Protocol):
    """Where orders of one workspace are kept."""

    def transaction(self) -> AbstractContextManager[object]:
        """Open a transaction around several calls."""
        ...

    def hold(self) -> None:
        """Let nobody else order or withdraw until the end of the transaction."""
        ...

    def proven_at(self, session_id: UUID) -> datetime | None:
        """When the person of a session showed who they are."""
        ...

    def account(self) -> Account:
        """Read the workspace, and the order that stands."""
        ...

    def orders_since(self, moment: datetime) -> int:
        """Count the orders that were given, withdrawn or not."""
        ...

    def order(self, begins_at: datetime, *, by: UUID) -> None:
        """Order the erasure, stop everything that is sent, and tell the owners."""
        ...

    def withdraw(self, *, by: UUID) -> bool:
        """Take back an order that has not begun; False when there is none."""
        ...


def erase_workspace(
    name: str, leaving: Leaving, *, session_id: UUID, by: UUID, now: datetime
) -> Erasure:
    """Order that the workspace be erased; ordering it again is the same order.

    Raises:
        LoginTooOldError: The caller has to log in anew.
        InvalidInputError: It is not the workspace's name.
        TooManyRequestsError: It was ordered and withdrawn again and again.
    """
    with leaving.transaction():
        leaving.hold()
        require_proof(leaving.proven_at(session_id), now)
        account = leaving.account()
        if name != account.name:
            raise InvalidInputError(
                "This is not the name of the workspace.",
                fields={"workspace_name": "type the workspace's name as it is"},
            )
        if account.erasure is None:
            if leaving.orders_since(now - _DAY) >= _ORDERS_A_DAY:
                raise TooManyRequestsError(
                    f"A workspace's erasure is ordered {_ORDERS_A_DAY} times a day at most.",
                    retry_after=int(timedelta(hours=1).total_seconds()),
                )
            leaving.order(now + GRACE, by=by)
        erasure = leaving.account().erasure
    if erasure is None:
        raise LookupError("an order that was just given is not there")
    return erasure


def keep_workspace(leaving: Leaving, *, by: UUID) -> Account:
    """Take the order back.

    Raises:
        NoErasureError: There is none, or erasing has begun.
    """
    with leaving.transaction():
        leaving.hold()
        if not leaving.withdraw(by=by):
            raise NoErasureError("There is no order to withdraw, or erasing has begun.")
        return leaving.account()


def leave(
    user_id: UUID, leaving: Leaving, members: Members, *, session_id: UUID, now: datetime
) -> None:
    """Leave the workspace; who is in no other one is forgotten.

    Raises:
        LoginTooOldError: The caller has to log in anew.
        LastOwnerError: Nobody would own the workspace.
    """
    with leaving.transaction():
        require_proof(leaving.proven_at(session_id), now)
        remove_member(user_id, members, by=user_id)


def require_proof(proven_at: datetime | None, now: datetime) -> None:
    """Refuse who has not just shown who they are.

    Raises:
        LoginTooOldError: It is too long ago.
    """
    if proven_at is None or now - proven_at > PROOF_LIFE:
        minutes = PROOF_LIFE // timedelta(minutes=1)
        raise LoginTooOldError(
            f"This cannot be undone: log in again, and repeat it within {minutes} minutes."
        )
