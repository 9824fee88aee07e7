"""The stand-in's web application: the API under ``/v1``, the hosted pages, and ``/_sim``."""

import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.processes import write_atomically
from local.stripe_stand_in import pages, sim_api
from local.stripe_stand_in.engine import Engine, StripeRefusal
from local.stripe_stand_in.forms import unflatten
from local.stripe_stand_in.objects import Json, listed
from local.stripe_stand_in.webhooks import Deliveries

type Call = Callable[[Engine, Json, Request], Json]


@dataclass
class StandIn:
    """The account, its deliveries, and where both are kept."""

    engine: Engine
    deliveries: Deliveries
    path: Path
    replies: dict[str, tuple[str, Json]]

    def keep(self) -> None:
        """Write everything down."""
        endpoint = {"url": self.deliveries.url, "secret": self.deliveries.secret}
        kept = {"engine": self.engine.dump(), "endpoint": endpoint, "replies": self.replies}
        write_atomically(self.path, json.dumps(kept))


def create_app(data: Path, url: str) -> Starlette:
    """Return the stand-in that keeps its state in the folder ``data`` and answers at ``url``."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "stripe.json"

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        deliveries = Deliveries()
        engine = Engine(
            clock=lambda: int(time.time()),
            new_id=lambda prefix: f"{prefix}_{secrets.token_hex(12)}",
            url=url,
            emit=deliveries.send,
        )
        app.state.stand_in = StandIn(engine, deliveries, path, {})
        if path.exists():
            _restore(app.state.stand_in)
        yield
        await deliveries.close()

    return Starlette(
        routes=[
            *(
                Route(f"/v1/{path}", _api(call), methods=[method])
                for (method, path), call in _CALLS.items()
            ),
            *pages.routes(),
            *sim_api.routes(),
        ],
        exception_handlers={StripeRefusal: _refused},
        lifespan=running,
    )


def _restore(stand_in: StandIn) -> None:
    kept = json.loads(stand_in.path.read_text())
    stand_in.engine.restore(kept["engine"])
    stand_in.deliveries.url = kept["endpoint"]["url"]
    stand_in.deliveries.secret = kept["endpoint"]["secret"]
    stand_in.replies.update({key: (seen[0], seen[1]) for key, seen in kept["replies"].items()})
    for event in stand_in.engine.events.values():
        if event["pending_webhooks"]:
            stand_in.deliveries.send(event)


def _find(kind: str) -> Call:
    """Answer one object of a kind."""

    def call(engine: Engine, wanted: Json, request: Request) -> Json:
        thing = engine.find(getattr(engine, kind), request.path_params["id"])
        return engine.shown(thing, wanted.get("expand"))

    return call


def _list(kind: str, *filters: str) -> Call:
    """Answer the objects of a kind, newest first."""

    def call(engine: Engine, wanted: Json, request: Request) -> Json:
        found = list(reversed(getattr(engine, kind).values()))
        for name in filters:
            if name in wanted and wanted[name] != "all":
                found = [one for one in found if str(one.get(name)) == wanted[name]]
        if "lookup_keys" in wanted:
            found = [one for one in found if one["lookup_key"] in wanted["lookup_keys"]]
        since = int(wanted.get("created", {}).get("gte", 0))
        found = [one for one in found if one.get("created", since) >= since]
        expand = [path.removeprefix("data.") for path in wanted.get("expand", [])]
        most = int(wanted.get("limit", 10))
        return listed([engine.shown(one, expand) for one in found[:most]], request.url.path)

    return call


_CALLS: dict[tuple[str, str], Call] = {
    ("GET", "customers"): _list("customers"),
    ("POST", "customers"): lambda e, wanted, _: e.shown(e.add_customer(wanted)),
    ("GET", "customers/{id}"): _find("customers"),
    ("GET", "products"): _list("products"),
    ("POST", "products"): lambda e, wanted, _: e.shown(e.add_product(wanted)),
    ("GET", "prices"): _list("prices"),
    ("POST", "prices"): lambda e, wanted, _: e.shown(e.add_price(wanted)),
    ("GET", "billing/meters"): _list("meters"),
    ("POST", "billing/meters"): lambda e, wanted, _: e.shown(e.add_meter(wanted)),
    ("POST", "checkout/sessions"): lambda e, wanted, _: e.shown(e.open_checkout(wanted)),
    ("GET", "checkout/sessions"): _list("sessions", "customer", "status"),
    ("GET", "checkout/sessions/{id}"): _find("sessions"),
    ("POST", "checkout/sessions/{id}/expire"): lambda e, _, request: e.shown(
        e.expire(request.path_params["id"])
    ),
    ("POST", "billing_portal/sessions"): lambda e, wanted, _: e.shown(e.open_portal(wanted)),
    ("GET", "subscriptions"): _list("subscriptions", "customer", "status"),
    ("GET", "subscriptions/{id}"): _find("subscriptions"),
    ("POST", "subscriptions/{id}"): lambda e, wanted, request: e.shown(
        e.change_subscription(request.path_params["id"], wanted)
    ),
    ("DELETE", "subscriptions/{id}"): lambda e, _, request: e.shown(
        e.cancel(request.path_params["id"])
    ),
    ("GET", "invoices"): _list("invoices", "customer", "status"),
    ("GET", "invoices/{id}"): _find("invoices"),
    ("GET", "charges"): _list("charges", "customer"),
    ("GET", "charges/{id}"): _find("charges"),
    ("GET", "disputes/{id}"): _find("disputes"),
    ("POST", "billing/meter_events"): lambda e, wanted, _: e.shown(e.meter(wanted)),
    ("GET", "events"): _list("events", "type"),
    ("GET", "events/{id}"): _find("events"),
}


def _api(call: Call) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if not request.headers.get("authorization"):
            raise StripeRefusal("You did not provide an API key.", status=401)
        stand_in: StandIn = request.app.state.stand_in
        form = await request.form()
        wanted = unflatten((name, str(value)) for name, value in form.multi_items())
        wanted = {**unflatten(request.query_params.multi_items()), **wanted}
        if request.method == "GET":
            return JSONResponse(call(stand_in.engine, wanted, request))
        return _once(stand_in, call, wanted, request)

    return answer


def _once(stand_in: StandIn, call: Call, wanted: Json, request: Request) -> Response:
    """Do what is asked; with the same idempotency key, once."""
    key = request.headers.get("idempotency-key")
    asked = json.dumps([request.url.path, wanted], sort_keys=True)
    if key is not None and key in stand_in.replies:
        before, reply = stand_in.replies[key]
        if before != asked:
            raise StripeRefusal(
                "Keys for idempotent requests can only be used with the same parameters."
            )
        return JSONResponse(reply, headers={"Idempotent-Replayed": "true"})
    reply = call(stand_in.engine, wanted, request)
    if key is not None:
        stand_in.replies[key] = (asked, reply)
    stand_in.keep()
    return JSONResponse(reply)


def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, StripeRefusal):
        raise refusal
    error: dict[str, Any] = {
        "type": "invalid_request_error",
        "message": refusal.message,
        "param": refusal.param,
    }
    if refusal.status == HTTPStatus.NOT_FOUND:
        error["code"] = "resource_missing"
    return JSONResponse({"error": error}, status_code=refusal.status)
