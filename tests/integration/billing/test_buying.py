"""Who buys a plan, at which price, by way of which pages; and how it is changed."""

import stripe

from functions.billing.api import handler as api
from huntaze.domain.billing.plans import catalogue


def test_a_purchase_on_the_hosted_page_becomes_the_plan(
    owner, buy, call, happened, deliver, work, told
):
    me = owner()
    customer = buy(me, "pro", interval="year")
    assert call("GET", "/api/billing/subscription", me.who)[1]["plan"] == "trial"
    for event in happened(customer):
        assert deliver(event)[0] == 200
    assert work() == []
    status, standing = call("GET", "/api/billing/subscription", me.who)
    assert status == 200
    assert (standing["plan"], standing["plan_until"]) == ("pro", None)
    assert standing["subscription"]["status"] == "trialing"
    assert standing["subscription"]["interval"] == "year"
    assert standing["limits"]["creators"] == {"limit": 5, "used": 0}
    assert standing["limits"]["members"] == {"limit": 10, "used": 1}
    assert "ab_tests" in standing["features"]
    assert told(me.workspace_id) == ["billing.subscription_changed"]


def test_the_plan_is_not_won_by_coming_back_from_the_page(owner, buy, call):
    me = owner(trial_days=-1)
    buy(me)
    assert call("GET", "/api/billing/subscription", me.who)[1]["plan"] == "free"


def test_only_an_owner_pays(owner, call):
    for role in ("manager", "chatter", "analyst"):
        someone = owner(role=role)
        for path in ("/api/billing/checkout", "/api/stripe/create-checkout"):
            status, answer = call("POST", path, someone.who, {"plan": "pro"})
            assert (status, answer["error"]) == (403, "Forbidden")
        assert call("POST", "/api/billing/portal", someone.who, {})[0] == 403
        assert call("GET", "/api/billing/invoices", someone.who)[0] == 403
        assert call("GET", "/api/billing/subscription", someone.who)[0] == 200


def test_a_second_click_is_the_same_order_and_another_order_another(owner, call, stand_in):
    me = owner()
    path = "/api/billing/checkout"
    before = len(stand_in.listed("prices"))
    first = call("POST", path, me.who, {"plan": "pro"})[1]["url"]
    assert call("POST", path, me.who, {"plan": "pro"})[1]["url"] == first
    assert call("POST", path, me.who, {"plan": "agency"})[1]["url"] != first
    assert len(stand_in.listed("prices")) == before


def test_only_the_page_that_was_opened_last_can_be_paid(owner, call, stand_in):
    me = owner()

    def order(plan):
        return call("POST", "/api/billing/checkout", me.who, {"plan": plan})[1]["url"]

    pro, agency = order("pro"), order("agency")
    assert stand_in.submit(pro, card="good").status_code == 409
    # Back to the first order: the page that Stripe gave for it then is closed.
    again = order("pro")
    assert again not in (pro, agency)
    assert order("pro") == again
    assert stand_in.submit(agency, card="good").status_code == 409
    assert stand_in.submit(again, card="good").is_success
    (bought,) = [
        one
        for one in stand_in.listed("subscriptions")
        if one["metadata"].get("workspace_id") == str(me.workspace_id)
    ]
    assert bought["metadata"]["plan"] == "pro"


def test_who_has_paid_buys_no_other_before_its_event_has_come(owner, buy, call, stand_in):
    me = owner()
    customer = buy(me, "pro")
    status, answer = call("POST", "/api/billing/checkout", me.who, {"plan": "agency"})
    assert (status, answer["error"]) == (409, "SubscribedAlready")
    assert stand_in.listed("checkout/sessions", customer=customer, status="open") == []


def test_a_page_that_closes_while_it_is_closed_is_no_trouble(owner, call, stand_in, monkeypatch):
    me = owner()
    path = "/api/billing/checkout"
    first = call("POST", path, me.who, {"plan": "pro"})[1]["url"]
    expire = stripe.checkout.SessionService.expire

    def twice(service, session):
        expire(service, session)
        return expire(service, session)

    monkeypatch.setattr(stripe.checkout.SessionService, "expire", twice)
    assert call("POST", path, me.who, {"plan": "agency"})[0] == 200
    assert stand_in.submit(first, card="good").status_code == 409


def test_the_caller_chooses_a_plan_and_nothing_of_its_price(owner, call):
    me = owner()
    path = "/api/billing/checkout"
    for body in ({"plan": "free"}, {"plan": "trial"}, {"plan": "x"}, {"plan": "price_1"}):
        status, answer = call("POST", path, me.who, body)
        assert (status, answer["error"]) == (422, "PlanNotForSale"), body
    for more in ({"price": "price_1"}, {"amount_cents": 1}, {"customer": "cus_1"}):
        assert call("POST", path, me.who, {"plan": "pro", **more})[0] == 422


def test_stripe_sends_people_back_to_our_own_pages_alone(owner, call, origin):
    me = owner()
    good = {"success_url": f"{origin}/x?y=1", "cancel_url": "https://other.example.com/"}
    assert call("POST", "/api/billing/checkout", me.who, {"plan": "pro", **good})[0] == 200
    for url in (
        "https://evil.example.com/",
        f"{origin}.evil.example.com/",
        f"{origin}@evil.example.com/",
        f"{origin}\\@evil.example.com/",
        "http://app.example.com/",
        "//app.example.com/",
        "javascript:alert(1)",
        "https://[",
        "/billing",
        f"{origin}/ x",
        f"{origin}/\n",
        "",
    ):
        for field in ("success_url", "cancel_url"):
            body = {"plan": "pro", field: url}
            assert call("POST", "/api/billing/checkout", me.who, body)[0] == 422, url
        assert call("POST", "/api/billing/portal", me.who, {"return_url": url})[0] == 422, url


def test_who_has_a_plan_changes_it_in_the_portal(
    owner, buy, happened, deliver, work, call, stand_in
):
    me = owner()
    assert call("POST", "/api/billing/portal", me.who, {})[0] == 409
    customer = buy(me, "starter")
    for event in happened(customer):
        deliver(event)
    assert work() == []
    status, answer = call("POST", "/api/billing/checkout", me.who, {"plan": "pro"})
    assert (status, answer["error"]) == (409, "SubscribedAlready")
    page = call("POST", "/api/billing/portal", me.who, {})[1]["url"]
    pro = next(p for p in stand_in.listed("prices") if p["lookup_key"] == "huntaze_pro_month")
    stand_in.submit(page, what="plan", price=pro["id"])
    for event in happened(customer):
        deliver(event)
    assert work() == []
    assert call("GET", "/api/billing/subscription", me.who)[1]["plan"] == "pro"
    stand_in.submit(page, what="cancel")
    for event in happened(customer):
        deliver(event)
    assert work() == []
    _, standing = call("GET", "/api/billing/subscription", me.who)
    assert (standing["plan"], standing["subscription"]["cancel_at_period_end"]) == ("pro", True)


def test_a_declined_card_buys_nothing(owner, call, stand_in, origin):
    me = owner()
    page = call("POST", "/api/billing/checkout", me.who, {"plan": "pro"})[1]["url"]
    answer = stand_in.submit(page, card="bad")
    assert answer.headers["location"].endswith("?declined")
    assert f'href="{origin}/billing?paid=1"' in stand_in.submit(page, card="good").text


def test_a_price_that_is_not_the_one_shown_is_not_charged(owner, call, monkeypatch):
    me = owner()
    dearer = catalogue().model_copy(deep=True)
    starter = dearer.find("starter")
    assert starter is not None
    starter.prices["month"].__dict__["amount_cents"] = 1
    monkeypatch.setattr(api, "catalogue", lambda: dearer)
    status, answer = call("POST", "/api/billing/checkout", me.who, {"plan": "starter"})
    assert (status, answer["error"]) == (500, "PriceUnlikeShown")
