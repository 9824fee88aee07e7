"""Recording transactions: one end, whatever the order, the repeats and the batches."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huntaze.db import SingleConnection, Tenant
from huntaze.domain import money
from huntaze.domain.money import PAYMENTS, REVERSALS, TransactionRow

FANS = ["u1", "u2", "u3"]


@st.composite
def histories(draw):
    """Payments, reversals of them and of payments never told of; each id told once."""
    payments = draw(
        st.lists(
            st.tuples(st.sampled_from(PAYMENTS), st.sampled_from(FANS), st.integers(0, 10_000)),
            max_size=6,
        )
    )
    rows = [
        TransactionRow(0, f"p{n}", fan, kind, net + net // 4, net // 4, net, None, day(n))
        for n, (kind, fan, net) in enumerate(payments)
    ]
    targets = draw(
        st.lists(
            st.tuples(st.sampled_from(REVERSALS), st.integers(0, 7), st.integers(0, 3)), max_size=8
        )
    )
    for n, (kind, target, at) in enumerate(targets):
        fan = payments[target][1] if target < len(payments) else "u3"
        rows.append(
            TransactionRow(0, f"r{n}", fan, kind, 0, 0, 0, None, day(10 + at), f"p{target}")
        )
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
    values = defaultdict(int)
    net = {row.transaction_id: row.net_cents for row in rows if row.reverses is None}
    for row in rows:
        values[row.platform_id] += row.net_cents if row.reverses is None else 0
    # Of each payment's reversals one counts: the earliest.
    counting = {}
    for row in sorted(rows, key=lambda row: (row.created_at, row.transaction_id)):
        if row.reverses in net:
            counting.setdefault(row.reverses, row.platform_id)
    for payment, fan in counting.items():
        values[fan] -= net[payment]
    return dict(values)


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
    tenant_factory, shared_tenant, delivery
):
    rows, batches = delivery
    ids = tenant_factory()
    transactions = shared_tenant(ids.workspace_id)
    for batch in batches:
        with transactions.transaction() as connection:
            money.record(connection, ids.creator_id, batch)
    with transactions.transaction() as connection:
        assert values_of(connection) == naive_values(rows)
        total = "SELECT coalesce(sum(effective_cents), 0) FROM transactions"
        assert connection.execute(total).fetchone()[0] == sum(naive_values(rows).values())


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


def payment(key, net, fan="u1", **more):
    return TransactionRow(1, key, fan, "tip", net, 0, net, created_at=day(1), **more)


def reversal(key, of, kind="refund", fan="u1", at=2):
    return TransactionRow(2, key, fan, kind, 0, 0, 0, created_at=day(at), reverses=of)


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


def test_a_correction_of_a_payment_corrects_its_reversal_and_both_fans(record):
    record(payment("p", 700), reversal("r", "p"), payment("q", 50))
    outcome, values = record(payment("p", 900, fan="u2"))
    assert (outcome.updated, values) == (1, {"u1": 50 - 900, "u2": 900})


def test_a_reversal_of_a_reversal_is_worth_nothing(record):
    record(payment("p", 700), reversal("r", "p"))
    assert record(reversal("s", "r"))[1] == {"u1": 0}


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
