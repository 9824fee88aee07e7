"""Who may give which place to whom: never beyond one's own, never zero owners."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.management import members
from functions.management.members import Place
from functions.management.models import Member, MemberChanges
from huntaze.auth import RIGHTS, Right, Role
from huntaze.errors import (
    ConflictError,
    ForbiddenError,
    HuntazeError,
    InvalidInputError,
    NotFoundError,
)

PEOPLE = [UUID(int=n) for n in range(1, 6)]
CREATORS = [UUID(int=n) for n in range(101, 104)]
OWNER = Place(Role.OWNER, None)


class InMemoryMembers:
    """The members of a workspace of three creators."""

    def __init__(self, places: dict[UUID, Place]) -> None:
        self.places = dict(places)

    def transaction(self) -> AbstractContextManager[object]:
        """Nothing is undone here: the rules refuse before they write."""
        return nullcontext()

    def hold(self) -> None:
        """Nobody else is here."""

    def place_of(self, user_id: UUID) -> Place | None:
        """Find a member's place."""
        return self.places.get(user_id)

    def count_owners(self) -> int:
        """Count owners."""
        return sum(place.role is Role.OWNER for place in self.places.values())

    def unknown_creators(self, creators: Iterable[UUID]) -> set[UUID]:
        """Find which of these are no creators."""
        return set(creators) - set(CREATORS)

    def replace(self, user_id: UUID, old: Place, new: Place, *, by: UUID) -> None:  # noqa: ARG002
        """Give a member another place."""
        self.places[user_id] = new

    def remove(self, user_id: UUID, old: Place, *, by: UUID) -> None:  # noqa: ARG002
        """Take a member out."""
        del self.places[user_id]

    def read(self, user_id: UUID) -> Member:
        """Tell about a member."""
        role, creators = self.places[user_id]
        return Member(
            user_id=user_id,
            email="",
            name="",
            role=role,
            creator_ids=None if creators is None else list(creators),
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )


def team(*places: Place) -> InMemoryMembers:
    return InMemoryMembers(dict(zip(PEOPLE, places, strict=False)))


def scope(*numbers: int) -> frozenset[UUID]:
    return frozenset(CREATORS[number] for number in numbers)


SCOPES = st.one_of(st.none(), st.frozensets(st.sampled_from(CREATORS)))
PLACES = st.builds(Place, st.sampled_from(Role), SCOPES).map(
    lambda place: OWNER if place.role is Role.OWNER else place
)
CHANGES = st.one_of(
    st.builds(lambda role: MemberChanges(role=role), st.sampled_from(Role)),
    st.builds(lambda some: MemberChanges(creator_ids=some), SCOPES),
    st.builds(
        lambda role, some: MemberChanges(role=role, creator_ids=some),
        st.sampled_from(Role),
        SCOPES,
    ),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(PEOPLE),
        st.sampled_from(PEOPLE),
        st.one_of(CHANGES, st.sampled_from(["remove", "transfer"])),
    ),
    max_size=25,
)


@given(st.lists(PLACES, min_size=1, max_size=4), STEPS)
def test_whatever_people_do_there_is_an_owner_and_nobody_gives_more_than_they_have(places, steps):
    store = team(OWNER, *places)
    for caller, member, what in steps:
        before = dict(store.places)
        try:
            if what == "remove":
                members.remove(member, store, by=caller)
            elif what == "transfer":
                members.transfer(member, store, by=caller)
            else:
                members.change(member, what, store, by=caller)
        except HuntazeError:
            assert store.places == before
            continue
        giver = before[caller]
        assert store.count_owners() >= 1
        for one, old in before.items():
            new = store.places.get(one)
            if old == new or (one == caller and new is None):
                continue
            # Whoever changes somebody has at least what they gave and what they took away.
            assert Right.MANAGE in RIGHTS[giver.role]
            for place in (old, new):
                if place is not None:
                    assert giver.covers(place)
                    assert RIGHTS[place.role] <= RIGHTS[giver.role]
                    assert Right.MANAGE not in RIGHTS[place.role] or giver.role is Role.OWNER


def test_an_owner_makes_managers_and_owners_and_undoes_it():
    store = team(OWNER, Place(Role.CHATTER, scope(0)))
    owner, other = PEOPLE[:2]
    members.change(other, MemberChanges(role=Role.MANAGER), store, by=owner)
    assert store.places[other] == Place(Role.MANAGER, scope(0))
    members.change(other, MemberChanges(role=Role.OWNER), store, by=owner)
    assert store.places[other] == OWNER
    members.change(owner, MemberChanges(role=Role.ANALYST), store, by=owner)
    assert store.places[owner] == Place(Role.ANALYST, None)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.OWNER])
def test_a_manager_makes_no_manager(role):
    store = team(OWNER, Place(Role.MANAGER, None), Place(Role.CHATTER, None))
    with pytest.raises(ForbiddenError):
        members.change(PEOPLE[2], MemberChanges(role=role), store, by=PEOPLE[1])


@pytest.mark.parametrize(
    "changes", [MemberChanges(role=Role.OWNER), MemberChanges(creator_ids=None)]
)
def test_nobody_raises_themselves(changes):
    for role in set(Role) - {Role.OWNER}:
        store = team(OWNER, Place(role, scope(0)))
        with pytest.raises(ForbiddenError):
            members.change(PEOPLE[1], changes, store, by=PEOPLE[1])


@pytest.mark.parametrize("wanted", [None, scope(0, 1), scope(1)])
def test_a_manager_of_some_creators_gives_those_only(wanted):
    store = team(OWNER, Place(Role.MANAGER, scope(0)), Place(Role.CHATTER, scope(0)))
    with pytest.raises(ForbiddenError):
        members.change(PEOPLE[2], MemberChanges(creator_ids=wanted), store, by=PEOPLE[1])
    members.change(PEOPLE[2], MemberChanges(creator_ids=[]), store, by=PEOPLE[1])
    assert store.places[PEOPLE[2]] == Place(Role.CHATTER, frozenset())


def test_the_last_owner_stays():
    store = team(OWNER, Place(Role.MANAGER, None))
    with pytest.raises(ConflictError):
        members.change(PEOPLE[0], MemberChanges(role=Role.MANAGER), store, by=PEOPLE[0])
    with pytest.raises(ConflictError):
        members.remove(PEOPLE[0], store, by=PEOPLE[0])


def test_everybody_else_may_leave_and_is_not_thrown_out_by_a_peer():
    for role in set(Role) - {Role.OWNER}:
        store = team(OWNER, Place(role, None), Place(role, None))
        with pytest.raises(ForbiddenError):
            members.remove(PEOPLE[2], store, by=PEOPLE[1])
        members.remove(PEOPLE[1], store, by=PEOPLE[1])
        assert PEOPLE[1] not in store.places


def test_a_workspace_is_handed_over_in_one_step():
    store = team(OWNER, Place(Role.CHATTER, scope(0)))
    members.transfer(PEOPLE[1], store, by=PEOPLE[0])
    assert store.places == {PEOPLE[0]: Place(Role.MANAGER, None), PEOPLE[1]: OWNER}
    with pytest.raises(ForbiddenError):
        members.transfer(PEOPLE[0], store, by=PEOPLE[0])


def test_an_owner_cannot_be_handed_what_they_have():
    for member in PEOPLE[:2]:
        with pytest.raises(ConflictError):
            members.transfer(member, team(OWNER, OWNER), by=PEOPLE[0])


def test_refuses_what_is_not_there():
    store = team(OWNER)
    with pytest.raises(NotFoundError):
        members.remove(PEOPLE[3], store, by=PEOPLE[0])
    with pytest.raises(ForbiddenError):
        members.remove(PEOPLE[0], store, by=PEOPLE[3])


def test_a_scope_names_creators_of_the_workspace_and_an_owner_sees_all():
    store = team(OWNER, Place(Role.CHATTER, None))
    for changes in (
        MemberChanges(creator_ids=[PEOPLE[0]]),
        MemberChanges(role=Role.OWNER, creator_ids=[CREATORS[0]]),
    ):
        with pytest.raises(InvalidInputError):
            members.change(PEOPLE[1], changes, store, by=PEOPLE[0])
