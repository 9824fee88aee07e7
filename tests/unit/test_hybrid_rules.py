"""Hybrid campaigns: the hours that are chosen, what texts must pass, what is said of the price."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.campaigns.hybrid import asks
from functions.campaigns.hybrid.forecast import forecast
from functions.campaigns.hybrid.models import MOST_VARIANTS, Step
from functions.campaigns.hybrid.screening import judged, objections, screen
from huntaze.ai import agents, prices
from huntaze.ai.agents.outputs import AudienceField, AudienceOperator, Rule
from huntaze.ai.schemas import response_format
from huntaze.domain.audience import compile_rules
from huntaze.domain.audience.proposals import NotARuleError, rules_of, vocabulary
from huntaze.domain.audience.timing import LocalHour, best_slots
from huntaze.ids import new_id

NOW = datetime(2026, 11, 20, 9, 40, tzinfo=UTC)
VOICE = agents.Voice(platform="onlyfans", forbidden_topics=("my family",))
ZONES = ("UTC", "Asia/Tokyo", "America/New_York", "Asia/Kolkata", "Europe/Paris")
TODAY = date(2026, 11, 20)

activities = st.dictionaries(
    st.builds(LocalHour, st.sampled_from(ZONES), st.integers(0, 23)), st.integers(0, 500)
)


@given(activities, st.integers(0, 200), st.integers(0, 100_000), st.integers(1, 6000))
def test_the_best_hour_is_one_of_the_range_and_none_has_more_fans(activity, hours, many, pace):
    latest = NOW + timedelta(hours=hours)
    found = best_slots(activity, earliest=NOW, latest=latest, messages=many, per_minute=pace)
    if not any(activity.values()):
        assert found == []
        return
    assert 1 <= len(found) <= 3
    assert [slot.fans for slot in found] == sorted((slot.fans for slot in found), reverse=True)
    for slot in found:
        assert NOW <= slot.at <= latest
    # Looked up anew, hour by hour, as a person would with a list of clocks.
    length = min(12, max(1, -(-many // (pace * 60))))
    full = NOW.replace(minute=0)
    for start in (NOW, *(full + timedelta(hours=n) for n in range(1, hours + 1))):
        shown = [start + timedelta(hours=n) for n in range(length)]
        about = sum(
            fans
            for (zone, hour), fans in activity.items()
            for at in shown
            if at.astimezone(ZoneInfo(zone)).hour == hour
        )
        assert about / length <= found[0].fans + 1e-9


def test_fans_of_two_zones_are_met_when_most_are_awake():
    activity = {LocalHour("Asia/Tokyo", 21): 30, LocalHour("America/New_York", 21): 40}
    range_ = {"earliest": NOW, "latest": NOW + timedelta(days=2), "per_minute": 10}
    (first, *_) = best_slots(activity, messages=100, **range_)
    # Nine in the evening of New York in winter.
    assert first.at.hour == 2
    # A night of sending takes both in.
    (first, *_) = best_slots(activity, messages=7200, **range_)
    assert first.fans == pytest.approx(70 / 12)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Only $5 today", "amount"),
        ("Half off for you", "amount"),
        ("It is 20 % less", "amount"),
        ("Yours for twenty dollars", "amount"),
        ("Pour dix euros", "amount"),
        ("Fifty percent less", "amount"),
        ("Hello {nobody}", "placeholder"),
        ("Write me on telegram", "off_platform_contact"),
        ("I saw My Family yesterday", "forbidden_topic"),
    ],
)
def test_a_text_that_breaks_a_rule_is_refused_with_the_rule(text, reason):
    (found,) = objections(text, VOICE)
    assert found.startswith(reason)
    assert screen([text, "Good morning", "Good morning"], VOICE).passed == ["Good morning"]


def test_what_the_model_says_nothing_of_does_not_pass():
    found = judged(
        ["a", "b", "c"], {"text_1": {"allowed": True}, "text_2": {"allowed": "yes", "reason": "r"}}
    )
    assert found.passed == ["a"]
    assert [one.text for one in found.refused] == ["b", "c"]


# Nothing is longer as data than this sign.
LONG = "<"


def _longest():
    """The longest question of each step that its texts' limits allow."""
    title, line, message, text = (LONG * n for n in (120, 300, 600, 2000))
    campaign = {"name": LONG * 200, **dict.fromkeys(("price_cents", "sent", "bought"), 10**9)}
    payment = {"type": "subscription", "payments": 10**9, "net_cents": 10**12, "currency": "USD"}
    figures = {"campaigns": [{**campaign, "bought_percent": 100}] * 5, "earned": [payment] * 20}
    history = {"segment": {"rules": text, "fans": 10**9}, "figures": figures}
    of_plan = dict.fromkeys(("purpose", "desired_reaction", "difference", "leave_out"), line)
    plan = {**of_plan, "success": line, "risks": [line] * 5, "name": title, "tone": title}
    words = [LONG * 60] * 20
    goal, platform = LONG * 500, "p" * 40
    return {
        Step.CONTENT: asks.content(goal, "celebratory", platform),
        Step.OPTIMIZATION: asks.optimization(message, goal),
        Step.COMPLIANCE: asks.judgement([text, *[message] * asks.CANDIDATES], platform, ()),
        Step.PLAN: asks.plan(goal, history, text, platform),
        Step.AUDIENCES: asks.audiences(
            goal, plan, history, vocabulary(dict.fromkeys(("tier", "language", "tag"), words))
        ),
        Step.VARIANTS: asks.variants({**plan, "variants": 4}, history, text, MOST_VARIANTS),
        Step.REVIEW: asks.judgement([message] * MOST_VARIANTS, platform, ()),
    }


@pytest.mark.parametrize("step", asks.QUESTIONS)
def test_no_question_says_more_than_was_counted_on(step):
    data, output = _longest()[step]
    question = asks.QUESTIONS[step]
    prompt = agents.prompt_of(question.agent, question.task, VOICE, data)
    prefix = len(prompt.prefix.encode())
    said = prices.most_input_tokens(prompt, response_format(output)) - prefix
    # Neither less nor much more: the forecast's upper end would say nothing.
    assert 0.7 * question.most_bytes < said <= question.most_bytes, said


@given(st.integers(0, 50), st.booleans())
def test_a_forecast_is_whole_and_does_not_know_the_audience(topics, economy):
    voice = VOICE.model_copy(update={"forbidden_topics": ("x" * 120,) * topics})
    found = forecast(new_id(), voice, TODAY, economy=economy, segments=1)
    assert found.model_calls == len(asks.QUESTIONS) == 7
    assert 0 < found.expected_nano_usd < found.at_most_nano_usd
    assert json.loads(found.model_dump_json()) == found.model_dump()


WORDS = {"tier": ["gold"], "language": ["fr"], "tag": ["new here"]}


@pytest.mark.parametrize("field", AudienceField)
@pytest.mark.parametrize("operator", AudienceOperator)
@pytest.mark.parametrize("value", ["active", "gold", "fr", "new here", "30", "-1", "9" * 30, "²"])
def test_a_proposal_is_made_of_what_was_offered_or_is_no_rule(field, operator, value):
    offered = vocabulary(WORDS)[field]
    fits = operator in offered["operators"] and (
        value in offered["values"] if isinstance(offered["values"], list) else value == "30"
    )
    rule = Rule(field=field, operator=operator, value=value)
    if not fits:
        with pytest.raises(NotARuleError):
            rules_of([rule], WORDS)
        return
    _, parameters = compile_rules(rules_of([rule, rule], WORDS))
    said = json.dumps(list(parameters.values()), default=str)
    assert value in said or field is AudienceField.SUBSCRIPTION


def test_what_no_fan_has_is_not_offered():
    assert "tag" not in vocabulary({**WORDS, "tag": []})
