"""The daily check goes through all fans, or says that it did not."""

from uuid import UUID

import pytest

from functions.money import service
from functions.money.models import CheckedPage, Position
from huntaze.ids import new_id


class InMemoryBooks:
    """Pages of 7 fans with 2 of them off by 5 cents in all."""

    def __init__(self, pages):
        self.pages = pages
        self.asked = []

    def check(self, run_id, after, most):
        """Answer the next page."""
        self.asked.append((run_id, after, most))
        at = len(self.asked)
        if at > self.pages:
            return None
        return CheckedPage(Position(UUID(int=1), UUID(int=at)), 7, 2, 5)


@pytest.mark.parametrize("pages", [0, 1, 3])
def test_adds_up_all_pages_each_behind_the_one_before(pages):
    books, run = InMemoryBooks(pages), new_id()
    outcome = service.check(books, run, has_time=lambda: True, page_fans=7)
    assert outcome == (7 * pages, 2 * pages, 5 * pages, True)
    start = Position(UUID(int=0), UUID(int=0))
    positions = [start, *(Position(UUID(int=1), UUID(int=n + 1)) for n in range(pages))]
    assert books.asked == [(run, after, 7) for after in positions]


def test_says_that_it_did_not_get_to_the_end():
    times = iter([True, True, False])
    outcome = service.check(InMemoryBooks(9), new_id(), has_time=lambda: next(times))
    assert outcome == (14, 4, 10, False)
