"""Books, breakers and kept answers of one day, in memory: their clock is the day's."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from huntaze.ai.breaker import Verdict
from huntaze.ai.ledger import USES_OF_A_KEY, End, Grant, Opening, Reserve, Settlement
from huntaze.ai.models import Hop, Request

_WINDOW = 65.0


class DayBooks:
    """Books without a limit, which give out the keys of prefixes as those in Postgres do.

    Args:
        clock: Seconds of the day.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._uses: dict[str, list[list[float]]] = defaultdict(list)

    def reserve(self, opening: Opening, reserve: Reserve) -> Grant:  # noqa: ARG002
        """Grant everything."""
        return Grant(
            granted=True,
            may_degrade=True,
            resets_at=None,
            shard=None if reserve.prefix is None else self._shard(reserve.prefix),
        )

    def settle(
        self, opening: Opening, reserve: Reserve, settlement: Settlement, end: End | None = None
    ) -> None:
        """Nothing: the answers say what they cost."""

    def release(self, opening: Opening, reserve: Reserve) -> None:
        """Nothing was held."""

    def end(self, opening: Opening, end: End) -> None:
        """Nothing."""

    def note_hit(self, opening: Opening, call_id: UUID, facts: dict[str, Any], end: End) -> None:
        """Nothing."""

    def _shard(self, prefix: str) -> int:
        now, shards = self._clock(), self._uses[prefix]
        for number, uses in enumerate(shards):
            uses[:] = [at for at in uses if at > now - _WINDOW]
            if len(uses) < USES_OF_A_KEY:
                uses.append(now)
                return number
        shards.append([now])
        return len(shards) - 1


class Open:
    """Breakers that let everything pass."""

    def admit(self, hop: Hop, *, lease: float) -> tuple[Verdict, int | None]:  # noqa: ARG002
        """Yes."""
        return Verdict.GO, None

    def succeeded(self, hop: Hop, probe: int | None) -> None:
        """Nothing changes."""

    def failed(self, hop: Hop, probe: int | None, *, out_of_credit: bool) -> None:
        """Nothing changes."""

    def let_go(self, hop: Hop, probe: int | None) -> None:
        """Nothing changes."""


class DayAnswers:
    """Answers that are kept for as long as a task says."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, datetime]] = {}

    def find(self, question: str, request: Request, now: datetime) -> str | None:  # noqa: ARG002
        """The text that answered this question before."""
        text, until = self._kept.get(question, ("", now))
        return text if now < until else None

    def keep(
        self,
        question: str,
        request: Request,  # noqa: ARG002
        text: str,
        *,
        now: datetime,
        kept_for: timedelta,
    ) -> None:
        """Keep a text for whoever asks the same."""
        self._kept[question] = (text, now + kept_for)
