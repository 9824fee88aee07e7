"""What the stand-in knows: faults that it plays, prefixes that it keeps, calls that it answered."""

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

type Kind = Literal[
    "down",
    "slow",
    "drip",
    "rate_limited",
    "server_error",
    "out_of_credit",
    "out_of_credit_400",
    "out_of_credit_429",
    "bad_key",
    "filtered",
    "bad_json",
    "wrong_answer",
    "cut_off",
]

# As the providers do it: a prefix is kept from so many tokens on, in steps, for some minutes, and
# found again while its key has no more than so many requests a minute.
_KEPT_FROM, _STEP, _KEPT_SECONDS, _MOST_A_MINUTE = 1024, 128, 600.0, 15
_MINUTE = 60.0


class FaultPlan(BaseModel):
    """A fault to play.

    Args:
        kind: Which one.
        times: For how many calls; None: until told otherwise.
        seconds: How slow, or how long to wait before another try.
        model: For this model alone.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    times: int | None = Field(default=None, ge=1)
    seconds: float = Field(default=1.0, ge=0)
    model: str | None = None


@dataclass
class Charged:
    """One call that was charged for."""

    provider: str
    model: str
    input_tokens: int
    cached_tokens: int
    written_tokens: int
    output_tokens: int
    cache_key: str | None
    at: float


@dataclass
class State:
    """Everything, in memory.

    Args:
        seed: Of the answers.
        clock: Seconds that only grow.
    """

    seed: int = 1
    clock: Callable[[], float] = time.monotonic
    faults: dict[str, list[FaultPlan]] = field(default_factory=lambda: defaultdict(list))
    limits: dict[str, int] = field(default_factory=dict)
    scripts: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    charged: list[Charged] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    _recent: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _prefixes: dict[tuple[str, ...], float] = field(default_factory=dict)

    def reset(self) -> None:
        """Forget everything."""
        for kept in (
            *(self.faults, self.limits, self.scripts, self.charged, self.asked),
            *(self._recent, self._prefixes),
        ):
            kept.clear()

    def fault_for(self, provider: str, model: str) -> FaultPlan | None:
        """The fault of this call; those that are counted end by it."""
        plans = self.faults[provider]
        plan = next((one for one in plans if one.model in (None, model)), None)
        if plan is not None and plan.times is not None:
            plan.times -= 1
            if plan.times == 0:
                plans.remove(plan)
        return plan

    def seconds_to_wait(self, provider: str) -> float:
        """How long until the provider's own limit lets another call in; 0: now."""
        limit = self.limits.get(provider)
        if limit is None:
            return 0.0
        recent = self._in_the_last_minute(f"limit/{provider}")
        if len(recent) >= limit:
            return max(0.001, recent[0] + _MINUTE - self.clock())
        recent.append(self.clock())
        return 0.0

    def kept_tokens(
        self, provider: str, model: str, key: str | None, prefix: str, count: int
    ) -> tuple[int, int]:
        """How many tokens of a prefix are read from the cache, and how many are written to it."""
        if count < _KEPT_FROM:
            return 0, 0
        whole = count - count % _STEP
        recent = self._in_the_last_minute(f"key/{provider}/{model}/{key}")
        recent.append(self.clock())
        if len(recent) > _MOST_A_MINUTE:
            return 0, 0
        name = (provider, model, str(key), prefix)
        kept_at = self._prefixes.get(name)
        self._prefixes[name] = self.clock()
        is_kept = kept_at is not None and self.clock() - kept_at <= _KEPT_SECONDS
        return (whole, 0) if is_kept else (0, whole)

    def truth(self) -> dict[str, Any]:
        """What happened."""
        return {"charged": [asdict(one) for one in self.charged], "asked": self.asked}

    def _in_the_last_minute(self, name: str) -> deque[float]:
        recent = self._recent[name]
        while recent and recent[0] <= self.clock() - _MINUTE:
            recent.popleft()
        return recent
