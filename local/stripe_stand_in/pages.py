"""The hosted pages: where people pay, and where they change what they pay."""

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

_TEMPLATES = Jinja2Templates(Path(__file__).with_name("templates"))


def routes() -> list[Route]:
    """The addresses of the pages."""
    return [
        Route("/pay/{id}", _checkout),
        Route("/pay/{id}", _pay, methods=["POST"]),
        Route("/portal/{id}", _portal),
        Route("/portal/{id}", _change, methods=["POST"]),
        Route("/invoices/{id}", _invoice),
    ]


async def _checkout(request: Request) -> Response:
    engine = request.app.state.stand_in.engine
    session = engine.find(engine.sessions, request.path_params["id"])
    wanted = session["_wanted"]
    price = engine.find(engine.prices, wanted["line_items"][0]["price"])
    return _page(
        request,
        "checkout.html",
        session=session,
        price=price,
        product=engine.products[price["product"]],
        trial=bool(wanted.get("subscription_data", {}).get("trial_end")),
        declined="declined" in request.query_params,
    )


async def _pay(request: Request) -> Response:
    stand_in = request.app.state.stand_in
    form = await request.form()
    if form.get("card") != "good":
        return _to(f"/pay/{request.path_params['id']}?declined")
    session = stand_in.engine.pay(request.path_params["id"])
    stand_in.keep()
    return _leave(request, session["success_url"])


async def _portal(request: Request) -> Response:
    engine = request.app.state.stand_in.engine
    session = engine.find(engine.portals, request.path_params["id"])
    bought = _bought(request)
    prices = [
        {**price, "name": engine.products[price["product"]]["name"]}
        for price in engine.prices.values()
    ]
    bills = [b for b in engine.invoices.values() if b["customer"] == session["customer"]]
    return _page(request, "portal.html", session=session, bought=bought, prices=prices, bills=bills)


async def _change(request: Request) -> Response:
    stand_in = request.app.state.stand_in
    engine = stand_in.engine
    session = engine.find(engine.portals, request.path_params["id"])
    form = await request.form()
    bought = _bought(request)
    match form.get("what"):
        case "plan" if bought:
            engine.change_subscription(bought["id"], {"items": [{"price": form["price"]}]})
        case "cancel" if bought:
            engine.change_subscription(bought["id"], {"cancel_at_period_end": True})
        case "keep" if bought:
            engine.change_subscription(bought["id"], {"cancel_at_period_end": False})
        case "card":
            engine.set_card(session["customer"], good=form.get("card") == "good")
    stand_in.keep()
    return _leave(request, session["return_url"] or f"/portal/{session['id']}")


async def _invoice(request: Request) -> Response:
    engine = request.app.state.stand_in.engine
    return _page(
        request, "invoice.html", bill=engine.find(engine.invoices, request.path_params["id"])
    )


def _bought(request: Request) -> dict[str, Any] | None:
    engine = request.app.state.stand_in.engine
    session = engine.find(engine.portals, request.path_params["id"])
    running = [
        one
        for one in engine.subscriptions.values()
        if one["customer"] == session["customer"] and one["status"] != "canceled"
    ]
    return running[-1] if running else None


def _page(request: Request, name: str, **values: object) -> Response:
    return _TEMPLATES.TemplateResponse(request, name, values)


def _leave(request: Request, url: str) -> Response:
    """Go on to another site by the page itself, as Stripe's pages do."""
    return _page(request, "leaving.html", url=url)


def _to(url: str) -> Response:
    return RedirectResponse(url, status_code=303)
