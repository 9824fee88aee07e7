"""A request on its way to an answer, and what it takes of the budget meanwhile.

Every call of a provider is reserved before and settled after, whatever it brings.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from uuid import UUID

from huntaze.ai import prices, rows
from huntaze.ai.catalogue import Catalogue, Model
from huntaze.ai.ledger import End, Grant, Ledger, Opening, Reserve, Settlement
from huntaze.ai.models import Hop, Prompt, Usage
from huntaze.ai.turns import Turns
from huntaze.errors import HuntazeError

# What a lease lasts beyond the deadline: settling takes moments, a paused process minutes.
_LEASE_BEYOND = timedelta(minutes=2)

log = logging.getLogger(__name__)


@dataclass
class Work:
    """One request on its way to an answer."""

    opening: Opening
    prompt: Prompt
    response_format: str
    turns: Turns
    started: float
    output_tokens: int
    # What the model is told beside the prompt.
    remark: str | None = None
    usage: Usage = field(default_factory=Usage)
    cost_nanos: int = 0
    degraded: bool = False

    @property
    def ends(self) -> float:
        """When the time for it is over."""
        return self.started + self.opening.request.deadline.total_seconds()

    @cached_property
    def prefix(self) -> str | None:
        """The name of the prefix, the same for all requests that begin with it."""
        if not prices.is_cacheable(self.prompt.prefix):
            return None
        request = self.opening.request
        owner = f"{request.workspace_id}/{request.creator_id}/{request.agent}"
        return hashlib.sha256(f"{owner}/{self.prompt.prefix}".encode()).hexdigest()[:32]

    def input_tokens(self) -> int:
        """More tokens than the next call's prompt has."""
        around = self.response_format + (self.remark or "")
        return prices.most_input_tokens(self.prompt, around)


class Books:
    """Writes into the ledger what becomes of requests.

    Args:
        models: The catalogue, which knows the prices.
        ledger: Keeps it.
        new_id: Makes an id.
    """

    def __init__(self, models: Catalogue, ledger: Ledger, new_id: Callable[[], UUID]) -> None:
        self._models = models
        self._ledger = ledger
        self._new_id = new_id

    def reserve(self, work: Work, hop: Hop) -> tuple[Reserve, Grant]:
        """Set aside the most that the next call may cost; the grant says whether there was room."""
        model = self._model(hop)
        tokens = work.input_tokens()
        most_output = work.output_tokens + model.reasoning_tokens
        reserve = Reserve(
            call_id=self._new_id(),
            hop=hop,
            nanos=prices.worst_case(tokens, most_output, model.prices),
            lease=work.opening.request.deadline + _LEASE_BEYOND,
            prefix=work.prefix,
        )
        return reserve, self._ledger.reserve(work.opening, reserve)

    def settle(
        self, work: Work, reserve: Reserve, usage: Usage, latency_ms: int, end: End | None = None
    ) -> None:
        """Book what a call has cost, and how the request ended if it did."""
        model = self._model(reserve.hop)
        nanos = prices.cost(usage, model.prices)
        if nanos > reserve.nanos:
            log.error("a call cost more than it could", extra={"circuit": reserve.hop.circuit})
        facts = rows.facts(
            work.opening, model, usage, latency_ms=latency_ms, cached=False, estimated=False
        )
        self._ledger.settle(work.opening, reserve, Settlement(nanos, billed=True, facts=facts), end)
        rows.publish(reserve.hop.provider, usage, nanos, latency_ms)
        work.cost_nanos += nanos
        work.usage = rows.added(work.usage, usage)

    def note_fault(self, work: Work, reserve: Reserve, latency_ms: int, *, is_free: bool) -> None:
        """Settle a call that brought nothing."""
        if is_free:
            self._ledger.release(work.opening, reserve)
            return
        # The provider may have worked and charge for it. The budget holds the most that it can
        # be; the workspace is not billed for what nobody can prove.
        model = self._model(reserve.hop)
        most = Usage(
            input_tokens=work.input_tokens(),
            output_tokens=work.output_tokens + model.reasoning_tokens,
        )
        facts = rows.facts(
            work.opening, model, most, latency_ms=latency_ms, cached=False, estimated=True
        )
        settlement = Settlement(reserve.nanos, billed=False, facts=facts)
        self._ledger.settle(work.opening, reserve, settlement)
        rows.publish(reserve.hop.provider, most, reserve.nanos, latency_ms)
        work.cost_nanos += reserve.nanos

    def note_hit(self, work: Work, hop: Hop) -> None:
        """Write down an answer that nobody was asked for again."""
        facts = rows.facts(
            work.opening, self._model(hop), Usage(), latency_ms=0, cached=True, estimated=False
        )
        self._ledger.note_hit(
            work.opening, self._new_id(), facts, End("answered", hop, cached=True)
        )

    def ended[E: HuntazeError](self, work: Work, error: E) -> E:
        """Write down how it ended; the error is for the caller to raise."""
        self._ledger.end(work.opening, End(error.code))
        return error

    def _model(self, hop: Hop) -> Model:
        return self._models.find(hop.provider, hop.model)
