"""Rules of the sweep: what a dead process had reserved comes back, every cost row arrives."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple, Protocol
from uuid import UUID

from functions.assistant.models import CostRow
from huntaze.ai.catalogue import Catalogue
from huntaze.ai.models import Hop

# Rows of one round; a round must be able to end when the time is nearly up.
ROUND = 200


class Books(Protocol):
    """The books of all workspaces."""

    def return_expired(self) -> int:
        """Give back the reserves of calls whose process died."""
        ...

    def unstored(self, most: int) -> Sequence[CostRow]:
        """The oldest cost rows that have not arrived."""
        ...

    def mark_stored(self, call_ids: Sequence[UUID]) -> None:
        """Say which rows have."""
        ...

    def tidy(self) -> None:
        """Throw away what has done its work."""
        ...


class CostTable(Protocol):
    """Where cost rows are kept."""

    def put(self, rows: Sequence[CostRow]) -> list[UUID]:
        """Keep rows, also again; returns the calls of those that were taken."""
        ...


class Outcome(NamedTuple):
    """What a sweep did."""

    returned: int
    stored: int
    refused: int


def sweep(books: Books, table: CostTable, *, has_time: Callable[[], bool]) -> Outcome:
    """Return leases, then move rows until none waits, the time is up, or one is refused."""
    returned = books.return_expired()
    stored = refused = 0
    while has_time() and not refused:
        rows = books.unstored(ROUND)
        taken = table.put(rows) if rows else []
        # A sweep that dies here puts the same rows again: the same keys, the same contents.
        books.mark_stored(taken)
        stored += len(taken)
        refused = len(rows) - len(taken)
        if len(rows) < ROUND:
            break
    books.tidy()
    return Outcome(returned, stored, refused)


def models_near_end(models: Catalogue, chosen: frozenset[Hop], today: date) -> list[Hop]:
    """The models that the router may choose and that are about to be taken away."""
    return [hop for hop in chosen if models.find(hop.provider, hop.model).ends_soon(today)]
