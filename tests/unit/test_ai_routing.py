"""Which models a request goes to, and what they cost."""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huntaze import ai
from huntaze.ai import prices, providers, routing, tasks
from huntaze.ai.catalogue import Catalogue, Prices
from huntaze.ids import new_id

TODAY = date(2026, 11, 21)
BOTH = frozenset(ai.Provider)
MODELS = ai.catalogue()
# The file itself, so that costs are computed without the code that reads it.
RAW = json.loads(Path(routing.__file__).with_name("catalogue.json").read_text())["models"]
PROTECTED = {ai.Task.COMPLIANCE_CHECK, ai.Task.PRICE_ADVICE}


def asking(task: str, **more) -> ai.Request:
    return ai.Request(task=task, workspace_id=new_id(), agent="content", output_tokens=100, **more)


def decided(task: str, **more) -> ai.Decision:
    return ai.decide(asking(task, **more), MODELS, providers=BOTH, today=TODAY)


@given(
    task=st.sampled_from(ai.Task),
    complexity=st.none() | st.integers(1, 10),
    critical=st.booleans(),
)
def test_the_first_rule_that_applies_chooses_the_tier(task, complexity, critical):
    decision = decided(task, complexity=complexity, critical=critical)
    worth = max(tasks.rules_of(task).complexity, complexity or 0)
    assert decision.complexity == worth
    if critical:
        assert (decision.tier, decision.reason) == (ai.Tier.PREMIUM, ai.Reason.CRITICAL)
    elif task in PROTECTED:
        assert (decision.tier, decision.reason) == (ai.Tier.PREMIUM, ai.Reason.PROTECTED_TASK)
    elif worth > 7:
        assert (decision.tier, decision.reason) == (ai.Tier.PREMIUM, ai.Reason.COMPLEX)
    else:
        assert (decision.tier, decision.reason) == (ai.Tier.ECONOMY, ai.Reason.ORDINARY)


def test_seven_itself_is_economy():
    assert decided(ai.Task.CAPTIONS, complexity=7).tier is ai.Tier.ECONOMY
    assert decided(ai.Task.CAPTIONS, complexity=8).tier is ai.Tier.PREMIUM


def test_an_agent_raises_the_complexity_of_a_task_and_never_lowers_it():
    assert decided(ai.Task.CAMPAIGN_PLAN, complexity=1).tier is ai.Tier.PREMIUM


def test_the_task_chooses_the_provider_and_the_other_one_comes_next():
    planning = decided(ai.Task.CAMPAIGN_PLAN).hops
    writing = decided(ai.Task.MESSAGE_REPLY).hops
    assert [hop.provider for hop in planning] == [ai.Provider.AZURE_OPENAI, ai.Provider.OPENAI]
    assert [hop.provider for hop in writing] == [ai.Provider.OPENAI, ai.Provider.AZURE_OPENAI]


def test_an_unknown_task_is_unprocessable():
    with pytest.raises(ai.UnknownTaskError) as refused:
        decided("world_domination")
    assert refused.value.status == 422


def test_an_unknown_model_is_refused():
    with pytest.raises(ai.UnknownModelError):
        MODELS.find(ai.Provider.OPENAI, "gpt-7")


@given(task=st.sampled_from(ai.Task), critical=st.booleans())
def test_every_model_that_is_chosen_is_of_the_tier_and_lives(task, critical):
    decision = decided(task, critical=critical)
    for hop in decision.hops:
        model = MODELS.find(hop.provider, hop.model)
        assert model.tier is decision.tier
        assert not model.has_ended(TODAY)


def ending(on: date | None, provider: ai.Provider | None = None) -> Catalogue:
    """The catalogue, but the models of the router end."""
    models = [
        model.model_copy(update={"ends_on": on})
        if model.ends_on is None and provider in (None, model.provider)
        else model
        for model in MODELS.models
    ]
    return MODELS.model_copy(update={"models": tuple(models)})


def test_a_model_is_never_chosen_from_its_last_day_on():
    request = asking(ai.Task.MESSAGE_REPLY)
    of_openai = ending(TODAY, ai.Provider.OPENAI)
    decision = ai.decide(request, of_openai, providers=BOTH, today=TODAY)
    assert [hop.provider for hop in decision.hops] == [ai.Provider.AZURE_OPENAI]
    with pytest.raises(ai.NoAnswerError):
        ai.decide(request, ending(TODAY), providers=BOTH, today=TODAY)


@pytest.mark.parametrize(
    ("on", "soon", "over"),
    [
        (date(2026, 11, 14), False, False),
        (date(2026, 11, 15), True, False),
        (date(2027, 1, 13), True, False),
        (date(2027, 1, 14), True, True),
    ],
)
def test_a_model_gives_notice_sixty_days_before_its_end(on, soon, over):
    legacy = MODELS.find(ai.Provider.OPENAI, "gpt-4o")
    assert (legacy.ends_soon(on), legacy.has_ended(on)) == (soon, over)


def test_a_provider_without_a_key_is_left_out():
    only = ai.decide(
        asking(ai.Task.CAMPAIGN_PLAN), MODELS, providers={ai.Provider.OPENAI}, today=TODAY
    )
    assert [hop.provider for hop in only.hops] == [ai.Provider.OPENAI]


@given(task=st.sampled_from(ai.Task), critical=st.booleans(), complexity=st.integers(1, 10))
def test_money_safety_and_critical_work_is_never_degraded(task, critical, complexity):
    decision = decided(task, critical=critical, complexity=complexity)
    less = routing.degraded(decision, MODELS, providers=BOTH, today=TODAY)
    if critical or task in PROTECTED:
        assert less is None
    else:
        assert less is not None
        assert (less.tier, less.reason) == (ai.Tier.ECONOMY, ai.Reason.OVER_BUDGET)


TOKENS = st.integers(0, 10**7)


@given(
    model=st.sampled_from(MODELS.models), plain=TOKENS, cached=TOKENS, written=TOKENS, out=TOKENS
)
def test_a_cost_is_exact_to_the_nano_dollar(model, plain, cached, written, out):
    usage = ai.Usage(plain + cached + written, cached, written, out)
    raw = next(
        given["usd"]
        for given in RAW
        if (given["provider"], given["id"]) == (model.provider, model.id)
    )
    dollars = (
        plain * Decimal(raw["input"])
        + cached * Decimal(raw["cached_input"] or raw["input"])
        + written * Decimal(raw["cache_write"] or raw["input"])
        + out * Decimal(raw["output"])
    ) / 1_000_000
    assert prices.cost(usage, model.prices) == dollars * 10**9


@given(
    model=st.sampled_from(MODELS.models),
    plain=TOKENS,
    cached=st.none() | TOKENS,
    written=st.none() | TOKENS,
    out=TOKENS,
    thought=st.none() | TOKENS,
    has_details=st.booleans(),
)
def test_a_cost_is_that_of_the_usage_block(
    model, plain, cached, written, out, thought, has_details
):
    """From the provider's bytes to nano-dollars, against the block and the list computed apart."""
    if not has_details:
        cached = written = None
    usage: dict = {
        "prompt_tokens": plain + (cached or 0) + (written or 0),
        # What a model thinks is a part of it.
        "completion_tokens": out + (thought or 0),
        "completion_tokens_details": {"reasoning_tokens": thought},
    }
    if has_details:
        usage["prompt_tokens_details"] = {"cached_tokens": cached, "cache_write_tokens": written}
    block = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": usage}
    completion = providers._read(json.dumps(block))
    raw = next(
        given["usd"]
        for given in RAW
        if (given["provider"], given["id"]) == (model.provider, model.id)
    )
    counted = (
        ("input", plain),
        ("cached_input", cached or 0),
        ("cache_write", written or 0),
        ("output", usage["completion_tokens"]),
    )
    dollars = sum(
        Fraction(raw[kind] or raw["input"]) * tokens / 1_000_000 for kind, tokens in counted
    )
    assert prices.cost(completion.usage, model.prices) == dollars * 10**9


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": 5},
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"prompt_tokens": 5, "completion_tokens": 1.5},
        {
            "prompt_tokens": 5,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 3},
        },
        {
            "prompt_tokens": 5,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": -3},
        },
    ],
)
def test_a_usage_block_that_cannot_be_is_no_answer(usage):
    block = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": usage}
    with pytest.raises(providers.ProviderFaultError) as refused:
        providers._read(json.dumps(block))
    assert refused.value.fault is providers.Fault.GARBLED
    assert not refused.value.is_free


@given(
    model=st.sampled_from(MODELS.models), plain=TOKENS, cached=TOKENS, written=TOKENS, out=TOKENS
)
def test_no_call_costs_more_than_its_worst_case(model, plain, cached, written, out):
    usage = ai.Usage(plain + cached + written, cached, written, out)
    most = prices.worst_case(usage.input_tokens, usage.output_tokens, model.prices)
    assert prices.cost(usage, model.prices) <= most


@pytest.mark.parametrize("price", ["0.0001", "-1"])
def test_a_price_that_is_no_whole_nano_dollar_is_refused(price):
    with pytest.raises(ValueError, match="nano-dollars"):
        Prices.model_validate(
            {"input": price, "cached_input": None, "cache_write": None, "output": "1"}
        )


def test_a_model_is_only_told_what_it_takes():
    modern = MODELS.find(ai.Provider.OPENAI, "gpt-6-luna")
    legacy = MODELS.find(ai.Provider.OPENAI, "gpt-4o")
    assert modern.accepted(prompt_cache_key="k", temperature=1) == {
        "reasoning_effort": "none",
        "prompt_cache_key": "k",
    }
    assert legacy.accepted(prompt_cache_key="k", reasoning_effort="low") == {
        "prompt_cache_key": "k"
    }


def test_a_prefix_of_1024_words_is_kept_by_providers():
    assert ai.is_cacheable("word " * 1024)
    assert not ai.is_cacheable("word " * 1023)
