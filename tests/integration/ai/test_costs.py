"""Costs through the Lambda handler: what real calls cost, broken down, forecast, and made less."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.assistant.costs import handler as door
from huntaze import ai
from huntaze.ai.ledger import Opening, PostgresLedger, Reserve, Settlement
from huntaze.ai.preferences import PostgresPreferences
from huntaze.db import SingleConnection
from huntaze.ids import new_id
from local.model_provider.state import FaultPlan
from tests.fakes.model_desk import Captions

MINUTE = timedelta(minutes=1)
PLAN = ai.Task.CAMPAIGN_PLAN
SUMMED = ("input", "cached", "written", "output")


@pytest.fixture
def ask(desk, monkeypatch, as_role, api_event, principal, lambda_context):
    """Ask a route as a member of the desk's workspace; answers (status, body)."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(door, "database", lambda: source)

    def make(method, path, *, role="owner", user_id=None, creators=None, **event):
        who = principal(
            desk.workspace_id, user_id=user_id or new_id(), role=role, creators=creators
        )
        sent = api_event(method, f"/api/v2/costs/{path}", principal=who, **event)
        answer = door.handler(sent, lambda_context)
        return answer["statusCode"], json.loads(answer["body"])

    return make


@pytest.fixture
def read(ask):
    """Read a route that must answer."""

    def make(path, **query):
        status, body = ask("GET", path, query=query or None)
        assert status == 200, body
        return body

    return make


@pytest.fixture
def use(desk, as_role):
    """Have a call cost what a test says, at a moment that it says."""

    def make(nanos, *, days_ago=0, task="captions", estimated=False, creator_id=None, **facts):
        hop = ai.Hop(ai.Provider.OPENAI, "gpt-6-luna")
        decision = ai.Decision(task, 3, ai.Tier.ECONOMY, ai.Reason.ORDINARY, (hop,))
        asking = desk.asking(task, creator_id=creator_id or desk.creator_id)
        opening = Opening(new_id(), asking, decision)
        reserve = Reserve(new_id(), hop, 0, MINUTE, None)
        ledger = PostgresLedger(desk._source())
        assert ledger.reserve(opening, reserve).granted
        if days_ago:
            as_role("master").execute(
                "UPDATE ai_calls SET reserved_at = reserved_at - %s * interval '1 day'"
                " WHERE id = %s",
                (days_ago, reserve.call_id),
            )
        whole = {**dict.fromkeys((f"{kind}_tokens" for kind in SUMMED), 0), "latency_ms": 0}
        whole |= {"cached": False, "estimated": estimated, "tier": "economy", **facts}
        # The sweep of other tests stores these rows, too.
        whole |= {"baseline_nanos": 0, "reason": "ordinary", "priced_on": "2026-11-01"}
        ledger.settle(opening, reserve, Settlement(nanos, billed=not estimated, facts=whole))

    return make


def dollars(amount):
    assert Decimal(amount["usd"]) * 10**9 == amount["nanousd"]
    return amount["nanousd"]


def test_each_call_is_in_every_breakdown_and_the_parts_are_the_whole(desk, read):
    campaign_id = new_id()
    answers = [
        desk.router().generate(desk.asking(), desk.prompt(), Captions),
        desk.router().generate(
            desk.asking(PLAN, agent="marketing", campaign_id=campaign_id), desk.prompt(), Captions
        ),
        desk.router().generate(
            desk.asking(ai.Task.INSIGHTS, agent="analytics", creator_id=None),
            desk.prompt(),
            Captions,
        ),
    ]
    cost = sum(one.cost_nanos for one in answers)
    stats = read("stats")
    assert dollars(stats["cost"]) == cost > 0
    assert stats["calls"] == 3
    expected = {
        "provider": {"openai", "azure_openai"},
        "model": {"gpt-6-luna", "gpt-6.1-sol"},
        "tier": {"economy", "premium"},
        "agent": {"content", "marketing", "analytics"},
        "task": {"captions", "campaign_plan", "insights"},
        "creator": {str(desk.creator_id), None},
        "campaign": {str(campaign_id), None},
        "day": {f"{datetime.now(UTC):%Y-%m-%d}"},
    }
    for by, keys in expected.items():
        parts = read("breakdown", by=by)["items"]
        assert {one["key"] for one in parts} == keys, by
        assert sum(dollars(one["cost"]) for one in parts) == cost
        assert sum(dollars(one["savings"]) for one in parts) == dollars(stats["savings"])
        assert sum(one["calls"] for one in parts) == 3
        for kind in SUMMED:
            told = sum(one["tokens"][kind] for one in parts)
            assert told == sum(getattr(one.usage, f"{kind}_tokens") for one in answers), kind
    by_task = {one["key"]: dollars(one["cost"]) for one in read("breakdown", by="task")["items"]}
    assert by_task["captions"] == answers[0].cost_nanos
    campaigns = [one["key"] for one in read("breakdown", by="campaign")["items"]]
    # What has no key comes last.
    assert campaigns == [str(campaign_id), None]


def test_savings_are_held_against_the_stated_baseline(desk, read):
    desk.state.faults["openai"] = [FaultPlan(kind="cut_off", times=1)]
    for _ in range(2):
        desk.router().generate(
            desk.asking(ai.Task.MESSAGE_ANALYSIS, agent="chat"), desk.prompt(), Captions
        )
    stats = read("stats")
    (charged,) = [one for one in desk.state.charged if one.provider == "azure_openai"]
    baseline = charged.input_tokens * 2000 + charged.output_tokens * 10_000
    assert dollars(stats["baseline"]) == baseline
    proven = dollars(stats["cost"]) - dollars(stats["estimated"])
    assert dollars(stats["savings"]) == baseline - proven
    # What may have been used is on neither side.
    assert dollars(stats["estimated"]) > 0
    assert (stats["calls"], stats["cached_answers"]) == (2, 1)
    assert "premium model" in stats["baseline_means"]
    share = Decimal(stats["savings_percent"])
    assert abs(share - Decimal(baseline - proven) * 100 / baseline) <= Decimal("0.005")


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.booleans()), max_size=8))
def test_the_sums_of_a_day_are_what_the_budget_counted(use, books, calls):
    for nanos, estimated in calls:
        use(nanos, estimated=estimated)
    (counted,) = books(
        "SELECT coalesce(sum(spent_nanos), 0), coalesce(sum(billed_nanos), 0) FROM ai_spending"
        " WHERE period = 'day'"
    )
    (summed,) = books(
        "SELECT coalesce(sum(cost_nanos), 0),"
        " coalesce(sum(cost_nanos - estimated_nanos), 0) FROM ai_daily_costs"
    )
    assert counted == summed


def test_a_call_counts_in_the_day_in_which_it_was_reserved(use, read):
    use(5, days_ago=40)
    use(7)
    assert dollars(read("stats")["cost"]) == 7
    old = f"{datetime.now(UTC) - timedelta(days=40):%Y-%m-%d}"
    assert dollars(read("stats", first_day=old)["cost"]) == 12
    assert dollars(read("stats", first_day=old, last_day=old)["cost"]) == 5


def test_pages_of_a_breakdown_follow_each_other(use, read):
    tasks = sorted(one.value for one in ai.Task)[:5]
    for number, task in enumerate(tasks):
        use(number + 1, task=task)
    use(9, task="captions", creator_id=None)
    seen, cursor = [], None
    while True:
        query = {"by": "task", "limit": "2", **({"cursor": cursor} if cursor else {})}
        page = read("breakdown", **query)
        seen += [one["key"] for one in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == sorted(set(tasks) | {"captions"})


@pytest.mark.parametrize(
    "query",
    [
        {"by": "fan"},
        {"first_day": "2026-02-02", "last_day": "2026-02-01"},
        {"first_day": "2020-01-01", "last_day": "2026-01-01"},
        {"first_day": "yesterday"},
    ],
)
def test_what_is_no_period_is_refused(ask, query):
    assert ask("GET", "breakdown", query=query)[0] == 422


def test_who_sees_some_creators_sees_their_costs_alone(desk, ask, use):
    use(5)
    query = {"by": "creator"}
    mine = ask("GET", "breakdown", role="chatter", creators=[desk.creator_id], query=query)[1]
    assert [one["key"] for one in mine["items"]] == [str(desk.creator_id)]
    others = ask("GET", "breakdown", role="chatter", creators=[new_id()], query=query)[1]
    assert others["items"] == []
    for method, path in (("GET", "budget"), ("GET", "alerts"), ("GET", "alert-settings")):
        assert ask(method, path, role="manager", creators=[desk.creator_id])[0] == 403


def test_the_forecast_goes_on_from_the_days_before(use, read):
    for days_ago in range(1, 15):
        use(1000, days_ago=days_ago)
    seen = read("forecast")
    assert seen["days_observed"] == 14
    assert dollars(seen["expected_day"]) == 1000
    # The same every day: there is no doubt, and what is spent is part of it.
    assert seen["low"] == seen["high"] == seen["expected"]
    assert dollars(seen["expected"]) >= dollars(seen["spent"])
    assert seen["limit_reached_on"] is None
    assert dollars(seen["limit"]) > 0


def test_on_its_first_day_a_workspace_is_told_what_it_spent_and_no_more(use, read):
    use(700)
    use(300)
    seen = read("forecast")
    assert (dollars(seen["spent"]), seen["days_observed"]) == (1000, 0)
    unknown = ("expected", "low", "high", "expected_day", "limit_reached_on")
    assert [seen[name] for name in unknown] == [None] * 5
    assert dollars(read("stats")["cost"]) == 1000
    (today,) = read("breakdown", by="day")["items"]
    assert dollars(today["cost"]) == 1000


def test_days_without_a_call_count(use, read):
    use(2800, days_ago=28)
    seen = read("forecast")
    assert (seen["days_observed"], dollars(seen["expected_day"])) == (28, 100)


def test_an_owner_sets_the_budget_and_the_next_call_is_held_to_it(desk, ask, read):
    assert ask("PUT", "budget", role="manager", body={"daily_cents": 0})[0] == 403
    draft = {"daily_cents": 0, "monthly_cents": 300, "over_budget": "stop"}
    status, made = ask("PUT", "budget", body=draft)
    assert status == 200
    assert {name: made[name] for name in draft} == draft
    assert dollars(made["month"]["limit"]) == 3 * 10**9
    with pytest.raises(ai.BudgetUsedUpError):
        desk.router().generate(desk.asking(), desk.prompt(), Captions)
    ask("PUT", "budget", body={})
    spent = desk.router().generate(desk.asking(), desk.prompt(), Captions).cost_nanos
    told = read("budget")
    assert (told["daily_cents"], told["monthly_cents"]) == (None, None)
    assert dollars(told["day"]["spent"]) == dollars(told["month"]["spent"]) == spent
    assert told["day"]["limit"] is None
    room = dollars(told["month"]["limit"])
    assert room == told["plan_monthly_cents"] * 10**7
    assert dollars(told["month"]["left"]) == room - spent
    assert datetime.fromisoformat(told["month"]["resets_at"]).day == 1


@pytest.mark.parametrize(
    "wrong", [{"daily_cents": -1}, {"over_budget": "x"}, {"monthly_cents": 10**12}, {"x": 1}]
)
def test_what_is_no_budget_is_refused(ask, wrong):
    assert ask("PUT", "budget", body=wrong)[0] == 422


def test_savings_are_computed_applied_and_taken_back(desk, ask, books):
    asking = desk.asking(PLAN, agent="marketing")
    # A plan that is critical is nobody's to make cheaper, and none of the savings.
    critical = desk.asking(PLAN, agent="marketing", critical=True)
    dear = desk.router().generate(asking, desk.prompt(), Captions)
    desk.router().generate(critical, desk.prompt(), Captions)
    desk.router().generate(desk.asking(), desk.prompt(), Captions)
    told = ask("POST", "optimize", body={})[1]
    (one,) = told["items"]
    assert (one["task"], one["applied"], one["calls"]) == ("campaign_plan", False, 1)
    assert dollars(one["cost"]) == dear.cost_nanos
    # The same tokens, each kind at its price of the economy model.
    usage = dear.usage
    plain = usage.input_tokens - usage.cached_tokens - usage.written_tokens
    cheap = plain * 100 + usage.cached_tokens * 10 + usage.written_tokens * 125
    cheap += usage.output_tokens * 500
    assert dollars(one["savings"]) == dear.cost_nanos - cheap == dollars(told["savings"])

    def tier(request):
        preferences = PostgresPreferences(desk._source())
        router = desk.router(preferences=preferences)
        return router.generate(request, desk.prompt(str(new_id())), Captions).decision

    assert tier(asking).tier is ai.Tier.PREMIUM
    (applied,) = ask("POST", "optimize", body={"apply": [PLAN, PLAN]})[1]["items"]
    assert applied["applied"]
    assert (tier(asking).tier, tier(asking).reason) == (ai.Tier.ECONOMY, ai.Reason.WORKSPACE)
    assert tier(critical).tier is ai.Tier.PREMIUM
    ask("POST", "optimize", body={"revert": [PLAN]})
    assert tier(asking).tier is ai.Tier.PREMIUM
    assert books("SELECT action, facts::jsonb ->> 'task' FROM audit_log ORDER BY sequence") == [
        ("ai_optimization.applied", PLAN.value),
        ("ai_optimization.reverted", PLAN.value),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"apply": ["compliance_check"]},
        {"apply": ["price_advice"]},
        {"apply": ["unheard_of"]},
        {"revert": ["unheard_of"]},
        {"apply": [PLAN], "revert": [PLAN]},
    ],
)
def test_money_and_safety_are_nobodys_to_make_cheaper(ask, books, wrong):
    status, refusal = ask("POST", "optimize", body=wrong)
    assert (status, refusal["error"]) == (422, "NotOptimizable")
    assert books("SELECT task FROM ai_economy_tasks") == []


def test_what_is_chosen_is_believed_for_half_a_minute_and_asked_only_when_it_matters(desk, ask):
    seconds = [0.0]
    preferences = PostgresPreferences(desk._source(), clock=lambda: seconds[0])
    assert preferences.economy_tasks(desk.workspace_id) == frozenset()
    ask("POST", "optimize", body={"apply": [PLAN]})
    assert preferences.economy_tasks(desk.workspace_id) == frozenset()
    seconds[0] = 30.0
    assert preferences.economy_tasks(desk.workspace_id) == {PLAN}
    assert preferences.economy_tasks(new_id()) == frozenset()

    class Never:
        def economy_tasks(self, _):
            raise AssertionError("ordinary work asks nobody")

    desk.router(preferences=Never()).generate(desk.asking(), desk.prompt(), Captions)
