"""Rules of who may give which place in a workspace to whom. Knows nothing of HTTP, SQL or AWS."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol
from uuid import UUID

from functions.management.models import Member, MemberChanges
from huntaze.auth import RIGHTS, Right, Role
from huntaze.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError


class LastOwnerError(ConflictError):
    """A workspace without an owner could be managed by nobody."""


class AlreadyOwnerError(ConflictError):
    """The member owns the workspace already."""


class Place(NamedTuple):
    """What a member may do, and with whom."""

    role: Role
    # None is every creator of the workspace.
    creators: frozenset[UUID] | None

    def covers(self, other: "Place") -> bool:
        """Whether this one sees every creator that the other sees."""
        if self.creators is None:
            return True
        return other.creators is not None and other.creators <= self.creators

    @property
    def governs(self) -> bool:
        """Whether this is an owner's."""
        return Right.GOVERN in RIGHTS[self.role]


class Members(Protocol):
    """Where the members of a workspace are kept."""

    def transaction(self) -> AbstractContextManager[object]:
        """Open a transaction around several calls."""
        ...

    def hold(self) -> None:
        """Let nobody else change members of the workspace until the end of the transaction."""
        ...

    def place_of(self, user_id: UUID) -> Place | None:
        """Find a member's place."""
        ...

    def count_owners(self) -> int:
        """Count those who own the workspace."""
        ...

    def unknown_creators(self, creators: Iterable[UUID]) -> set[UUID]:
        """Find which of these are no creators of the workspace."""
        ...

    def replace(self, user_id: UUID, old: Place, new: Place, *, by: UUID) -> None:
        """Give a member another place."""
        ...

    def remove(self, user_id: UUID, old: Place, *, by: UUID) -> None:
        """Take a member out of the workspace; who is in no other one is forgotten."""
        ...

    def read(self, user_id: UUID) -> Member:
        """Tell about a member that is there."""
        ...


def change(member_id: UUID, changes: MemberChanges, members: Members, *, by: UUID) -> Member:
    """Give a member another role, other creators, or both.

    Raises:
        NotFoundError: There is no such member.
        ForbiddenError: The caller may not give or take away so much.
        InvalidInputError: A creator is none of the workspace's.
        LastOwnerError: Nobody would own the workspace.
    """
    with members.transaction():
        giver, old = _both(members, by, member_id)
        new = place_after(old, changes)
        require_may_give(giver, old)
        require_may_give(giver, new)
        if changes.creator_ids is not None:
            require_own_creators(changes.creator_ids, members)
        if old.governs and not new.governs:
            _require_another_owner(members)
        if new != old:
            members.replace(member_id, old, new, by=by)
        return members.read(member_id)


def remove(member_id: UUID, members: Members, *, by: UUID) -> None:
    """Take somebody out of the workspace, who is forgotten if they are in no other one.

    Raises:
        NotFoundError: There is no such member.
        ForbiddenError: The caller may not take away so much.
        LastOwnerError: Nobody would own the workspace.
    """
    with members.transaction():
        giver, old = _both(members, by, member_id)
        if member_id != by:
            require_may_give(giver, old)
        if old.governs:
            _require_another_owner(members)
        members.remove(member_id, old, by=by)


def transfer(member_id: UUID, members: Members, *, by: UUID) -> Member:
    """Make a member the owner in the caller's stead, who stays as a manager of all creators.

    Raises:
        NotFoundError: There is no such member.
        ForbiddenError: The caller is no owner any more.
        AlreadyOwnerError: The member is an owner.
    """
    with members.transaction():
        giver, old = _both(members, by, member_id)
        owner = Place(Role.OWNER, None)
        require_may_give(giver, owner)
        if old.governs:
            raise AlreadyOwnerError(
                "This member is an owner already; to step down, change your own role."
            )
        members.replace(member_id, old, owner, by=by)
        members.replace(by, giver, Place(Role.MANAGER, None), by=by)
        return members.read(member_id)


def require_may_give(giver: Place, place: Place) -> None:
    """Let nobody give, change or take away a place beyond their own.

    Raises:
        ForbiddenError: It is beyond.
    """
    rights = RIGHTS[giver.role]
    if Right.MANAGE not in rights:
        raise ForbiddenError("Your role does not manage members; ask an owner or a manager.")
    if Right.MANAGE in RIGHTS[place.role] and Right.GOVERN not in rights:
        raise ForbiddenError("Owners and managers are an owner's to make, change and remove.")
    if not giver.covers(place):
        raise ForbiddenError("You manage members of your own creators only; ask an owner.")


def require_own_creators(creators: Iterable[UUID], members: Members) -> None:
    """Refuse creators that are none of the workspace's.

    Raises:
        InvalidInputError: One is none.
    """
    if unknown := members.unknown_creators(creators):
        names = ", ".join(sorted(map(str, unknown)))
        raise InvalidInputError(
            "Some creators are not in this workspace.", fields={"creator_ids": f"unknown: {names}"}
        )


def place_after(old: Place, changes: MemberChanges) -> Place:
    """What a place becomes; an owner sees every creator.

    Raises:
        InvalidInputError: An owner would see some creators only.
    """
    given = changes.model_fields_set
    role = changes.role if "role" in given else old.role
    creators = old.creators
    if "creator_ids" in given:
        creators = None if changes.creator_ids is None else frozenset(changes.creator_ids)
    elif role is Role.OWNER:
        creators = None
    return place_for(role, creators)


def place_for(role: Role, creators: frozenset[UUID] | None) -> Place:
    """A place that there may be.

    Raises:
        InvalidInputError: An owner would see some creators only.
    """
    if role is Role.OWNER and creators is not None:
        raise InvalidInputError(
            "An owner sees every creator.", fields={"creator_ids": "null, or leave it out"}
        )
    return Place(role, creators)


def _both(members: Members, caller_id: UUID, member_id: UUID) -> tuple[Place, Place]:
    """The places of caller and member, which stay as they are until the end of the transaction.

    The authorizer's word about the caller is a moment old: of two owners who demote each other,
    the second must be found demoted.
    """
    members.hold()
    giver = members.place_of(caller_id)
    if giver is None:
        raise ForbiddenError("You are no member of this workspace any more.")
    place = members.place_of(member_id)
    if place is None:
        raise NotFoundError("There is no such member in this workspace.")
    return giver, place


def _require_another_owner(members: Members) -> None:
    if members.count_owners() < 2:
        raise LastOwnerError("A workspace needs an owner; make somebody else one first.")
