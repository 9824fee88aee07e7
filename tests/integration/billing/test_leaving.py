"""A workspace that is to be erased buys nothing, and nothing is charged for it afterwards."""

import pytest

from functions.billing.sweep import handler as sweep
from huntaze.ids import new_id

CHECKOUT = "/api/billing/checkout"


@pytest.fixture
def leave(as_role):
    """Order the erasure of a workspace, and let it come as far as told."""

    def order(me, state="scheduled"):
        with as_role("app") as connection, connection.transaction():
            connection.execute(
                "SELECT set_config('app.workspace_id', %s, true),"
                " set_config('app.creator_scope', '*', true)",
                (str(me.workspace_id),),
            )
            connection.execute(
                "INSERT INTO erasures (workspace_id, kind, requested_by, begins_at)"
                " VALUES (%s, 'workspace', %s, now()) ON CONFLICT DO NOTHING",
                (me.workspace_id, new_id()),
            )
        with as_role("eraser") as connection, connection.transaction():
            connection.execute(
                "SELECT set_config('app.workspace_id', %s, true)", (str(me.workspace_id),)
            )
            connection.execute(
                "UPDATE erasures SET state = %(state)s,"
                " finished_at = CASE WHEN %(state)s = 'done' THEN now() END"
                " WHERE workspace_id = %(id)s",
                {"state": state, "id": me.workspace_id},
            )

    return order


@pytest.fixture
def page(call):
    """Open a page of Checkout; answers its address."""

    def order(me):
        status, answer = call("POST", CHECKOUT, me.who, {"plan": "pro"})
        assert status == 200, answer
        return answer["url"]

    return order


def test_who_is_leaving_buys_nothing_unless_the_order_is_withdrawn(owner, call, leave):
    me = owner()
    for state in ("scheduled", "erasing"):
        leave(me, state)
        status, answer = call("POST", CHECKOUT, me.who, {"plan": "pro"})
        assert (status, answer["error"]) == (409, "Leaving"), state
    leave(me, "withdrawn")
    assert call("POST", CHECKOUT, me.who, {"plan": "pro"})[0] == 200


def test_the_end_of_payments_closes_the_pages_that_are_open(
    owner, page, leave, lambda_context, stand_in, tenant
):
    me = owner(trial_days=-1)
    url = page(me)
    leave(me, "erasing")
    sweep.handler({}, lambda_context)
    assert stand_in.submit(url, card="good").status_code == 409
    with tenant(me.workspace_id).transaction() as connection:
        row = connection.execute("SELECT billing_ended_at IS NOT NULL FROM erasures").fetchone()
    assert row == (True,)


@pytest.mark.parametrize("state", ["erasing", "done"])
def test_what_is_paid_too_late_is_cancelled_at_once(
    owner, buy, happened, deliver, work, leave, stand_in, stored, state
):
    me = owner(trial_days=-1)
    customer = buy(me)
    leave(me, state)
    for event in happened(customer):
        deliver(event)
    assert work() == []
    assert [one["status"] for one in stand_in.listed("subscriptions", customer=customer)] == [
        "canceled"
    ]
    assert [one["status"] for one in stored(me.workspace_id)["subscriptions"]] == ["canceled"]
    # Without an order the same events end nothing.
    other = owner(trial_days=-1)
    customer = buy(other)
    leave(other, "scheduled")
    for event in happened(customer):
        deliver(event)
    assert work() == []
    assert stored(other.workspace_id)["subscriptions"][0]["status"] == "active"
