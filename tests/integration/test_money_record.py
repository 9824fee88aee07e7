"""Recording transactions: one end, whatever the order, the repeats and the batches."""

import math
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from fractions import Fraction
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huntaze.db import SingleConnection, Tenant
from huntaze.domain import fans, money
from huntaze.domain.fans.models import MAX_CENTS
from huntaze.domain.money import PAYMENTS, REVERSALS, OtherCurrencyError, TransactionRow
from huntaze.ids import new_id

FANS = ["u1", "u2", "u3"]


@st.composite
def histories(draw):
    """Payments, reversals of them and of what is no payment; each id told once."""
    payments = draw(
        st.lists(
            st.tuples(
                st.sampled_from(PAYMENTS),
                st.sampled_from(FANS),
                st.integers(0, 10_000),
                st.integers(0, 2_500),
            ),
            max_size=6,
        )
    )
    rows = [
        TransactionRow(0, f"p{n}", fan, kind, net + fee, fee, net, None, day(n))
        for n, (kind, fan, net, fee) in enumerate(payments)
    ]
    # All of the payment; a net; a gross amount alone; a gross amount that was fee and nothing else.
    amounts = st.one_of(
        st.just((0, 0, 0)),
        st.integers(1, 12_000).map(lambda net: (net + 7, 7, net)),
        st.integers(1, 12_000).map(lambda gross: (gross, 0, 0)),
        st.integers(1, 100).map(lambda fee: (fee, fee, 0)),
    )
    targets = [*(f"p{n}" for n in range(8)), "r0", "r1"]
    reversals = st.tuples(
        st.sampled_from(REVERSALS),
        st.sampled_from(targets),
        st.sampled_from(FANS),
        st.integers(0, 3),
        amounts,
    )
    for n, (kind, target, fan, at, told) in enumerate(draw(st.lists(reversals, max_size=8))):
        rows.append(TransactionRow(0, f"r{n}", fan, kind, *told, None, day(10 + at), target))
    return rows


@st.composite
def deliveries(draw):
    """The same history told twice over: shuffled, repeated, cut into batches."""
    rows = draw(histories())
    told = draw(
        st.permutations(rows + draw(st.lists(st.sampled_from(rows), max_size=8)) if rows else [])
    )
    cuts = sorted(draw(st.sets(st.integers(0, len(told)), max_size=4)))
    batches = [told[a:b] for a, b in zip([0, *cuts], [*cuts, len(told)], strict=True)]
    return rows, [[row._replace(line=n) for n, row in enumerate(batch)] for batch in batches]


def day(n):
    return f"2026-01-{n + 1:02}T00:00:00+00:00"


def naive_values(rows):
    """What each fan is worth, by the rule and nothing else."""
    values = dict.fromkeys((row.platform_id for row in rows), 0)
    for payment in rows:
        if payment.reverses is None:
            reversals = [row for row in rows if row.reverses == payment.transaction_id]
            values[payment.platform_id] += payment.net_cents - taken(payment, reversals)
    return values


def taken(payment, reversals):
    """What the reversals of a payment take from it together: never more than it brought."""
    named, parts = 0, 0
    for row in reversals:
        if row.net_cents:
            named += row.net_cents
        elif not row.amount_cents:
            named += payment.net_cents
        elif not row.fee_cents and not payment.amount_cents:
            named += row.amount_cents
        elif not row.fee_cents:
            parts += row.amount_cents
    if parts:
        share = Fraction(min(parts, payment.amount_cents), payment.amount_cents)
        named += math.floor(payment.net_cents * share + Fraction(1, 2))
    return min(named, payment.net_cents)


def values_of(connection):
    return dict(connection.execute("SELECT platform_id, value_cents FROM fans").fetchall())


@settings(
    max_examples=60,
    deadline=None,
    # The workspaces differ from example to example; the fixtures only make them.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(delivery=deliveries())
def test_a_value_is_the_same_in_any_order_with_repeats_and_splits(
    tenant_factory, shared_tenant, auditor, delivery
):
    rows, batches = delivery
    ids = tenant_factory()
    transactions = shared_tenant(ids.workspace_id)
    for batch in batches:
        with transactions.transaction() as connection:
            money.record(connection, ids.creator_id, batch)
    with transactions.transaction() as connection:
        assert values_of(connection) == naive_values(rows)
        booked = connection.execute(
            "SELECT f.platform_id, coalesce(sum(t.effective_cents), 0)::bigint"
            " FROM fans f LEFT JOIN transactions t ON t.fan_id = f.id GROUP BY f.id, f.platform_id"
        )
        assert dict(booked.fetchall()) == naive_values(rows)
    # The daily check adds up in a third way.
    found = auditor.execute(
        "SELECT drifted FROM check_money(%s, %s, %s, 9)",
        (new_id(), ids.workspace_id, UUID(int=0)),
    )
    assert [row[0] for row in found] == ([0] if rows else [])


@pytest.fixture
def auditor(as_role):
    """Whoever checks all values each day."""
    return as_role("auditor")


@pytest.fixture
def shared_tenant(as_role):
    """One connection for all examples of a property: each would open its own."""
    source = SingleConnection(lambda: as_role("app"))
    return lambda workspace_id: Tenant(source, workspace_id)


@pytest.fixture
def record(tenant_factory, tenant):
    """Record rows for one creator; answers (outcome, values of the fans)."""
    ids = tenant_factory()
    transactions = tenant(ids.workspace_id)

    def run(*rows):
        with transactions.transaction() as connection:
            outcome = money.record(connection, ids.creator_id, rows)
            return outcome, values_of(connection)

    return run


def payment(key, net, fan="u1", *, gross=None, **more):
    gross = net if gross is None else gross
    return TransactionRow(1, key, fan, "tip", gross, gross - net, net, created_at=day(1), **more)


def reversal(key, of, kind="refund", fan="u1", at=2, *, gross=0, net=0):
    gross = gross or net
    return TransactionRow(2, key, fan, kind, gross, 0, net, created_at=day(at), reverses=of)


def test_a_reversal_waits_for_its_payment(record):
    assert record(reversal("r", "p"))[1] == {"u1": 0}
    assert record(payment("p", 700))[1] == {"u1": 0}
    assert record(payment("q", 300))[1] == {"u1": 300}


def test_a_refund_and_a_chargeback_of_one_payment_subtract_once(record):
    record(payment("p", 700), payment("q", 50))
    assert record(reversal("r", "p"))[1] == {"u1": 50}
    assert record(reversal("c", "p", "chargeback"))[1] == {"u1": 50}
    # An earlier one takes over the counting and nothing is lost.
    assert record(reversal("e", "p", at=1))[1] == {"u1": 50}


def test_the_same_rows_again_change_nothing(record):
    rows = [payment("p", 700), reversal("r", "p"), payment("q", 50, fan="u2")]
    first, values = record(*rows)
    assert (first.created, first.fans_created) == (3, 2)
    again, same = record(*rows)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 3)
    assert same == values == {"u1": 0, "u2": 50}


def test_parts_are_taken_back_one_by_one_and_never_more_than_the_payment(record):
    record(payment("p", 700), payment("q", 50))
    assert record(reversal("r", "p", net=300))[1] == {"u1": 450}
    assert record(reversal("s", "p", net=300))[1] == {"u1": 150}
    # Of this one 100 are left, and of a chargeback of the whole nothing.
    assert record(reversal("t", "p", net=300))[1] == {"u1": 50}
    assert record(reversal("c", "p", "chargeback"))[1] == {"u1": 50}


def test_parts_told_as_gross_amounts_take_their_share_and_together_the_whole(record):
    record(payment("p", 800, gross=1000))
    assert record(reversal("r", "p", gross=333))[1] == {"u1": 800 - 266}
    assert record(reversal("s", "p", gross=333))[1] == {"u1": 800 - 533}
    assert record(reversal("t", "p", gross=334))[1] == {"u1": 0}


def test_a_correction_of_a_payment_corrects_its_reversal_and_both_fans(record):
    record(payment("p", 700), reversal("r", "p"), payment("q", 50))
    outcome, values = record(payment("p", 900, fan="u2"))
    # What is taken back is taken from who paid.
    assert (outcome.updated, values) == (1, {"u1": 50, "u2": 0})


def test_a_reversal_takes_from_who_paid_whomever_it_names(record):
    record(payment("p", 700))
    told = reversal("r", "p", fan="u2", net=200)
    assert record(told)[1] == {"u1": 500, "u2": 0}
    outcome, values = record(told)
    assert (outcome.unchanged, values) == (1, {"u1": 500, "u2": 0})


def test_a_corrected_amount_is_the_one_that_counts(record):
    record(payment("p", 700), reversal("r", "p", net=100))
    assert record(payment("p", 500))[1] == {"u1": 400}
    assert record(reversal("r", "p", net=450))[1] == {"u1": 50}
    assert record(payment("p", 300))[1] == {"u1": 0}


def test_a_reversal_of_a_reversal_is_worth_nothing(record):
    record(payment("p", 700), reversal("r", "p"))
    assert record(reversal("s", "r"))[1] == {"u1": 0}
    assert record(reversal("r", "s"), reversal("x", "x"))[1] == {"u1": 700}


def test_an_erased_fan_keeps_what_was_paid_and_taken_back(tenant_factory, tenant):
    ids = tenant_factory()
    transactions = tenant(ids.workspace_id)
    with transactions.transaction() as connection:
        money.record(connection, ids.creator_id, [payment("p", 700)])
        ((fan_id,),) = connection.execute("SELECT id FROM fans").fetchall()
        fans.erase(connection, fan_id)
        outcome = money.record(
            connection, ids.creator_id, [reversal("r", "p", net=200), payment("q", 50)]
        )
        assert outcome.fans_created == 0
        stored = connection.execute("SELECT id, value_cents, platform_id FROM fans").fetchall()
    assert stored == [(fan_id, 550, None)]


def test_another_currency_is_refused_and_nothing_recorded(record):
    record(payment("p", 700))
    with pytest.raises(OtherCurrencyError, match="q is in EUR"):
        record(payment("r", 1), payment("q", 50, currency="EUR"))
    assert record()[1] == {"u1": 700}


def test_the_largest_amounts_add_up(record):
    rows = [payment(f"p{n}", MAX_CENTS) for n in range(50)]
    assert record(*rows, reversal("r", "p0", gross=MAX_CENTS))[1] == {"u1": 49 * MAX_CENTS}


@pytest.mark.parametrize("cents", [-1, MAX_CENTS + 1, 2**63 - 1])
def test_an_amount_out_of_bounds_is_never_stored(record, cents):
    record(payment("p", 700))
    with pytest.raises(psycopg.errors.CheckViolation):
        record(payment("q", cents))
    assert record()[1] == {"u1": 700}


def test_a_currency_stays_once_there_is_money(tenant_factory, tenant):
    ids = tenant_factory()
    transactions = tenant(ids.workspace_id)
    change = "UPDATE creators SET currency = %s"
    with transactions.transaction() as connection:
        connection.execute(change, ("EUR",))
        money.record(connection, ids.creator_id, [payment("p", 700)])
    for currency, refused in (("EUR", False), ("USD", True)):
        raised = pytest.raises(psycopg.errors.CheckViolation) if refused else nullcontext()
        with raised, transactions.transaction() as connection:
            connection.execute(change, (currency,))


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers())
def test_writers_at_once_end_where_one_would(tenant_factory, tenant, seed):
    """Four of them, each with all rows in an order and in batches of its own."""
    ids = tenant_factory()
    draw = random.Random(seed)  # noqa: S311  (an order, no secret)
    rows = [payment(f"p{n}", draw.randrange(9000), draw.choice(FANS)) for n in range(60)]
    rows += [
        reversal(f"r{n}", f"p{draw.randrange(70)}", fan=draw.choice(FANS), net=draw.randrange(5000))
        for n in range(60)
    ]
    orders = [draw.sample(rows, len(rows)) for _ in range(4)]

    def write(told):
        transactions = tenant(ids.workspace_id)
        for start in range(0, len(told), 15):
            batch = [row._replace(line=n) for n, row in enumerate(told[start : start + 15])]
            with transactions.transaction() as connection:
                money.record(connection, ids.creator_id, batch)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, orders))
    with tenant(ids.workspace_id).transaction() as connection:
        assert values_of(connection) == naive_values(rows)


def test_the_last_purchase_is_the_newest_payment(tenant_factory, tenant):
    ids = tenant_factory()
    transactions = tenant(ids.workspace_id)
    rows = [
        TransactionRow(1, "p", "u1", "tip", 5, 0, 5, created_at=day(3)),
        TransactionRow(2, "q", "u1", "tip", 5, 0, 5, created_at=day(5)),
        TransactionRow(3, "r", "u1", "refund", 5, 0, 5, created_at=day(9), reverses="p"),
    ]
    with transactions.transaction() as connection:
        money.record(connection, ids.creator_id, rows)
        (at,) = connection.execute("SELECT last_purchase_at FROM fans").fetchone()
    assert at.isoformat() == day(5)


def test_money_of_a_creator_is_not_recorded_for_another_workspace(tenant_factory, tenant):
    ids, other = tenant_factory(), tenant_factory()
    with (
        pytest.raises(psycopg.errors.ForeignKeyViolation),
        tenant(other.workspace_id).transaction() as connection,
    ):
        money.record(connection, ids.creator_id, [payment("p", 5)])


def test_a_payment_and_its_refund_recorded_at_once_see_each_other(tenant_factory, tenant):
    ids = tenant_factory()
    first, second = tenant(ids.workspace_id), tenant(ids.workspace_id)

    def record_refund():
        with second.transaction() as connection:
            money.record(connection, ids.creator_id, [reversal("r", "p")])

    with ThreadPoolExecutor(1) as pool:
        with first.transaction() as connection:
            money.record(connection, ids.creator_id, [payment("p", 700)])
            waiting = pool.submit(record_refund)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
        waiting.result(timeout=10)
    with first.transaction() as connection:
        assert values_of(connection) == {"u1": 0}
