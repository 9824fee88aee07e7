"""The rate budget, judged by code that was written from the rule's sentence alone."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huntaze.domain.outbound.rate import Interval, Limits, next_grant, reserved
from tests.fakes.rate_rule import MINUTE, breaches

START = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
T2 = timedelta(seconds=9)

limits = st.builds(
    Limits,
    st.integers(1, 40),
    st.sampled_from([timedelta(0), timedelta(seconds=1), timedelta(seconds=3)]),
)
# A message takes this many milliseconds; None is a worker that dies before it knows the outcome.
durations = st.lists(st.one_of(st.none(), st.integers(1, 8_900)), min_size=1, max_size=150)
paces = st.one_of(st.none(), st.integers(1, 60))


@pytest.fixture(scope="module")
def drive() -> Callable[..., list[Interval]]:
    """Send messages flat out against stored state that is cut to the last N."""

    def run(
        rule: Limits, took: Sequence[int | None], paced: Sequence[int | None] | int | None
    ) -> list[Interval]:
        now, stored, history = START, list[Interval](), list[Interval]()
        last_of: dict[int | None, datetime] = {}
        for number, milliseconds in enumerate(took):
            pace = paced if paced is None or isinstance(paced, int) else paced[number % len(paced)]
            slot = next_grant(stored, rule, paced_per_minute=pace, paced_from=last_of.get(pace))
            now = last_of[pace] = max(now, slot or now)
            stored = reserved(stored, rule, now=now, until=now + T2)
            if milliseconds is not None:
                now += timedelta(milliseconds=milliseconds)
                stored[-1] = Interval(stored[-1].start, now)
            history.append(stored[-1])
            assert len(stored) <= rule.messages_per_minute
        return history

    return run


@settings(max_examples=300, deadline=None)
@given(rule=limits, took=durations, paced=st.lists(paces, min_size=1, max_size=5))
def test_no_window_holds_more_than_the_rule_allows(
    drive: Callable[..., list[Interval]],
    rule: Limits,
    took: list[int | None],
    paced: list[int | None],
) -> None:
    history = [(one.start, one.end) for one in drive(rule, took, paced)]
    assert breaches(history, rule.messages_per_minute, rule.min_gap) == []


@settings(max_examples=200, deadline=None)
@given(rule=limits, took=durations, before=st.integers(-7200, 7200))
def test_a_clock_that_is_wrong_by_hours_changes_nothing(
    drive: Callable[..., list[Interval]], rule: Limits, took: list[int | None], before: int
) -> None:
    # Only what the database stored decides: shift all of it, and every answer shifts with it.
    shift = timedelta(seconds=before)
    history = drive(rule, took, rule.messages_per_minute)[-rule.messages_per_minute :]
    moved = [Interval(one.start + shift, one.end + shift) for one in history]
    answer = next_grant(history, rule, paced_per_minute=rule.messages_per_minute)
    assert answer is not None
    assert next_grant(moved, rule, paced_per_minute=rule.messages_per_minute) == answer + shift


@settings(max_examples=300, deadline=None)
@given(rule=limits, took=durations)
def test_a_person_waits_at_most_one_slot_behind_a_paced_campaign(
    drive: Callable[..., list[Interval]], rule: Limits, took: list[int | None]
) -> None:
    history = drive(rule, took, rule.messages_per_minute)
    recent = history[-rule.messages_per_minute :]
    last = recent[-1]
    grant = next_grant(recent, rule)
    assert grant is not None
    # One slot from the campaign's grant; what is in the air, and the gap after it, come first.
    slot = MINUTE / rule.messages_per_minute
    longest = max(one.end - one.start for one in recent)
    assert grant - last.start <= max(slot + longest, last.end - last.start + rule.min_gap)


@pytest.mark.parametrize("pace", [10, 9, 5, 1])
def test_a_campaign_goes_no_faster_than_it_chose(
    drive: Callable[..., list[Interval]], pace: int
) -> None:
    rule = Limits(10, timedelta(seconds=3))
    history = drive(rule, [700] * 60, pace)
    starts = [one.start for one in history]
    if pace < 10:
        assert all(later - earlier >= MINUTE / pace for earlier, later in pairwise(starts))
    assert (starts[-1] - starts[0]) >= 59 * MINUTE / pace - timedelta(seconds=6)


def best_seconds(history: Sequence[Interval], rule: Limits) -> float:
    """When the last of these messages could have been granted at the earliest."""
    ends: list[float] = []
    at = 0.0
    for number, one in enumerate(history):
        at = ends[-1] + rule.min_gap.total_seconds() if ends else 0.0
        if number >= rule.messages_per_minute:
            at = max(at, ends[number - rule.messages_per_minute] + 60)
        ends.append(at + (one.end - one.start).total_seconds())
    return at


@settings(max_examples=25, deadline=None)
@given(
    rule=st.sampled_from([Limits(10, timedelta(seconds=3)), Limits(30, timedelta(seconds=1))]),
    seed=st.randoms(use_true_random=False),
    paced=st.booleans(),
)
def test_a_flat_out_source_uses_what_the_rule_allows(
    drive: Callable[..., list[Interval]], rule: Limits, seed: random.Random, paced: bool
) -> None:
    took = [seed.choice([300, 600, 900, 1200, 1500]) for _ in range(1500)]
    history = drive(rule, took, rule.messages_per_minute if paced else None)
    taken = (history[-1].start - history[0].start).total_seconds()
    assert best_seconds(history, rule) / taken >= 0.99


@settings(max_examples=200, deadline=None)
@given(rule=limits, took=durations, pace=st.integers(1, 60), ago=st.integers(0, 120_000))
def test_what_others_send_does_not_hold_a_slow_campaign_back(
    drive: Callable[..., list[Interval]],
    rule: Limits,
    took: list[int | None],
    pace: int,
    ago: int,
) -> None:
    recent = drive(rule, took, rule.messages_per_minute)[-rule.messages_per_minute :]
    own = recent[-1].end - timedelta(milliseconds=ago)
    full = next_grant(recent, rule, paced_per_minute=rule.messages_per_minute)
    slot = next_grant(recent, rule, paced_per_minute=pace, paced_from=own)
    assert full is not None
    assert slot == max(full, own + MINUTE / pace if pace < rule.messages_per_minute else full)


def test_a_crash_keeps_its_reserve() -> None:
    rule = Limits(10, timedelta(seconds=3))
    stored = reserved([], rule, now=START, until=START + T2)
    assert next_grant(stored, rule) == START + T2 + rule.min_gap


def test_a_first_message_waits_for_nothing() -> None:
    assert next_grant([], Limits(10, timedelta(seconds=3)), paced_per_minute=10) is None
