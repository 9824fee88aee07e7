"""What can go wrong on demand: validated faults, for one creator or for everyone."""

import random
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from local.fan_platform.rewriting import Rewrite

Count = Annotated[int, Field(ge=0, le=1_000_000)]
PageDrift = Literal["renamed", "renamed_messages", "no_message_ids", "other_fan", "scrolling"]
ChallengeKind = Literal["captcha", "two_factor"]


class RateRule(BaseModel):
    """At most so many messages of one creator in any 60 seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    messages_per_minute: Annotated[int, Field(ge=1, le=100_000)]
    enforce: bool = Field(
        default=True, description="Refuse with 429; otherwise only count the violation."
    )
    cooldown_seconds: float = Field(
        default=0, ge=0, le=3600, description="After a refusal every page answers 429 for so long."
    )


class PageCrash(BaseModel):
    """The page of a thread kills its renderer, or blocks it for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["crash", "hang"] = "crash"
    moment: Literal["open", "sent"] = Field(
        default="open", description="When the thread opens, or once a message was accepted."
    )
    skip: Count = Field(default=0, description="Let so many threads pass first.")
    next: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    fan: str | None = None


class Faults(BaseModel):
    """The faults of one scope; a key that is absent or null is no fault."""

    model_config = ConfigDict(extra="forbid")

    latency_ms: Annotated[int, Field(ge=0, le=600_000)] | None = None
    error_rate: Annotated[float, Field(ge=0, le=1)] | None = None
    error_after_accept: Count | None = Field(
        default=None, description="The next N messages are accepted and answered with 500."
    )
    hang_after_accept: Count | None = Field(
        default=None, description="The next N messages are accepted and never answered."
    )
    hang_before_accept: Count | None = Field(
        default=None, description="The next N messages are neither accepted nor answered."
    )
    session_expiry_after: Count | None = Field(
        default=None, description="Sessions end once N more messages were accepted; 0 is now."
    )
    challenge_after: Count | None = Field(
        default=None, description="Every page is a challenge once N more messages were accepted."
    )
    challenge: ChallengeKind | None = Field(
        default=None, description="Which challenge; captcha if absent."
    )
    page_drift: PageDrift | None = None
    rate_rule: RateRule | None = None
    rewrite: list[Rewrite] | bool | None = Field(
        default=None, description="Rewrite texts: true for all ways, or a list of them."
    )
    blocked_fans: list[str] | None = Field(
        default=None, description="These fans have blocked the creator."
    )
    gone_fans: list[str] | None = Field(
        default=None, description="The accounts of these fans are deleted."
    )
    page_crash: PageCrash | None = None


class FaultOrder(Faults):
    """Faults to set for one creator, or for all when ``creator`` is absent."""

    creator: str | None = None


class FaultBoard:
    """The faults in force. A creator's own value wins over the one for all."""

    def __init__(self) -> None:
        self._scopes: dict[str | None, Faults] = {}
        self._dice = random.Random(1)

    def set(self, order: FaultOrder) -> None:
        """Set the keys that the order names; the other faults of its scope stay."""
        given = order.model_dump(exclude={"creator"}, include=order.model_fields_set)
        current = self._scopes.get(order.creator, Faults()).model_dump()
        self._scopes[order.creator] = Faults.model_validate({**current, **given})

    def clear(self, creator: str | None = None) -> None:
        """Clear the faults of a creator; without one, all faults of everyone."""
        if creator is None:
            self._scopes.clear()
        else:
            self._scopes.pop(creator, None)

    def listed(self) -> list[dict[str, Any]]:
        """Return the faults in force, scope by scope."""
        return [
            {"creator": creator, **faults.model_dump(exclude_none=True)}
            for creator, faults in self._scopes.items()
        ]

    def latency_seconds(self, creator: str | None) -> float:
        """Return how long an answer waits."""
        return float(self._value("latency_ms", creator) or 0) / 1000

    def fails_by_chance(self, creator: str | None) -> bool:
        """Return whether this request is one of the unlucky share."""
        rate = self._value("error_rate", creator)
        return bool(rate) and self._dice.random() < rate

    def takes(
        self,
        name: Literal["error_after_accept", "hang_after_accept", "hang_before_accept"],
        creator: str,
    ) -> bool:
        """Use up one of the next N, if any are left."""
        for scope in (creator, None):
            faults = self._scopes.get(scope)
            if faults and getattr(faults, name):
                setattr(faults, name, getattr(faults, name) - 1)
                return True
        return False

    def count_accepted(self, creator: str) -> None:
        """Bring what happens after N messages one message closer."""
        for scope in (creator, None):
            faults = self._scopes.get(scope)
            if faults:
                faults.session_expiry_after = _one_less(faults.session_expiry_after)
                faults.challenge_after = _one_less(faults.challenge_after)

    def scopes_to_log_out(self, creator: str | None) -> list[str | None]:
        """Return whose sessions end now, once: a creator's, or everyone's (None)."""
        due: list[str | None] = []
        for scope in {creator, None}:
            faults = self._scopes.get(scope)
            if faults and faults.session_expiry_after == 0:
                faults.session_expiry_after = None
                due.append(scope)
        return due

    def challenge(self, creator: str) -> ChallengeKind | None:
        """Return the challenge that stands in front of every page."""
        for scope in (creator, None):
            faults = self._scopes.get(scope)
            if faults and faults.challenge_after == 0:
                return faults.challenge or "captcha"
        return None

    def drift(self, creator: str) -> PageDrift | None:
        """Return how the pages have drifted from what a profile expects."""
        drift: PageDrift | None = self._value("page_drift", creator)
        return drift

    def rate_rule(self, creator: str) -> RateRule | None:
        """Return the platform's own limit."""
        rule: RateRule | None = self._value("rate_rule", creator)
        return rule

    def rewrites(self, creator: str) -> tuple[Rewrite, ...]:
        """Return the ways in which texts are rewritten now."""
        rewrite = self._value("rewrite", creator)
        if rewrite is True:
            return ("white_space", "emoji", "links")
        return tuple(rewrite) if rewrite else ()

    def is_blocked_by(self, fan: str, creator: str) -> bool:
        """Return whether the fan has blocked the creator."""
        return fan in (self._value("blocked_fans", creator) or ())

    def is_gone(self, fan: str, creator: str) -> bool:
        """Return whether the fan's account no longer exists."""
        return fan in (self._value("gone_fans", creator) or ())

    def crash(
        self, creator: str, fan: str, moment: Literal["open", "sent"]
    ) -> Literal["crash", "hang"] | None:
        """Return how this page dies, using up one of the next N."""
        for scope in (creator, None):
            faults = self._scopes.get(scope)
            plan = faults.page_crash if faults else None
            if not faults or not plan or plan.moment != moment or plan.fan not in {None, fan}:
                continue
            if plan.skip:
                faults.page_crash = plan.model_copy(update={"skip": plan.skip - 1})
                continue
            left = plan.next - 1
            faults.page_crash = plan.model_copy(update={"next": left}) if left else None
            return plan.mode
        return None

    def _value(self, name: str, creator: str | None) -> Any:  # noqa: ANN401 - any fault's value
        for scope in (creator, None):
            value = getattr(self._scopes.get(scope), name, None)
            if value is not None:
                return value
        return None


def _one_less(count: int | None) -> int | None:
    return count - 1 if count else count
