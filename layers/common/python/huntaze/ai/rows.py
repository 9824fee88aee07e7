"""What is kept of a call beside its price, and the figures that operators see."""

from typing import Any

from huntaze import metrics
from huntaze.ai import prices
from huntaze.ai.catalogue import Model, Prices, Provider, Tier, catalogue
from huntaze.ai.ledger import Opening
from huntaze.ai.models import Usage
from huntaze.ai.routing import default_hop

_NANOS_PER_DOLLAR = 1_000_000_000


def facts(
    opening: Opening, model: Model, usage: Usage, *, latency_ms: int, cached: bool, estimated: bool
) -> dict[str, Any]:
    """The rest of a cost row: tokens by kind, latency, prices of which day.

    ``baseline_nanos`` is what savings are measured against: the same tokens, all by the premium
    model, none of them read from a cache. ``economy_nanos`` is what the economy model had
    charged for them, read from the same cache.
    """
    dear, cheap = (_prices_of(tier, model.provider) for tier in (Tier.PREMIUM, Tier.ECONOMY))
    plain = Usage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
    return {
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "written_tokens": usage.written_tokens,
        "output_tokens": usage.output_tokens,
        "tier": model.tier.value,
        "reason": opening.decision.reason.value,
        "latency_ms": latency_ms,
        "cached": cached,
        "estimated": estimated,
        "priced_on": model.priced_on.isoformat(),
        "baseline_nanos": prices.cost(plain, dear),
        "economy_nanos": prices.cost(usage, cheap),
    }


def _prices_of(tier: Tier, provider: Provider) -> Prices:
    hop = default_hop(tier, provider)
    return catalogue().find(hop.provider, hop.model).prices


def publish(provider: Provider, usage: Usage, nanos: int, latency_ms: int) -> None:
    """Tell operators of a call."""
    name = provider.value
    plain = usage.input_tokens - usage.cached_tokens - usage.written_tokens
    metrics.record(metrics.AI_COST, nanos / _NANOS_PER_DOLLAR)
    metrics.record(metrics.AI_PROVIDER_COST, nanos / _NANOS_PER_DOLLAR, provider=name)
    metrics.record(metrics.AI_REQUEST_DURATION, latency_ms / 1000, provider=name)
    for kind, tokens in (
        ("input", plain),
        ("cached", usage.cached_tokens),
        ("written", usage.written_tokens),
        ("output", usage.output_tokens),
    ):
        if tokens:
            metrics.record(metrics.AI_TOKEN_USAGE, tokens, provider=name, kind=kind)


def added(one: Usage, other: Usage) -> Usage:
    """The tokens of two calls."""
    return Usage(
        one.input_tokens + other.input_tokens,
        one.cached_tokens + other.cached_tokens,
        one.written_tokens + other.written_tokens,
        one.output_tokens + other.output_tokens,
    )
