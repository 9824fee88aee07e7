"""Budgets: never more than there is, whoever calls at once and whatever dies in between."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huntaze import ai
from huntaze.ai.ledger import End, Opening, PostgresLedger, Reserve, Settlement
from huntaze.db import SingleConnection
from huntaze.domain.billing.metering import Meter
from huntaze.errors import PaymentRequiredError
from huntaze.ids import new_id
from local.model_provider.state import FaultPlan
from local.processes import wait_until
from tests.fakes.model_desk import Captions

CENT = 10_000_000
HOP = ai.Hop(ai.Provider.OPENAI, "gpt-6-luna")
MINUTE = timedelta(minutes=1)
FACTS = {
    **dict.fromkeys(("input_tokens", "cached_tokens", "written_tokens", "output_tokens"), 0),
    **dict.fromkeys(("latency_ms", "baseline_nanos"), 0),
    **dict.fromkeys(("cached", "estimated"), False),
    "tier": "economy",
    "reason": "ordinary",
    "priced_on": "2026-11-01",
}


def opening(desk) -> Opening:
    decision = ai.Decision("captions", 3, ai.Tier.ECONOMY, ai.Reason.ORDINARY, (HOP,))
    return Opening(new_id(), desk.asking(), decision)


def reserve_of(nanos: int, *, lease: timedelta = MINUTE, prefix: str | None = None) -> Reserve:
    return Reserve(new_id(), HOP, nanos, lease, prefix)


@pytest.fixture
def set_budget(desk, tenant) -> Callable[..., None]:
    def write(monthly: int | None = None, daily: int | None = None, over: str = "stop") -> None:
        with tenant(desk.workspace_id).transaction() as connection:
            connection.execute(
                "INSERT INTO ai_budgets (workspace_id, monthly_cents, daily_cents, over_budget,"
                " updated_by) VALUES (%s, %s, %s, %s, %s) ON CONFLICT (workspace_id) DO UPDATE SET"
                " monthly_cents = excluded.monthly_cents, daily_cents = excluded.daily_cents,"
                " over_budget = excluded.over_budget",
                (desk.workspace_id, monthly, daily, over, desk.creator_id),
            )

    return write


@pytest.fixture
def ledgers(desk) -> Callable[[], PostgresLedger]:
    return lambda: PostgresLedger(desk._source())


@pytest.fixture
def month(books) -> Callable[[], tuple]:
    return lambda: books(
        "SELECT reserved_nanos, spent_nanos FROM ai_spending WHERE period = 'month'"
    )[0]


@pytest.mark.parametrize("limit", ["monthly", "daily"])
def test_of_500_calls_at_once_100_fit_into_a_budget_for_100(
    desk, ledgers, set_budget, month, limit
):
    set_budget(**{limit: 100})

    def reserve_some(count: int) -> list[tuple[Opening, Reserve]]:
        ledger, granted = ledgers(), []
        for _ in range(count):
            one, reserve = opening(desk), reserve_of(CENT)
            if ledger.reserve(one, reserve).granted:
                granted.append((one, reserve))
        return granted

    # Nobody settles before all have asked: all 500 are in flight together.
    with ThreadPoolExecutor(25) as pool:
        granted = [one for some in pool.map(reserve_some, [20] * 25) for one in some]
    assert len(granted) == 100
    assert month() == (100 * CENT, 0)

    def settle(part: list[tuple[Opening, Reserve]]) -> None:
        ledger = ledgers()
        for one, reserve in part:
            ledger.settle(one, reserve, Settlement(CENT, billed=True, facts=FACTS))
            # Told twice, counted once.
            ledger.settle(one, reserve, Settlement(CENT, billed=True, facts=FACTS))

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(settle, [granted[at::10] for at in range(10)]))
    assert month() == (0, 100 * CENT)
    assert not ledgers().reserve(opening(desk), reserve_of(1)).granted


@pytest.mark.parametrize("limit", ["monthly", "daily"])
def test_a_reserve_counts_those_that_are_being_made(
    desk, ledgers, set_budget, database, month, limit
):
    set_budget(**{limit: 1})
    # The rows of its month and day are there: while they are made, they alone would hold others up.
    ledgers().reserve(opening(desk), reserve_of(0))
    with (
        psycopg.connect(database["app"], autocommit=True) as slow,
        ThreadPoolExecutor(1) as pool,
    ):
        with slow.transaction():
            first = PostgresLedger(SingleConnection(lambda: slow))
            assert first.reserve(opening(desk), reserve_of(CENT)).granted
            second = pool.submit(ledgers().reserve, opening(desk), reserve_of(CENT))
            # It waits; were it to look now, it would see an empty month.
            with pytest.raises(TimeoutError):
                second.result(timeout=0.5)
        assert not second.result(timeout=20).granted
    assert month() == (CENT, 0)


def test_somebody_waits_for_two_round_trips(desk, database, books):
    class Counting(psycopg.Connection):
        trips = 0

        def wait(self, *args, **kwargs):
            self.trips += 1
            return super().wait(*args, **kwargs)

    with Counting.connect(database["app"], autocommit=True) as connection:
        ledger = PostgresLedger(SingleConnection(lambda: connection))
        before, one, reserve = connection.trips, opening(desk), reserve_of(CENT)
        assert ledger.reserve(one, reserve).granted
        ledger.settle(one, reserve, Settlement(CENT, billed=True, facts=FACTS), End("answered"))
        assert connection.trips - before == 2
    assert books("SELECT meter, source_id, quantity FROM metered_usage") == [
        (Meter.AI_COST, reserve.call_id, CENT // 1000)
    ]


def test_whole_calls_at_once_never_overspend(desk, set_budget, month):
    set_budget(monthly=1)

    def ask(number: int) -> int:
        try:
            words = desk.prompt(f"Number {number}.")
            return desk.router().generate(desk.asking(), words, Captions).cost_nanos
        except ai.BudgetUsedUpError:
            return 0

    with ThreadPoolExecutor(12) as pool:
        costs = list(pool.map(ask, range(60)))
    reserved, spent = month()
    assert reserved == 0
    assert spent == sum(costs) <= CENT
    assert 0 < sum(cost > 0 for cost in costs) < 60


_DIES = """
import os, signal, sys
from datetime import timedelta
from uuid import UUID
import psycopg
from huntaze import ai
from huntaze.ai.ledger import Opening, PostgresLedger, Reserve
from huntaze.db import SingleConnection
from huntaze.ids import new_id
dsn, workspace_id = sys.argv[1], UUID(sys.argv[2])
hop = ai.Hop(ai.Provider.OPENAI, "gpt-6-luna")
request = ai.Request(task="captions", workspace_id=workspace_id, agent="x", output_tokens=1)
decision = ai.Decision("captions", 3, ai.Tier.ECONOMY, ai.Reason.ORDINARY, (hop,))
source = SingleConnection(lambda: psycopg.connect(dsn, autocommit=True))
reserve = Reserve(new_id(), hop, 10_000_000, timedelta(seconds=3), None)
assert PostgresLedger(source).reserve(Opening(new_id(), request, decision), reserve).granted
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("who_returns", ["the next reserve", "the sweep"])
def test_what_a_killed_process_had_reserved_comes_back(
    desk, database, ledgers, set_budget, month, as_role, who_returns
):
    set_budget(monthly=1)
    dead = subprocess.run(
        [sys.executable, "-c", _DIES, database["app"], str(desk.workspace_id)], check=False
    )
    assert dead.returncode == -9
    assert month() == (CENT, 0)
    ledger = ledgers()
    assert not ledger.reserve(opening(desk), reserve_of(CENT)).granted
    if who_returns == "the sweep":
        relay = as_role("relay")
        assert wait_until(
            lambda: relay.execute("SELECT ai_sweep_leases()") and month() == (0, 0), 30
        )
    else:
        assert wait_until(lambda: ledger.reserve(opening(desk), reserve_of(CENT)).granted, 30)
        assert month() == (CENT, 0)


def test_a_call_that_ends_after_its_lease_is_counted_all_the_same(desk, ledgers, month):
    ledger, one = ledgers(), opening(desk)
    late = reserve_of(CENT, lease=timedelta(0))
    assert ledger.reserve(one, late).granted
    other = reserve_of(5)
    assert ledger.reserve(opening(desk), other).granted
    assert month() == (5, 0)
    ledger.settle(one, late, Settlement(700, billed=True, facts=FACTS), End("answered", HOP))
    assert month() == (5, 700)
    ledger.release(one, late)
    assert month() == (5, 700)


def test_bills_of_many_small_calls_lose_no_fraction(desk, ledgers, books):
    ledger = ledgers()
    for _ in range(10):
        one, reserve = opening(desk), reserve_of(1000)
        ledger.reserve(one, reserve)
        ledger.settle(one, reserve, Settlement(350, billed=True, facts=FACTS))
    assert books("SELECT sum(quantity) FROM metered_usage") == [(3,)]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["settle", "release", "leave"]),
            st.integers(0, 3 * CENT),
            st.integers(0, 100),
        ),
        max_size=12,
    )
)
def test_the_books_agree_with_a_second_bookkeeper(tenant_factory, tenant, database, steps):
    """Any mix of reserves, costs and returns: the sums are those of a plain list."""
    ids = tenant_factory()
    held: dict[UUID, int] = {}
    spent = 0
    budget = 500 * CENT
    with psycopg.connect(database["app"], autocommit=True) as connection:
        ledger = PostgresLedger(SingleConnection(lambda: connection))
        for what, nanos, share in steps:
            request = ai.Request(
                task="captions", workspace_id=ids.workspace_id, agent="x", output_tokens=1
            )
            decision = ai.Decision("captions", 3, ai.Tier.ECONOMY, ai.Reason.ORDINARY, (HOP,))
            one, reserve = Opening(new_id(), request, decision), reserve_of(nanos)
            granted = ledger.reserve(one, reserve).granted
            assert granted == (sum(held.values()) + spent + nanos <= budget)
            if not granted:
                continue
            held[reserve.call_id] = nanos
            if what == "settle":
                cost = held.pop(reserve.call_id) * share // 100
                ledger.settle(one, reserve, Settlement(cost, billed=True, facts=FACTS))
                spent += cost
            elif what == "release":
                held.pop(reserve.call_id)
                ledger.release(one, reserve)
        found = connection.execute("SELECT 1").fetchone()
        assert found == (1,)
    with tenant(ids.workspace_id).transaction() as connection:
        sums = connection.execute("SELECT DISTINCT reserved_nanos, spent_nanos FROM ai_spending")
        assert sums.fetchall() == ([(sum(held.values()), spent)] if steps else [])


def test_over_budget_means_less_for_a_workspace_that_chose_so(desk, set_budget):
    # A cent holds no worst case of the premium model, and many of the economy one.
    set_budget(monthly=1, over="degrade")
    answer = desk.router().generate(desk.asking(complexity=9), desk.prompt(), Captions)
    assert answer.degraded
    assert (answer.decision.tier, answer.decision.reason) == ("economy", "over_budget")


def test_over_budget_is_the_end_for_a_workspace_that_chose_so(desk, set_budget, books):
    set_budget(monthly=1, over="stop")
    with pytest.raises(ai.BudgetUsedUpError) as refused:
        desk.router().generate(desk.asking(complexity=9), desk.prompt(), Captions)
    assert refused.value.status == 429
    now = datetime.now(UTC)
    reset = (now.replace(day=1) + timedelta(days=32)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    assert abs(refused.value.retry_after - (reset - now).total_seconds()) < 60
    assert f"{reset:%Y-%m-%d}" in refused.value.detail
    assert desk.state.asked == []
    assert books("SELECT result FROM ai_generations") == [("BudgetUsedUp",)]


@pytest.mark.parametrize("more", [{"critical": True}, {"task": ai.Task.COMPLIANCE_CHECK}])
def test_money_safety_and_critical_work_is_refused_rather_than_degraded(desk, set_budget, more):
    set_budget(monthly=1, over="degrade")
    with pytest.raises(ai.BudgetUsedUpError):
        desk.router().generate(desk.asking(**more), desk.prompt(), Captions)


def test_each_hop_is_checked_against_the_budget_again(desk, set_budget, month):
    # Room for one worst case; a call that may have been charged for takes it.
    set_budget(monthly=0)
    with pytest.raises(ai.BudgetUsedUpError):
        desk.router().generate(desk.asking(), desk.prompt(), Captions)
    desk.state.faults["openai"] = [FaultPlan(kind="cut_off")]
    long = desk.prompt("é " * 20_000)
    set_budget(monthly=1)
    with pytest.raises(ai.BudgetUsedUpError):
        desk.router().generate(desk.asking(), long, Captions)
    assert [asked["provider"] for asked in desk.state.asked] == ["openai"]
    assert 0 < month()[1] <= CENT


def test_a_plan_without_ai_names_the_one_that_has_it(desk, as_role):
    intake = as_role("intake")
    with intake.transaction():
        intake.execute("SELECT set_config('app.workspace_id', %s, true)", (str(desk.workspace_id),))
        intake.execute(
            "UPDATE workspaces SET plan = 'free', plan_until = NULL WHERE id = %s",
            (desk.workspace_id,),
        )
    with pytest.raises(PaymentRequiredError) as refused:
        desk.router().generate(desk.asking(), desk.prompt(), Captions)
    assert refused.value.fields == {"plan": "starter"}


def test_no_key_of_a_prefix_is_used_more_than_fifteen_times_in_its_window(desk, ledgers):
    ledger = ledgers()
    shards = [ledger.reserve(opening(desk), reserve_of(1, prefix="one")).shard for _ in range(50)]
    assert shards == [0] * 15 + [1] * 15 + [2] * 15 + [3] * 5
    assert ledger.reserve(opening(desk), reserve_of(1, prefix="other")).shard == 0
    assert ledger.reserve(opening(desk), reserve_of(1)).shard is None
