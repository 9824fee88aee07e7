"""What is for sale, and what was paid."""


def test_plans_are_for_everybody(call):
    status, plans = call("GET", "/api/billing/plans", None)
    assert status == 200
    by_name = {plan["name"]: plan for plan in plans["items"]}
    assert by_name["starter"]["prices"]["month"]["amount_cents"] == 2900
    assert by_name["agency"]["limits"]["creators"] is None
    assert by_name["free"]["names"]["fr"] == "Gratuit"


def test_invoices_come_newest_first_page_by_page_with_their_refunds(
    owner, buy, happened, deliver, work, stand_in, call
):
    me = owner(trial_days=-1)
    customer = buy(me, "starter")
    stand_in.advance(customer, days=31)
    charge = stand_in.listed("charges", customer=customer)[-1]
    stand_in.refund(charge["id"], 900)
    for event in happened(customer):
        deliver(event)
    assert work() == []
    _, page = call("GET", "/api/billing/invoices", me.who, query={"limit": "1"})
    assert [bill["amount_paid_cents"] for bill in page["items"]] == [2900]
    assert page["items"][0]["refunded_cents"] == 0
    _, last = call("GET", "/api/billing/invoices", me.who, query={"cursor": page["next_cursor"]})
    assert [bill["refunded_cents"] for bill in last["items"]] == [900]
    assert last["next_cursor"] is None
    assert last["items"][0]["hosted_invoice_url"].startswith(stand_in.url)
    other = owner()
    assert call("GET", "/api/billing/invoices", other.who)[1]["items"] == []
    bad = call("GET", "/api/billing/invoices", me.who, query={"cursor": "bm9wZQ"})
    assert bad[0] == 400
