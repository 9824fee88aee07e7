"""What every fault of a provider comes to: the other's answer or a clear error, and its cost."""

import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from huntaze import ai, clients
from huntaze.ai.catalogue import catalogue
from huntaze.ai.keys import StageKeys
from local.model_provider.state import FaultPlan
from local.processes import free_port
from tests.fakes.model_desk import BREAKERS, Captions

OPENAI, AZURE = "openai", "azure_openai"
DEADLINE = timedelta(seconds=4)
# A fault that were waited for would take the test far over any deadline.
FOR_EVER = 60.0

# What is played, and whether the provider may charge for a call that fails so.
FAULTS = {
    "down": ({"kind": "down"}, False),
    "server_error": ({"kind": "server_error"}, False),
    "rate_limited": ({"kind": "rate_limited", "seconds": FOR_EVER}, False),
    "out_of_credit": ({"kind": "out_of_credit"}, False),
    "out_of_credit_400": ({"kind": "out_of_credit_400"}, False),
    "out_of_credit_429": ({"kind": "out_of_credit_429"}, False),
    "bad_key": ({"kind": "bad_key"}, False),
    "slow": ({"kind": "slow", "seconds": FOR_EVER}, True),
    "drip": ({"kind": "drip", "seconds": 0.7}, True),
    "bad_json": ({"kind": "bad_json"}, True),
    "cut_off": ({"kind": "cut_off"}, True),
    "unreachable": (None, False),
}
# Who is asked first for a task, and who comes next.
FIRST = {OPENAI: (ai.Task.CAPTIONS, AZURE), AZURE: (ai.Task.QUESTION, OPENAI)}


@pytest.fixture
def note(record_property):
    """Have a line in the table that a run of these tests ends with."""

    def tell(fault: str, where: str, came_to: str, seconds: float, costs: list[int]) -> None:
        line = f"{fault:<18} {where:<13} {came_to:<25} {seconds:>5.1f}"
        record_property("fault", f"{line} {len(costs):>6} {sum(costs):>10}")

    return tell


def play(desk, provider: str, fault: str) -> dict[str, str]:
    """Play a fault; returns where a provider is that is not there at all."""
    plan, _ = FAULTS[fault]
    if plan is not None:
        desk.state.faults[provider] = [FaultPlan.model_validate(plan)]
        return {}
    name = "openai_url" if provider == OPENAI else "azure_url"
    return {name: f"http://127.0.0.1:{free_port()}"}


def charged_nanos(desk) -> int:
    """What the stand-in charged for calls that it answered in full, computed on its own."""
    total = Decimal(0)
    for call in desk.state.charged:
        model = catalogue().find(ai.Provider(call.provider), call.model)
        raw = {"input": 100, "cached": 10, "written": 125, "output": 500}
        assert model.id == "gpt-6-luna"
        plain = call.input_tokens - call.cached_tokens - call.written_tokens
        total += plain * raw["input"] + call.cached_tokens * raw["cached"]
        total += call.written_tokens * raw["written"] + call.output_tokens * raw["output"]
    return int(total)


def costs_of(books) -> list[tuple]:
    return books(
        "SELECT provider, cost_nanos, (facts->>'estimated')::boolean FROM ai_calls"
        " WHERE state = 'settled'"
    )


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_other_provider_answers(desk, books, note, fault, first):
    task, other = FIRST[first]
    urls = play(desk, first, fault)
    started = time.monotonic()
    asking = desk.asking(task, deadline=DEADLINE)
    answer = desk.router(**urls).generate(asking, desk.prompt(), Captions)
    seconds = time.monotonic() - started
    assert seconds < DEADLINE.total_seconds() + 5
    assert answer.provider == other
    assert answer.value.captions
    costs = costs_of(books)
    note(fault, first, f"answered by {other}", seconds, [cost for _, cost, _ in costs])
    proven = [cost for provider, cost, estimated in costs if not estimated]
    # No call that may be charged for lacks a row, and no row is there twice.
    assert Counter(provider for provider, _, _ in costs) >= Counter(
        call.provider for call in desk.state.charged
    )
    desk.state.charged[:] = [call for call in desk.state.charged if call.provider == other]
    assert len(desk.state.charged) == 1
    assert proven == [charged_nanos(desk)]
    presumed = [provider for provider, _, estimated in costs if estimated]
    may_charge = FAULTS[fault][1]
    assert presumed == ([first] if may_charge else [])
    assert answer.cost_nanos == sum(cost for _, cost, _ in costs)
    # Nothing stays reserved, and the day and the month hold what the rows say.
    assert books("SELECT DISTINCT reserved_nanos, spent_nanos FROM ai_spending") == [
        (0, answer.cost_nanos)
    ]
    # Only what is proven is billed, in millionths of a dollar.
    billed = books("SELECT coalesce(sum(quantity), 0) FROM metered_usage")
    assert billed == [(sum(proven) // 1000,)]


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_both_are_one_clear_error(desk, books, note, fault):
    urls = {**play(desk, OPENAI, fault), **play(desk, AZURE, fault)}
    started = time.monotonic()
    with pytest.raises(ai.NoAnswerError) as refused:
        desk.router(**urls).generate(desk.asking(deadline=DEADLINE), desk.prompt(), Captions)
    seconds = time.monotonic() - started
    assert seconds < DEADLINE.total_seconds() + 5
    assert refused.value.status == 503
    costs = costs_of(books)
    note(fault, "both", "NoAnswer", seconds, [cost for _, cost, _ in costs])
    assert all(estimated for _, _, estimated in costs)
    assert len(costs) == (2 if FAULTS[fault][1] else 0)
    assert books("SELECT result FROM ai_generations") == [("NoAnswer",)]
    assert books("SELECT count(*) FROM ai_calls WHERE state = 'reserved'") == [(0,)]
    assert books("SELECT coalesce(sum(quantity), 0) FROM metered_usage") == [(0,)]


def test_a_busy_provider_is_asked_again_when_it_said_so(desk):
    for provider in (OPENAI, AZURE):
        desk.state.faults[provider] = [FaultPlan(kind="rate_limited", times=1, seconds=0.3)]
    answer = desk.router().generate(desk.asking(), desk.prompt(), Captions)
    assert answer.provider is ai.Provider.OPENAI
    times = [asked["at"] for asked in desk.state.asked if asked["provider"] == OPENAI]
    assert len(times) == 2
    assert times[1] - times[0] >= 0.3


def test_a_call_that_was_refused_for_another_reason_is_not_repeated(desk):
    for provider in (OPENAI, AZURE):
        desk.state.faults[provider] = [FaultPlan(kind="bad_key")]
    with pytest.raises(ai.NoAnswerError):
        desk.router().generate(desk.asking(), desk.prompt(), Captions)
    assert [asked["provider"] for asked in desk.state.asked] == [OPENAI, AZURE]


def test_an_answer_that_does_not_validate_is_asked_for_once_more_and_both_are_paid(desk, books):
    desk.state.faults[OPENAI] = [FaultPlan(kind="wrong_answer", times=1)]
    answer = desk.router().generate(desk.asking(), desk.prompt(), Captions)
    assert answer.value.captions
    costs = [cost for _, cost, _ in costs_of(books)]
    assert len(costs) == 2
    assert answer.cost_nanos == sum(costs) == charged_nanos(desk)


def test_an_answer_that_never_validates_is_refused(desk, books):
    desk.state.faults[OPENAI] = [FaultPlan(kind="wrong_answer")]
    with pytest.raises(ai.UnusableAnswerError) as refused:
        desk.router().generate(desk.asking(), desk.prompt(), Captions)
    assert not isinstance(refused.value, ai.DeclinedTextError)
    assert len(desk.state.asked) == 2
    assert sum(cost for _, cost, _ in costs_of(books)) == charged_nanos(desk)
    assert books("SELECT result FROM ai_generations") == [("UnusableAnswer",)]


def test_a_text_that_a_provider_declines_is_not_taken_to_the_other(desk):
    desk.state.faults[OPENAI] = [FaultPlan(kind="filtered")]
    with pytest.raises(ai.DeclinedTextError):
        desk.router().generate(desk.asking(), desk.prompt(), Captions)
    assert [asked["provider"] for asked in desk.state.asked] == [OPENAI]


def test_out_of_credit_opens_the_breaker_for_every_function(desk):
    desk.state.faults[OPENAI] = [FaultPlan(kind="out_of_credit", times=1)]
    desk.router().generate(desk.asking(), desk.prompt(), Captions)
    found = clients.dynamodb().get_item(
        TableName=BREAKERS, Key={"circuit": {"S": "openai/gpt-6-luna"}}
    )["Item"]
    assert found["state"]["S"] == "open"
    # Another function, which has seen nothing of it.
    desk.router().generate(desk.asking(), desk.prompt("More."), Captions)
    providers = [asked["provider"] for asked in desk.state.asked]
    assert providers == [OPENAI, AZURE, AZURE]


def test_five_failures_open_the_breaker_and_one_probe_closes_it(desk):
    desk.state.faults[OPENAI] = [FaultPlan(kind="bad_key", times=5)]
    for number in range(6):
        desk.router().generate(desk.asking(), desk.prompt(f"Number {number}."), Captions)
    asked = [one["provider"] for one in desk.state.asked]
    assert asked.count(OPENAI) == 5
    # The pause is over: of two functions, one tries, and all go on after it.
    later = time.time() + 3600
    first, second = desk.tools().circuits, desk.tools().circuits
    first._clock = second._clock = lambda: later
    hop = ai.Hop(ai.Provider.OPENAI, "gpt-6-luna")
    verdict, probe = first.admit(hop, lease=10)
    assert (verdict, second.admit(hop, lease=10)[0]) == ("probe", "refuse")
    first.succeeded(hop, probe)
    assert desk.tools().circuits.admit(hop, lease=10)[0] == "go"


def test_breakers_that_cannot_be_reached_hold_nobody_up(desk):
    tools = desk.tools()
    tools.circuits._table = "gone"
    answer = desk.router(circuits=tools.circuits).generate(desk.asking(), desk.prompt(), Captions)
    assert answer.provider is ai.Provider.OPENAI


def test_what_no_model_reads_as_a_whole_is_refused_before_anybody_is_asked(desk):
    long = ai.Prompt(prefix="é" * 200_000, suffix="x")
    with pytest.raises(ai.PromptTooLongError):
        desk.router().generate(desk.asking(), long, Captions)
    assert desk.state.asked == []


def test_a_provider_without_a_key_is_never_asked(desk):
    tools = desk.tools()
    tools.gateway._keys = StageKeys(lambda: {"azure_openai": "azure-test", "openai": ""})
    answer = desk.router(gateway=tools.gateway).generate(desk.asking(), desk.prompt(), Captions)
    assert answer.provider is ai.Provider.AZURE_OPENAI
    assert [one["provider"] for one in desk.state.asked] == [AZURE]


def test_the_decision_and_its_reason_are_stored(desk, books):
    desk.router().generate(desk.asking(critical=True, complexity=2), desk.prompt(), Captions)
    assert books(
        "SELECT task, complexity, critical, tier, reason, hops, result, provider, model, cached"
        " FROM ai_generations"
    ) == [
        (
            *("captions", 3, True, "premium", "critical"),
            ["openai/gpt-6.1-sol", "azure_openai/gpt-6.1-sol"],
            *("answered", "openai", "gpt-6.1-sol", False),
        )
    ]


def test_the_answer_is_the_same_for_the_same_seed_and_words(desk):
    one = desk.router().generate(desk.asking(), desk.prompt(), Captions)
    other = replace(one, value=desk.router().generate(desk.asking(), desk.prompt(), Captions).value)
    assert one.value == other.value
