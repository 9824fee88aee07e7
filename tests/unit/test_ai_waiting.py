"""Waiting no longer than one wants to: results, errors, and work that never ends."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from huntaze.ai.waiting import Hands, TookTooLongError

FOR_EVER = 60.0


@pytest.fixture
def never():
    """Work that lasts until the test is over."""
    over = threading.Event()
    yield over.wait
    over.set()


def test_the_result_is_that_of_the_work():
    assert Hands().within(FOR_EVER, lambda: 7) == 7


def test_what_the_work_raises_is_raised():
    def fail() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        Hands().within(FOR_EVER, fail)


def test_work_that_takes_too_long_is_not_waited_for(never):
    with pytest.raises(TookTooLongError):
        Hands().within(0.05, never)


def test_one_thread_does_what_comes_one_after_the_other():
    hands = Hands()
    assert len({hands.within(FOR_EVER, threading.get_ident) for _ in range(5)}) == 1


def test_a_thread_that_is_stuck_holds_up_nobody(never):
    hands = Hands()
    with pytest.raises(TookTooLongError):
        hands.within(0.05, never)
    assert hands.within(FOR_EVER, lambda: 7) == 7


def test_a_late_result_is_nobody_elses():
    hands, late = Hands(), threading.Event()
    with pytest.raises(TookTooLongError):
        hands.within(0.05, lambda: late.wait() and "late")
    late.set()
    assert [hands.within(FOR_EVER, lambda: "mine") for _ in range(3)] == ["mine"] * 3


def test_many_at_once_get_their_own_results():
    hands = Hands()
    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda n: hands.within(FOR_EVER, lambda: n), range(200)))
    assert results == list(range(200))
