"""What a real Stripe has no call for: time, cards, refunds, disputes, faults of delivery."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.stripe_stand_in.objects import Json
from local.stripe_stand_in.webhooks import Faults


def routes() -> list[Route]:
    """The addresses below ``/_sim``."""
    orders: dict[str, Callable[[Request, Json], Json]] = {
        "endpoint": _endpoint,
        "faults": _faults,
        "advance": _advance,
        "card": _card,
        "refund": _refund,
        "dispute": _dispute,
    }
    return [
        Route("/_sim/health", _health),
        Route("/_sim/meter_events", _meter_events),
        *(Route(f"/_sim/{name}", _order(do), methods=["POST"]) for name, do in orders.items()),
    ]


async def _health(request: Request) -> Response:
    stand_in = request.app.state.stand_in
    return JSONResponse(
        {
            "now": stand_in.engine.now(),
            "events": len(stand_in.engine.events),
            "delivered": stand_in.deliveries.delivered,
            "failed": stand_in.deliveries.failed,
            "waiting": stand_in.deliveries.waiting,
        }
    )


async def _meter_events(request: Request) -> Response:
    return JSONResponse(list(request.app.state.stand_in.engine.meter_events.values()))


def _order(do: Callable[[Request, Json], Json]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        done = do(request, await request.json())
        request.app.state.stand_in.keep()
        return JSONResponse(done)

    return answer


def _endpoint(request: Request, wanted: Json) -> Json:
    deliveries = request.app.state.stand_in.deliveries
    deliveries.url, deliveries.secret = wanted["url"], wanted["secret"]
    return {"url": deliveries.url}


def _faults(request: Request, wanted: Json) -> Json:
    request.app.state.stand_in.deliveries.faults = Faults(**wanted)
    return wanted


def _advance(request: Request, wanted: Json) -> Json:
    engine = request.app.state.stand_in.engine
    engine.advance(wanted["customer"], int(wanted["seconds"]))
    return {"now": engine.now(wanted["customer"])}


def _card(request: Request, wanted: Json) -> Json:
    request.app.state.stand_in.engine.set_card(wanted["customer"], good=bool(wanted["good"]))
    return wanted


def _refund(request: Request, wanted: Json) -> Json:
    engine = request.app.state.stand_in.engine
    done: Json = engine.refund(wanted["charge"], wanted.get("amount"))
    return done


def _dispute(request: Request, wanted: Json) -> Json:
    done: Json = request.app.state.stand_in.engine.open_dispute(wanted["charge"])
    return done
