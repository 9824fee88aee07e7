"""Lists read page by page while rows come and go: nothing twice, and nothing left out that stayed.

A row that came or went meanwhile may be in the list or not; one that was there all the time is.
"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.fans.repository import FanFilter, PostgresFans
from huntaze.db import SingleConnection, Tenant
from huntaze.domain import fans, money
from huntaze.domain.fans import NEWEST, VALUE, FanRow
from huntaze.domain.fans.lists import create_list, delete_list
from huntaze.domain.money import TransactionRow
from huntaze.ids import new_id

START = datetime(2026, 1, 1, tzinfo=UTC)
# What happens between two pages: how many rows come, and which of those there are go.
CHANGES = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.integers(0, 40), max_size=3)), max_size=12
)
IN_PAGES = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def store(tenant_factory, as_role):
    """A new creator's fans, on a connection that all examples share."""
    source = SingleConnection(lambda: as_role("app"))

    def make():
        ids = tenant_factory()
        tenant = Tenant(source, ids.workspace_id)
        return tenant, ids.creator_id, PostgresFans(tenant, ids.user_id)

    return make


def read_amid(changes, read, change):
    """Read all pages, with changes in between; what was read, in its order."""
    found, cursor = [], None
    coming = iter(changes)
    while True:
        page = read(cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
        change(*next(coming, (0, [])))


class Fans:
    """Fans that come and go; some of one moment, as an import makes them."""

    def __init__(self, tenant, creator_id):
        self.tenant, self.creator_id = tenant, creator_id
        self.made = 0
        self.gone = set()

    def come(self, count):
        """Add fans with a value, in one transaction."""
        numbers = range(self.made, self.made + count)
        self.made += count
        with self.tenant.transaction() as connection:
            rows = [FanRow(n, f"u{n}", f"anna{n}") for n in numbers]
            fans.upsert(connection, self.creator_id, rows)
            money.record(
                connection,
                self.creator_id,
                [TransactionRow(n, f"t{n}", f"u{n}", "tip", n % 4, 0, n % 4) for n in numbers],
            )

    def go(self, which):
        """Erase fans."""
        for n in set(which) - self.gone:
            with self.tenant.transaction() as connection:
                row = connection.execute(
                    "SELECT id FROM fans WHERE platform_id = %s", (f"u{n}",)
                ).fetchone()
                if row:
                    fans.erase(connection, row[0])
                    self.gone.add(n)


@IN_PAGES
@given(
    start=st.integers(0, 25),
    limit=st.integers(1, 6),
    changes=CHANGES,
    order=st.sampled_from([NEWEST, VALUE]),
    search=st.sampled_from([None, "anna", "anna1", "anan1", "anna12345"]),
)
def test_fans_are_each_read_once(store, start, limit, changes, order, search):
    tenant, creator_id, listed = store()
    them = Fans(tenant, creator_id)
    them.come(start)
    which = FanFilter(creator_id, search=search)
    at_first = listed.page(which, order, limit=200, cursor=None).items

    def change(come, go):
        them.come(come)
        them.go(go)

    def read(cursor):
        return listed.page(which, order, limit=limit, cursor=cursor)

    found = [fan.platform_id for fan in read_amid(changes, read, change)]
    assert len(found) == len(set(found))
    stayed = [fan.platform_id for fan in at_first if int(fan.platform_id[1:]) not in them.gone]
    assert [one for one in found if one in set(stayed)] == stayed


@IN_PAGES
@given(start=st.integers(0, 25), limit=st.integers(1, 6), changes=CHANGES, of_fan=st.booleans())
def test_transactions_are_each_read_once(store, start, limit, changes, of_fan):
    tenant, creator_id, listed = store()
    made = 0

    def come(count, _go=()):
        nonlocal made
        with tenant.transaction() as connection:
            rows = [
                # Three of a moment, and some older than what was read.
                TransactionRow(
                    n, f"t{n}", "u", "tip", 1, 0, 1,
                    created_at=(START + timedelta(hours=n * 7 % 20 // 3)).isoformat(),
                )
                for n in range(made, made + count)
            ]  # fmt: skip
            money.record(connection, creator_id, rows)
        made += count

    come(1 + start)
    with tenant.transaction() as connection:
        ((fan_id,),) = connection.execute("SELECT id FROM fans").fetchall()

    def read(cursor, limit=limit):
        fan = fan_id if of_fan else None
        return listed.transactions(creator_id, fan, None, limit=limit, cursor=cursor)

    stayed = [one.transaction_id for one in read(None, 200).items]
    found = [one.transaction_id for one in read_amid(changes, read, come)]
    assert len(found) == len(set(found))
    assert [one for one in found if one in set(stayed)] == stayed


@IN_PAGES
@given(start=st.integers(0, 15), limit=st.integers(1, 6), changes=CHANGES)
def test_lists_are_each_read_once(store, start, limit, changes):
    tenant, creator_id, listed = store()
    ids = {}

    def change(come, go=()):
        with tenant.transaction() as connection:
            for _ in range(come):
                made = create_list(connection, creator_id, f"{new_id().int % 1000:03} é{len(ids)}")
                ids[len(ids)] = made.id
            for n in go:
                if ids.get(n):
                    delete_list(connection, ids[n])
                    ids[n] = None

    def read(cursor, limit=limit):
        return listed.lists(creator_id, limit=limit, cursor=cursor)

    change(start)
    before = [one.id for one in read(None, 200).items]
    found = [one.id for one in read_amid(changes, read, change)]
    assert len(found) == len(set(found))
    stayed = [one for one in before if one in ids.values()]
    assert [one for one in found if one in stayed] == stayed
