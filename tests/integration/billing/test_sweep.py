"""What no event of Stripe's brings: the end of a trial, and the report of what was used."""

import pytest

from functions.billing.gateway import StripeDesk
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
