"""``/_sim``: what a test, or a person, tells the stand-in to do, and what has happened.

``PUT /_sim/{provider}/faults`` with a list of faults; ``PUT /_sim/{provider}/limit`` with
``{"a_minute": 60}``; ``PUT /_sim/answers/{schema}`` with a list of answers, the last of which
stays; ``GET /_sim/calls``; ``POST /_sim/reset``.
"""

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.model_provider.state import FaultPlan, State

_PLANS = TypeAdapter(list[FaultPlan])
_DONE = 204


def routes() -> list[Route]:
    """The routes."""
    return [
        Route("/_sim/{provider}/faults", _faults, methods=["PUT"]),
        Route("/_sim/{provider}/limit", _limit, methods=["PUT"]),
        Route("/_sim/answers/{schema}", _answers, methods=["PUT"]),
        Route("/_sim/calls", _calls, methods=["GET"]),
        Route("/_sim/reset", _reset, methods=["POST"]),
    ]


def _state(request: Request) -> State:
    state: State = request.app.state.stand_in
    return state


async def _faults(request: Request) -> Response:
    try:
        plans = _PLANS.validate_json(await request.body())
    except ValidationError as error:
        return JSONResponse({"error": str(error)}, status_code=422)
    _state(request).faults[request.path_params["provider"]] = plans
    return Response(status_code=_DONE)


async def _limit(request: Request) -> Response:
    limit = (await request.json()).get("a_minute")
    limits = _state(request).limits
    if limit is None:
        limits.pop(request.path_params["provider"], None)
    else:
        limits[request.path_params["provider"]] = int(limit)
    return Response(status_code=_DONE)


async def _answers(request: Request) -> Response:
    _state(request).scripts[request.path_params["schema"]] = list(await request.json())
    return Response(status_code=_DONE)


async def _calls(request: Request) -> Response:
    return JSONResponse(_state(request).truth())


async def _reset(request: Request) -> Response:
    _state(request).reset()
    return Response(status_code=_DONE)
