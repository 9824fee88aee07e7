"""Whom a feature reaches: always the same workspaces, and more of them when its share grows."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from huntaze.flags import Flag, Rollout, place_of

FLAG = Flag.HYBRID_CAMPAIGNS
SHARES = st.integers(0, 100)


@given(st.uuids(), SHARES, SHARES)
def test_a_larger_share_has_those_of_a_smaller_one(workspace, one, other):
    small, large = sorted((one, other))
    if Rollout(share_percent=small).reaches(FLAG, workspace):
        assert Rollout(share_percent=large).reaches(FLAG, workspace)


@given(st.uuids(), SHARES)
def test_nobody_everybody_and_whoever_is_named(workspace, share):
    assert not Rollout(share_percent=0).reaches(FLAG, workspace)
    assert Rollout(share_percent=100).reaches(FLAG, workspace)
    named = Rollout(share_percent=share, workspaces=frozenset({workspace}))
    assert named.reaches(FLAG, workspace)


def test_places_never_change():
    """A release must not shuffle who has a feature."""
    workspace = UUID("01920000-0000-7000-8000-000000000009")
    assert place_of(FLAG, workspace) == 74


def test_a_share_is_about_so_many():
    reached = sum(Rollout(share_percent=30).reaches(FLAG, UUID(int=n)) for n in range(10_000))
    assert abs(reached - 3000) < 250
