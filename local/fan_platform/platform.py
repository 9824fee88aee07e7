"""What every page shares: the truth, the faults in force, and the gate in front of a creator."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.templating import Jinja2Templates

from local.fan_platform.faults import FaultBoard
from local.fan_platform.pushing import Pusher
from local.fan_platform.records import Creator
from local.fan_platform.store import Store

SESSION_COOKIE = "fan_platform_session"
TEMPLATES = Path(__file__).with_name("templates")

Page = Callable[[Request, Creator], Awaitable[Response]]


@dataclass
class Platform:
    """The running platform."""

    store: Store
    pusher: Pusher
    session_lasts: timedelta = timedelta(hours=24)
    faults: FaultBoard = field(default_factory=FaultBoard)
    templates: Jinja2Templates = field(default_factory=lambda: Jinja2Templates(TEMPLATES))
    clock_moves: asyncio.Lock = field(default_factory=asyncio.Lock)
    cooling_until: dict[str, datetime] = field(default_factory=dict)


def platform_of(request: Request) -> Platform:
    """Return the platform that serves ``request``."""
    platform: Platform = request.app.state.platform
    return platform


def wants_json(request: Request) -> bool:
    """Return whether a script asks, which follows no redirect to a page."""
    return "application/json" in request.headers.get("accept", "")


def render(request: Request, name: str, *, status: int = HTTPStatus.OK, **facts: Any) -> Response:  # noqa: ANN401
    """Return a page that no cache keeps."""
    return platform_of(request).templates.TemplateResponse(
        request, name, facts, status_code=status, headers={"cache-control": "no-store"}
    )


def refusal(request: Request, status: int, error: str, page: str, **facts: Any) -> Response:  # noqa: ANN401
    """Say no: a page to a reader, a word to a script."""
    if wants_json(request):
        return JSONResponse({"error": error, "to": facts.get("to")}, status_code=status)
    return render(request, page, status=status, **facts)


def for_creator(page: Page) -> Callable[[Request], Awaitable[Response]]:
    """Let only a logged-in creator through, and make the faults in force happen on the way."""

    async def guarded(request: Request) -> Response:
        platform = platform_of(request)
        creator = _logged_in(platform, request)
        if creator is None:
            if wants_json(request):
                return JSONResponse({"error": "session_expired"}, status_code=401)
            return RedirectResponse("/login?expired=1", status_code=HTTPStatus.SEE_OTHER)
        return await _misfortune(request, creator) or await page(request, creator)

    return guarded


async def delay(platform: Platform, creator: str | None) -> None:
    """Wait as long as the latency fault says."""
    if seconds := platform.faults.latency_seconds(creator):
        await asyncio.sleep(seconds)


def _logged_in(platform: Platform, request: Request) -> Creator | None:
    token = request.cookies.get(SESSION_COOKIE, "")
    session = platform.store.session(token) if token else None
    creator_id = session.creator_id if session else None
    for scope in platform.faults.scopes_to_log_out(creator_id):
        platform.store.end_sessions(scope)
        session = None
    if session is None or session.awaits_code:
        return None
    return platform.store.creator(session.creator_id)


async def _misfortune(request: Request, creator: Creator) -> Response | None:
    """Return the answer of a fault that stands in front of the page, if one does."""
    platform = platform_of(request)
    await delay(platform, creator.id)
    if platform.faults.fails_by_chance(creator.id):
        return refusal(
            request, 500, "server_error", "notice.html", kind="error", title="Something went wrong"
        )
    if kind := platform.faults.challenge(creator.id):
        if wants_json(request):
            return JSONResponse({"error": "challenge"}, status_code=HTTPStatus.FORBIDDEN)
        return render(request, "challenge.html", status=HTTPStatus.FORBIDDEN, kind=kind)
    if platform.cooling_until.get(creator.id, datetime.min.replace(tzinfo=UTC)) > datetime.now(UTC):
        return refusal(
            request, 429, "too_fast", "notice.html", kind="rate", title="You are going too fast"
        )
    return None
