"""The plans' data: complete, in order, and one price each."""

import re
from pathlib import Path

import pytest

from huntaze.auth import RIGHTS, Right, Role
from huntaze.domain.billing.plans import FREE, TRIAL, Feature, Limit, catalogue

MIGRATION = Path(__file__).parents[2] / "migrations" / "0016_billing.sql"
PLANS = catalogue()


def test_every_plan_says_what_it_allows():
    for plan in PLANS.plans:
        assert set(plan.limits) == set(Limit), plan.name
        assert set(plan.names) == {"en", "fr"}, plan.name
        assert all(most is None or most >= 0 for most in plan.limits.values())


def test_a_dearer_plan_never_allows_less():
    for less, more in zip(PLANS.for_sale, PLANS.for_sale[1:], strict=False):
        assert less.features <= more.features
        for limit in Limit:
            most = less.limits[limit]
            assert more.limits[limit] is None or (most is not None and more.allows(limit, most)), (
                limit
            )
        for interval, price in less.prices.items():
            assert more.prices[interval].amount_cents > price.amount_cents


def test_a_year_costs_less_than_twelve_months():
    for plan in PLANS.for_sale:
        assert plan.prices["year"].amount_cents < 12 * plan.prices["month"].amount_cents


def test_each_price_stands_for_one_plan():
    keys = [price.lookup_key for plan in PLANS.plans for price in plan.prices.values()]
    assert len(set(keys)) == len(keys) == 6
    for plan in PLANS.for_sale:
        for price in plan.prices.values():
            assert PLANS.of_lookup_key(price.lookup_key) is plan
    assert PLANS.of_lookup_key("") is None


def test_nothing_is_sent_for_free_and_neither_it_nor_the_trial_is_sold():
    free, trial = PLANS.find(FREE), PLANS.find(TRIAL)
    assert free is not None
    assert trial is not None
    assert Feature.SENDING not in free.features
    assert not free.prices
    assert not trial.prices


def test_the_database_grants_the_trial_that_the_plans_promise():
    days = re.findall(r"interval '(\d+) days'", MIGRATION.read_text())
    assert days == [str(PLANS.trial_days)] * 2


@pytest.mark.parametrize("role", list(Role))
def test_only_an_owner_pays(role):
    assert (Right.BILL in RIGHTS[role]) is (role is Role.OWNER)
