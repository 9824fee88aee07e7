"""Which models a request goes to, in which order, and why. Knows no network and no budget."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date

from huntaze.ai.catalogue import Catalogue, Provider, Tier
from huntaze.ai.errors import NoAnswerError
from huntaze.ai.models import Decision, Hop, Reason, Request
from huntaze.ai.tasks import rules_of

# Above it, the better model is worth its price.
ECONOMY_UP_TO = 7

_SOL, _LUNA = "gpt-6.1-sol", "gpt-6-luna"

# Who is asked after whom. The same tier at the other provider comes next, so that a fault of one
# changes neither the price nor what the answer is worth. A tier below never takes over a request
# of the tier above. Models that are about to end stand in no list.
_HOPS: dict[tuple[Tier, Provider], tuple[Hop, ...]] = {
    (Tier.PREMIUM, Provider.OPENAI): (
        Hop(Provider.OPENAI, _SOL),
        Hop(Provider.AZURE_OPENAI, _SOL),
    ),
    (Tier.PREMIUM, Provider.AZURE_OPENAI): (
        Hop(Provider.AZURE_OPENAI, _SOL),
        Hop(Provider.OPENAI, _SOL),
    ),
    (Tier.ECONOMY, Provider.OPENAI): (
        Hop(Provider.OPENAI, _LUNA),
        Hop(Provider.AZURE_OPENAI, _LUNA),
    ),
    (Tier.ECONOMY, Provider.AZURE_OPENAI): (
        Hop(Provider.AZURE_OPENAI, _LUNA),
        Hop(Provider.OPENAI, _LUNA),
    ),
}


def default_hop(tier: Tier, provider: Provider) -> Hop:
    """The model of a tier at one provider."""
    return _HOPS[tier, provider][0]


def chosen_models() -> frozenset[Hop]:
    """Every model that the router may choose."""
    return frozenset(hop for hops in _HOPS.values() for hop in hops)


def decide(
    request: Request, models: Catalogue, *, providers: Collection[Provider], today: date
) -> Decision:
    """Choose the tier, and the models to ask in order.

    Args:
        request: What is to be done.
        models: What there is.
        providers: Those that this stage has keys for.
        today: Models that have ended by then are not chosen.

    Raises:
        UnknownTaskError: The task is unknown.
        NoAnswerError: No model is left.
    """
    rules = rules_of(request.task)
    complexity = max(rules.complexity, request.complexity or 0)
    if request.critical:
        tier, reason = Tier.PREMIUM, Reason.CRITICAL
    elif rules.protected:
        tier, reason = Tier.PREMIUM, Reason.PROTECTED_TASK
    elif complexity > ECONOMY_UP_TO:
        tier, reason = Tier.PREMIUM, Reason.COMPLEX
    else:
        tier, reason = Tier.ECONOMY, Reason.ORDINARY
    hops = _open_hops(tier, rules.first, models, providers, today)
    return Decision(request.task, complexity, tier, reason, hops)


def degraded(
    decision: Decision, models: Catalogue, *, providers: Collection[Provider], today: date
) -> Decision | None:
    """What a workspace gets instead when its budget has no room; None: nothing less will do."""
    if decision.reason in {Reason.CRITICAL, Reason.PROTECTED_TASK}:
        return None
    return _by_economy(decision, Reason.OVER_BUDGET, models, providers, today)


def economised(
    decision: Decision, models: Catalogue, *, providers: Collection[Provider], today: date
) -> Decision:
    """What a workspace gets that has chosen the economy tier for this kind of work.

    Only what is merely complex: decisions about money and safety, and what its agent calls
    critical, are nobody's to choose.
    """
    if decision.reason is not Reason.COMPLEX:
        return decision
    return _by_economy(decision, Reason.WORKSPACE, models, providers, today)


def _by_economy(
    decision: Decision,
    reason: Reason,
    models: Catalogue,
    providers: Collection[Provider],
    today: date,
) -> Decision:
    first = rules_of(decision.task).first
    hops = _open_hops(Tier.ECONOMY, first, models, providers, today)
    return replace(decision, tier=Tier.ECONOMY, reason=reason, hops=hops)


def _open_hops(
    tier: Tier,
    first: Provider,
    models: Catalogue,
    providers: Collection[Provider],
    today: date,
) -> tuple[Hop, ...]:
    hops = tuple(
        hop
        for hop in _HOPS[tier, first]
        if hop.provider in providers and not models.find(hop.provider, hop.model).has_ended(today)
    )
    if not hops:
        raise NoAnswerError(f"No model of the {tier.value} tier can be asked: tell the operator.")
    return hops
