"""What no event of Stripe's brings: the end of a trial, and the report of what was used."""

from unittest.mock import Mock

import pytest

from functions.billing.gateway import StripeBooks, StripeDesk
from functions.billing.sweep import handler as sweep
from huntaze.domain.billing import entitlements, metering
from huntaze.ids import new_id


def test_time_ends_a_trial_and_the_sweep_writes_it_down(owner, lambda_context, tenant, told):
    me = owner(trial_days=-1)
    with tenant(me.workspace_id).transaction() as connection:
        assert entitlements.current(connection, me.workspace_id).plan.name == "free"
    # Only who was a customer has an account to lock; a trial ends for everybody.
    sweep.handler({}, lambda_context)
    with tenant(me.workspace_id).transaction() as connection:
        row = connection.execute("SELECT plan, plan_until FROM workspaces").fetchone()
    assert row == ("free", None)
    assert told(me.workspace_id) == ["billing.subscription_changed"]
    sweep.handler({}, lambda_context)
    assert len(told(me.workspace_id)) == 1


@pytest.fixture
def facts(tenant):
    """What the events of a kind in a workspace's outbox say."""

    def read(workspace_id, kind):
        with tenant(workspace_id).transaction() as connection:
            rows = connection.execute(
                "SELECT payload FROM events_outbox WHERE event_type = %s", (kind,)
            )
            return [row[0] for row in rows]

    return read


@pytest.mark.parametrize(
    ("trial_days", "times"), [(-1, 0), (1, 1), (2.9, 1), (3.1, 0), (14, 0)], ids=str
)
def test_the_end_of_a_trial_is_told_once_when_it_is_near(
    owner, lambda_context, facts, trial_days, times
):
    me = owner(trial_days=trial_days)
    for _ in range(2):
        sweep.handler({}, lambda_context)
    told = facts(me.workspace_id, "billing.trial_will_end")
    assert [one["topic"] for one in told] == ["nothing_bought"] * times


def test_who_has_bought_is_told_by_stripe_alone(
    owner, buy, happened, deliver, work, lambda_context, facts
):
    me = owner(trial_days=2.5)
    for event in happened(buy(me)):
        deliver(event)
    assert work() == []
    sweep.handler({}, lambda_context)
    assert facts(me.workspace_id, "billing.trial_will_end") == []


def test_a_fall_to_the_free_plan_is_one_that_is_told(
    owner, buy, happened, deliver, work, lambda_context, facts
):
    kind = "billing.subscription_changed"
    over = owner(trial_days=-1)
    sweep.handler({}, lambda_context)
    assert [one["topic"] for one in facts(over.workspace_id, kind)] == ["ended"]
    me = owner()
    customer = buy(me)
    for event in happened(customer):
        deliver(event)
    assert work() == []
    assert ["topic" in one for one in facts(me.workspace_id, kind)] == [False]


@pytest.fixture
def a_day_later(as_role):
    """Let the last look at a workspace's payments be a day old."""

    def pass_time(workspace_id):
        with as_role("intake") as connection, connection.transaction():
            connection.execute(
                "SELECT set_config('app.workspace_id', %s, true)", (str(workspace_id),)
            )
            connection.execute(
                "UPDATE billing_accounts SET looked_at = now() - interval '25 hours'"
                " WHERE workspace_id = %s",
                (workspace_id,),
            )

    return pass_time


def test_what_no_event_told_is_found_a_day_later(
    owner, buy, lambda_context, stand_in, stored, told, a_day_later, call
):
    me = owner(trial_days=-1)
    customer = buy(me)
    stand_in.refund(stand_in.listed("charges", customer=customer)[0]["id"], 500)
    # Nothing was heard of either; what was looked at just now is not due.
    sweep.handler({}, lambda_context)
    assert stored(me.workspace_id)["subscriptions"] == []
    a_day_later(me.workspace_id)
    sweep.handler({}, lambda_context)
    assert call("GET", "/api/billing/subscription", me.who)[1]["plan"] == "pro"
    found = stored(me.workspace_id)
    assert [(i["status"], i["amount_paid_cents"]) for i in found["invoices"]] == [("paid", 9900)]
    assert [c["refunded_cents"] for c in found["charges"]] == [500]
    # The end of the trial, too.
    changes = ["billing.subscription_changed"] * 2
    news = ["billing.payment_succeeded", "billing.refunded", *changes]
    assert told(me.workspace_id) == news
    a_day_later(me.workspace_id)
    sweep.handler({}, lambda_context)
    assert told(me.workspace_id) == news


def test_an_account_that_cannot_be_looked_at_waits_a_day_too(
    owner, buy, lambda_context, a_day_later, monkeypatch
):
    me = owner()
    buy(me)
    a_day_later(me.workspace_id)
    look = Mock(side_effect=ConnectionError)
    monkeypatch.setattr(StripeBooks, "look", look)
    with pytest.raises(sweep.WorkFailedError):
        sweep.handler({}, lambda_context)
    sweep.handler({}, lambda_context)
    assert look.call_count == 1


@pytest.mark.parametrize(
    ("status", "created", "trial_ends", "reported"),
    [
        ("active", "-1 day", None, True),
        ("past_due", "-1 day", None, True),
        ("canceled", "-1 day", None, True),
        # Nothing was ever paid.
        ("incomplete", "-1 day", None, False),
        ("incomplete_expired", "-1 day", None, False),
        # The days of a trial are free also for who has left a card.
        ("trialing", "-1 day", "1 day", False),
        ("trialing", "-2 days", "-1 day", False),
        ("active", "-2 days", "1 day", False),
        ("canceled", "-2 days", "1 day", False),
        ("active", "-2 days", "-1 day", True),
    ],
)
def test_use_counts_from_what_is_paid_for(
    owner, lambda_context, tenant, as_role, stand_in, status, created, trial_ends, reported
):
    me = owner()
    customer = f"cus_{me.workspace_id}"
    with as_role("intake") as connection, connection.transaction():
        connection.execute(
            "SELECT set_config('app.workspace_id', %s, true)", (str(me.workspace_id),)
        )
        connection.execute(
            "INSERT INTO billing_accounts (workspace_id, stripe_customer_id) VALUES (%s, %s)",
            (me.workspace_id, customer),
        )
        connection.execute(
            "INSERT INTO subscriptions (workspace_id, id, ticket, status, cancel_at_period_end,"
            " created_at, trial_ends_at) VALUES (%s, 'sub', 1, %s, false,"
            " now() + %s::interval, now() + %s::interval)",
            (me.workspace_id, status, created, trial_ends),
        )
    meter = metering.Meter.AI_COST
    with tenant(me.workspace_id).transaction() as connection:
        metering.record_use(connection, me.workspace_id, meter, source_id=new_id(), quantity=70)
        # Before anything was bought, or while its trial went on.
        connection.execute(
            "INSERT INTO metered_usage (workspace_id, source_id, meter, quantity, used_at)"
            " VALUES (%s, %s, %s, 5, now() - interval '36 hours')",
            (me.workspace_id, new_id(), meter.value),
        )
    sweep.handler({}, lambda_context)
    payloads = [one["payload"] for one in stand_in.meter_events()]
    told_of = [one["value"] for one in payloads if one["stripe_customer_id"] == customer]
    assert told_of == ["70"] * reported


def test_use_is_reported_once_however_often_its_answer_is_lost(
    owner, lambda_context, tenant, as_role, stand_in, monkeypatch
):
    me = owner(trial_days=-1)
    customer = f"cus_{me.workspace_id}"
    meter = metering.Meter.AI_COST

    def use(source_id, quantity):
        with tenant(me.workspace_id).transaction() as connection:
            return metering.record_use(
                connection, me.workspace_id, meter, source_id=source_id, quantity=quantity
            )

    def reported():
        found = stand_in.meter_events()
        return [one for one in found if one["payload"]["stripe_customer_id"] == customer]

    # Before anything was bought: free.
    assert use(new_id(), 1000)
    with tenant(me.workspace_id).transaction() as connection:
        connection.execute(
            "INSERT INTO billing_accounts (workspace_id, stripe_customer_id) VALUES (%s, %s)",
            (me.workspace_id, customer),
        )
    with as_role("intake") as connection, connection.transaction():
        connection.execute(
            "SELECT set_config('app.workspace_id', %s, true)", (str(me.workspace_id),)
        )
        connection.execute(
            "INSERT INTO subscriptions (workspace_id, id, ticket, status, cancel_at_period_end,"
            " created_at) VALUES (%s, 'sub', 1, 'active', false, clock_timestamp())",
            (me.workspace_id,),
        )
    call_id = new_id()
    assert use(call_id, 250)
    assert not use(call_id, 250)
    assert use(new_id(), 50)
    assert not use(new_id(), 0)
    told = StripeDesk.report_use

    def lose_the_answer(desk, **use):
        told(desk, **use)
        raise ConnectionError

    monkeypatch.setattr(StripeDesk, "report_use", lose_the_answer)
    with pytest.raises(sweep.WorkFailedError):
        sweep.handler({}, lambda_context)
    monkeypatch.setattr(StripeDesk, "report_use", told)
    sweep.handler({}, lambda_context)
    assert use(new_id(), 7)
    sweep.handler({}, lambda_context)
    sweep.handler({}, lambda_context)
    assert [one["payload"]["value"] for one in reported()] == ["300", "7"]
