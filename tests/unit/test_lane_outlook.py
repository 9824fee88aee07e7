"""How long a lane takes, judged by playing through minute after minute."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huntaze.domain.outbound.queue import Outlook

counts = st.integers(0, 300)
paces = st.one_of(st.none(), st.integers(1, 20))


@pytest.mark.parametrize(
    ("ahead", "messages", "pace", "minutes"),
    [
        ([], 100, None, 10),
        ([], 0, None, 0),
        ([(100, None)], 100, None, 20),
        # One slot of ten is the slow one's, for longer than the new one takes.
        ([(3000, 1)], 90, None, 10),
        ([(3000, 1)], 100, 1, 100),
        # Both are slow, and there is room for both.
        ([(100, 4)], 100, 5, 20),
        # The slow one is through after five minutes of ten.
        ([(20, 4)], 80, None, 10),
        # All is taken until the first is through.
        ([(50, 5), (50, 5)], 100, None, 20),
    ],
)
def test_what_a_pace_leaves_is_the_next_ones(
    ahead: list[tuple[int, int | None]], messages: int, pace: int | None, minutes: int
) -> None:
    lane = Outlook(10, 3000, ahead, 0, None)
    assert lane.seconds_for(messages, per_minute=pace) == minutes * 60


@given(
    ahead=st.lists(st.tuples(counts, paces), max_size=4),
    messages=st.integers(1, 300),
    pace=paces,
    most=st.integers(1, 20),
)
def test_it_takes_no_less_than_all_of_the_lane_and_no_more_than_one_after_the_other(
    ahead: list[tuple[int, int | None]], messages: int, pace: int | None, most: int
) -> None:
    seconds = Outlook(most, 0, ahead, 0, None).seconds_for(messages, per_minute=pace)
    alone = [(count, min(own or most, most)) for count, own in [*ahead, (messages, pace)]]
    each = [60 * count / own for count, own in alone]
    assert each[-1] <= seconds <= math.ceil(sum(each) + 1e-6)
    if all(own == most for _, own in alone):
        assert seconds == math.ceil(60 * sum(count for count, _ in alone) / most - 1e-6)


def test_a_person_waits_for_other_persons_alone() -> None:
    assert Outlook(10, 3000, [(3000, 1)], 4, None).seconds_for_person() == 30
    # The gap is the longer slot.
    assert Outlook(60, 3000, [], 1, None).seconds_for_person() == 6
