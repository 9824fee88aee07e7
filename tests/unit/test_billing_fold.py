"""Events of Stripe in any order, any number of times, with looks that overtake each other."""

import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.billing.fold import Standing, fold, notices, standing
from functions.billing.records import Account, Invoice, Seen, Subscription, read_subscription
from huntaze.domain.billing.plans import catalogue
from tests.fakes.stripe_life import START, Life, whole_life

NOW = datetime.fromtimestamp(START, UTC)
TRIAL_ENDS = NOW + timedelta(days=14)
PLANS = catalogue()


@pytest.fixture(scope="module")
def life():
    return whole_life()


@pytest.fixture(scope="module")
def looks(life):
    """What each of the eight events' looks finds, after each of the eight events."""
    one, eight = life
    hints = [one.hint(one.events[at]) for at in eight]
    found = {}
    for world, at in enumerate(eight):
        for number, hint in enumerate(hints):
            # Nobody is told of what has not happened.
            if number <= world:
                found[world, number] = one.look(hint, at=at)
    return found


@pytest.fixture(scope="module")
def ending(life, looks):
    """How it ends when every event comes once, in order."""
    _, eight = life
    account = Account(TRIAL_ENDS)
    for number in range(len(eight)):
        account = fold(account, looks[number, number], number + 1)
    return facts_of(account)


def facts_of(account):
    """All that is known, but for when it was looked up, and what follows from it."""
    known = [
        {key: seen.record for key, seen in getattr(account, kind).items()}
        for kind in ("subscriptions", "invoices", "charges", "disputes")
    ]
    return known, standing(account, PLANS, now=NOW)


def test_the_eight_events_are_a_whole_life(life, ending):
    one, eight = life
    kinds = [one.events[at]["type"] for at in eight]
    assert len(set(kinds)) == 8
    (subscriptions, invoices, charges, _), end = ending
    assert [s.status for s in subscriptions.values()] == ["canceled"]
    assert [(i.status, i.attempts) for i in invoices.values()] == [("paid", 2)]
    assert [c.refunded_cents for c in charges.values()] == [1_000]
    assert end == Standing("free", None)


def test_all_40320_orders_with_duplicates_end_the_same(looks, ending):
    # The worst that is possible: Stripe is never further than the newest event that was delivered.
    chance = random.Random(4)  # noqa: S311
    orders = 0
    for order in itertools.permutations(range(8)):
        account = Account(TRIAL_ENDS)
        world = 0
        deliveries = [*order]
        for again in chance.sample(range(8), 4):
            deliveries.insert(chance.randrange(len(deliveries) + 1), again)
        for ticket, number in enumerate(deliveries):
            world = max(world, number)
            account = fold(account, looks[world, number], ticket)
        orders += 1
        assert facts_of(account) == ending, order
    assert orders == 40_320


def test_the_order_would_decide_if_events_were_taken_at_their_word(looks):
    ends = set()
    for order in itertools.permutations(range(8)):
        account = Account(TRIAL_ENDS)
        for ticket, number in enumerate(order):
            # What the event itself carries: the state when it happened.
            account = fold(account, looks[number, number], ticket + 1)
        ends.add(standing(account, PLANS, now=NOW + timedelta(days=15)).plan)
    assert len(ends) > 1


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_workers_side_by_side_end_the_same(looks, ending, data):
    """Each worker takes a ticket, looks, and folds, and anything happens in between."""
    account, tickets, world = Account(TRIAL_ENDS), 0, 0
    to_come = data.draw(st.permutations([*range(8), *range(8)]))
    working = []
    while to_come or working:
        can_begin = to_come and len(working) < 4
        pick = data.draw(st.integers(0, len(working) - (0 if can_begin else 1)))
        if pick == len(working):
            number = to_come.pop()
            world, tickets = max(world, number), tickets + 1
            working.append([number, tickets, None])
        elif working[pick][2] is None:
            number = working[pick][0]
            working[pick][2] = looks[world, number]
        else:
            _, ticket, found = working.pop(pick)
            account = fold(account, found, ticket)
    assert facts_of(account) == ending


def test_a_look_that_is_overtaken_changes_nothing(looks):
    account = fold(Account(TRIAL_ENDS), looks[7, 7], 2)
    assert fold(account, looks[0, 0], 1) == account


@pytest.fixture
def subscription():
    def make(**changes):
        life = Life()
        bought = life.buy("pro")
        shown = life.engine.shown(life.engine.subscriptions[bought], ["latest_invoice"])
        found = read_subscription(shown)
        values = {name: getattr(found, name) for name in Subscription.__slots__}
        return Subscription(**{**values, **changes})

    return make


@pytest.fixture
def plan_at(subscription):
    """The standing of subscriptions at a moment."""

    def judge(*changes, now=NOW, trial_ends=TRIAL_ENDS):
        account = Account(trial_ends)
        for number, one in enumerate(changes):
            bought = subscription(id=f"sub_{number}", **one)
            account.subscriptions[bought.id] = Seen(1, bought)
        return standing(account, PLANS, now=now)

    return judge


def test_before_anything_is_bought_the_trial_counts_until_it_ends(plan_at):
    assert plan_at() == Standing("trial", TRIAL_ENDS)
    assert plan_at(now=TRIAL_ENDS) == Standing("free", None)
    assert plan_at({"status": "incomplete"}) == Standing("trial", TRIAL_ENDS)


def test_what_is_paid_for_counts_and_what_has_ended_does_not(plan_at):
    assert plan_at({"status": "active"}) == Standing("pro", None)
    assert plan_at({"status": "trialing"}) == Standing("pro", None)
    for status in ("canceled", "unpaid", "paused", "a status of next year"):
        assert plan_at({"status": status}) == Standing("free", None), status


def test_a_failed_payment_leaves_a_week(plan_at):
    past_due = {"status": "past_due", "past_due_since": NOW}
    week = NOW + timedelta(days=7)
    assert plan_at(past_due) == Standing("pro", week)
    assert plan_at(past_due, now=week - timedelta(seconds=1)) == Standing("pro", week)
    assert plan_at(past_due, now=week) == Standing("free", None)


def test_another_unpaid_month_brings_no_other_week(subscription):
    """Stripe shows the newest invoice beside a subscription, which is not the first unpaid one."""
    nothing: dict[str, Any] = dict.fromkeys(Invoice.__slots__)
    unpaid = Invoice(
        **{
            **nothing,
            "id": "in_1",
            "subscription_id": "sub_1",
            "status": "open",
            "attempts": 4,
            "created_at": NOW,
        }
    )
    late = subscription(id="sub_1", status="past_due", past_due_since=NOW + timedelta(days=31))
    a_month_later = NOW + timedelta(days=32)
    for invoice, plan in (
        (unpaid, "free"),
        (replace(unpaid, status="paid"), "pro"),
        (replace(unpaid, status="void"), "pro"),
        (replace(unpaid, subscription_id="sub_other"), "pro"),
    ):
        known = Account(
            TRIAL_ENDS, {late.id: Seen(1, late)}, invoices={invoice.id: Seen(1, invoice)}
        )
        assert standing(known, PLANS, now=a_month_later).plan == plan, invoice


def test_the_best_that_is_paid_for_counts(plan_at):
    starter, pro = {"plan": "starter", "status": "active"}, {"plan": "pro", "status": "active"}
    late = {"plan": "agency", "status": "past_due", "past_due_since": NOW - timedelta(days=8)}
    assert plan_at(starter, pro) == plan_at(pro, starter) == Standing("pro", None)
    assert plan_at(late, starter) == Standing("starter", None)
    assert plan_at({"plan": None, "status": "active"}) == Standing("free", None)


def test_a_late_payment_brings_the_plan_back():
    life = Life()
    life.buy("pro")
    life.engine.set_card(life.customer, good=False)
    life.advance(31)
    account = fold(Account(TRIAL_ENDS), life.look(life.hint(life.events[-1])), 1)
    due = datetime.fromtimestamp(life.engine.now(life.customer), UTC)
    late = standing(account, PLANS, now=due)
    assert late.plan == "pro"
    assert late.until is not None
    assert standing(account, PLANS, now=late.until) == Standing("free", None)
    life.engine.set_card(life.customer, good=True)
    account = fold(account, life.look(life.hint(life.events[-1])), 2)
    assert standing(account, PLANS, now=late.until) == Standing("pro", None)


def test_each_thing_worth_telling_is_told_once(life):
    one, _ = life
    account, told = Account(TRIAL_ENDS), []
    for at, event in enumerate(one.events):
        hint = one.hint(event)
        after = fold(account, one.look(hint, at=at), at + 1)
        when = datetime.fromtimestamp(event["created"], UTC)
        told += notices(account, after, hint, PLANS, now=when)
        account = after
    assert [notice.kind for notice in told] == [
        "billing.trial_will_end",
        "billing.payment_failed",
        "billing.payment_succeeded",
        "billing.refunded",
    ]
    failed, paid, refunded = told[1:]
    assert failed.facts["attempts"] == 1
    assert failed.facts["next_attempt_at"]
    assert paid.facts["amount_cents"] == 9900
    assert (refunded.facts["amount_cents"], refunded.facts["currency"]) == (1000, "usd")


def test_a_dispute_is_told_when_it_opens_and_when_it_ends():
    life = Life()
    life.buy("pro")
    (charge_id,) = life.engine.charges
    dispute_id = life.engine.open_dispute(charge_id)["id"]
    told, account = [], Account(TRIAL_ENDS)
    for _ in range(2):
        hint = life.hint(life.events[-1])
        after = fold(account, life.look(hint), len(told) + 1)
        told += notices(account, after, hint, PLANS, now=NOW)
        account = after
        if len(told) == 1:
            life.engine.close_dispute(dispute_id, won=False)
    assert [(one.kind, one.facts["status"]) for one in told] == [
        ("billing.disputed", "needs_response"),
        ("billing.disputed", "lost"),
    ]


def test_a_second_subscription_is_told_once():
    life = Life()
    told, account = [], Account(TRIAL_ENDS)

    def look(ticket):
        nonlocal account
        hint = life.hint(life.events[-1])
        after = fold(account, life.look(hint), ticket)
        told.extend(notices(account, after, hint, PLANS, now=NOW))
        account = after

    first = life.buy("pro")
    look(1)
    second = life.buy("agency")
    look(2)
    look(3)
    life.engine.cancel(first)
    look(4)
    life.engine.cancel(second)
    life.buy("pro")
    look(5)
    twice = [one.facts for one in told if one.kind == "billing.subscribed_twice"]
    assert twice == [{"subscription_ids": sorted([first, second])}]


def test_an_old_price_still_stands_for_its_plan():
    life = Life()
    bought = life.buy("pro")
    shown = life.engine.shown(life.engine.subscriptions[bought])
    price = shown["items"]["data"][0]["price"]
    # A lookup key moves on to the next price.
    assert (
        read_subscription({**shown, **_priced(shown, {**price, "lookup_key": None})}).plan == "pro"
    )
    stranger = {**price, "lookup_key": "other", "metadata": {"plan": "unheard of"}}
    assert read_subscription({**shown, **_priced(shown, stranger)}).plan is None


def _priced(shown, price):
    (item,) = shown["items"]["data"]
    return {"items": {"data": [{**item, "price": price}]}}
