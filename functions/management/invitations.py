"""Rules of invitations: who may invite whom into which place, and how often."""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from functions.management.members import (
    Members,
    Place,
    place_for,
    require_may_give,
    require_own_creators,
)
from functions.management.models import Invitation, InvitationDraft
from huntaze.errors import ConflictError, ForbiddenError, NotFoundError, TooManyRequestsError

LIFE = timedelta(days=7)
# Our mails must not become a way to pester people.
_MAILS_A_DAY = 50
_DAY = timedelta(days=1)
_BETWEEN_MAILS = timedelta(minutes=1)


class AlreadyMemberError(ConflictError):
    """Somebody with this address is in the workspace."""


class Invitations(Members, Protocol):
    """Where members and invitations of a workspace are kept."""

    def has_address(self, email: str) -> bool:
        """Whether a member has the address."""
        ...

    def find_open(self, email: str) -> Invitation | None:
        """Find the open invitation of an address, over or not."""
        ...

    def find_invitation(self, invitation_id: UUID) -> Invitation | None:
        """Find an open invitation, over or not."""
        ...

    def mails_since(self, moment: datetime) -> int:
        """Count the mails that the workspace's invitations have caused."""
        ...

    def require_room(self, now: datetime, *, adding: int) -> None:
        """Refuse more members and invitations than the plan includes."""
        ...

    def invite(
        self, draft: InvitationDraft, place: Place, *, by: UUID, now: datetime, until: datetime
    ) -> Invitation:
        """Open an invitation, or replace the open one and its link, and store its mail."""
        ...

    def withdraw(self, invitation_id: UUID, *, by: UUID, now: datetime) -> None:
        """Let an invitation be good no more."""
        ...


def invite(draft: InvitationDraft, store: Invitations, *, by: UUID, now: datetime) -> Invitation:
    """Invite an address, or send another link to it; nobody learns whether it has an account.

    Raises:
        ForbiddenError: The caller may not give so much.
        InvalidInputError: A creator is none of the workspace's.
        AlreadyMemberError: The address is a member's.
        TooManyRequestsError: Too many mails were asked for.
    """
    scope = None if draft.creator_ids is None else frozenset(draft.creator_ids)
    place = place_for(draft.role, scope)
    with store.transaction():
        giver = _giver(store, by)
        require_may_give(giver, place)
        require_own_creators(draft.creator_ids or [], store)
        if store.has_address(draft.email):
            raise AlreadyMemberError("Somebody with this address is a member already.")
        before = store.find_open(draft.email)
        if before is not None:
            require_may_give(giver, place_of(before))
            if now - before.mailed_at < _BETWEEN_MAILS:
                raise TooManyRequestsError(
                    "A mail has just gone to this address; wait a minute.",
                    retry_after=int(_BETWEEN_MAILS.total_seconds()),
                )
        if store.mails_since(now - _DAY) >= _MAILS_A_DAY:
            raise TooManyRequestsError(
                f"A workspace sends {_MAILS_A_DAY} invitations a day; go on tomorrow.",
                retry_after=int(timedelta(hours=1).total_seconds()),
            )
        promised = before is not None and before.expires_at > now
        store.require_room(now, adding=0 if promised else 1)
        return store.invite(draft, place, by=by, now=now, until=now + LIFE)


def withdraw(invitation_id: UUID, store: Invitations, *, by: UUID, now: datetime) -> None:
    """Let an invitation be good no more.

    Raises:
        NotFoundError: There is no such open invitation.
        ForbiddenError: It is for more than the caller may give.
    """
    with store.transaction():
        giver = _giver(store, by)
        invitation = store.find_invitation(invitation_id)
        if invitation is None:
            raise NotFoundError("There is no such open invitation.")
        require_may_give(giver, place_of(invitation))
        store.withdraw(invitation_id, by=by, now=now)


def place_of(invitation: Invitation) -> Place:
    """The place that an invitation offers."""
    scope = invitation.creator_ids
    return Place(invitation.role, None if scope is None else frozenset(scope))


def _giver(store: Invitations, by: UUID) -> Place:
    store.hold()
    giver = store.place_of(by)
    if giver is None:
        raise ForbiddenError("You are no member of this workspace any more.")
    return giver
