"""Rules of checking money. Knows nothing of SQL or AWS."""

from collections.abc import Callable
from typing import NamedTuple, Protocol
from uuid import UUID

from functions.money.models import CheckedPage, Position

# A page is one statement with one snapshot: short enough to hold no vacuum up.
PAGE_FANS = 10_000
_START = Position(UUID(int=0), UUID(int=0))


class Books(Protocol):
    """All fans with their transactions, in an order."""

    def check(self, run_id: UUID, after: Position, most: int) -> CheckedPage | None:
        """Check the next fans and write down what is off; None when there are no more."""
        ...


class CheckOutcome(NamedTuple):
    """What a run came to; not ``complete`` when its time was up before the last fan."""

    checked: int
    drifted: int
    drifted_cents: int
    complete: bool


def check(
    books: Books, run_id: UUID, *, has_time: Callable[[], bool], page_fans: int = PAGE_FANS
) -> CheckOutcome:
    """Check every fan, page by page."""
    at, checked, drifted, cents = _START, 0, 0, 0
    while has_time():
        page = books.check(run_id, at, page_fans)
        if page is None:
            return CheckOutcome(checked, drifted, cents, complete=True)
        at = page.last
        checked += page.checked
        drifted += page.drifted
        cents += page.drifted_cents
    return CheckOutcome(checked, drifted, cents, complete=False)
