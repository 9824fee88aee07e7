"""Whose turn it is: the order in which the models of a request are asked, and asked again."""

from dataclasses import dataclass

from huntaze.ai.models import Hop
from huntaze.ai.providers import Fault, ProviderFaultError

# How often one model is asked for one request, if it says that it is only busy.
_TRIES = 3
# The first pause before the same model is asked again; doubled each time, less up to a half at
# random, so that many callers do not come back together.
_FIRST_PAUSE = 0.25
_BUSY = {Fault.RATE_LIMITED, Fault.SERVER_ERROR}


@dataclass
class _Place:
    hop: Hop
    ready_at: float = 0.0
    tries: int = 0
    is_out: bool = False


class Turns:
    """The hops of one decision.

    Args:
        hops: In the order in which they are preferred.
    """

    def __init__(self, hops: tuple[Hop, ...]) -> None:
        self._places = [_Place(hop) for hop in hops]

    def next(self) -> tuple[Hop, float] | None:
        """The hop to ask, and from when on; None: nobody is left."""
        left = [place for place in self._places if not place.is_out]
        if not left:
            return None
        # Of those that may be asked at the same moment, the one that is preferred.
        first = min(left, key=lambda place: place.ready_at)
        return first.hop, first.ready_at

    @property
    def others(self) -> int:
        """How many more there are beside the next one."""
        return max(0, sum(not place.is_out for place in self._places) - 1)

    def leave_out(self, hop: Hop) -> None:
        """Do not ask this one any more."""
        self._place(hop).is_out = True

    def note(self, hop: Hop, error: ProviderFaultError, now: float, chance: float) -> None:
        """Take a fault into account.

        Args:
            hop: Whose it was.
            error: What went wrong.
            now: When.
            chance: From 0 to 1.
        """
        place = self._place(hop)
        place.tries += 1
        if error.fault not in _BUSY or place.tries >= _TRIES:
            place.is_out = True
            return
        pause = _FIRST_PAUSE * 2 ** (place.tries - 1) * (1 - chance / 2)
        place.ready_at = now + max(pause, error.retry_after)

    def _place(self, hop: Hop) -> _Place:
        return next(place for place in self._places if place.hop == hop)
