"""Logging in and out: a password, a second factor for those who have one, a cookie."""

from datetime import UTC, datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from local.fan_platform.passwords import code_matches, password_matches
from local.fan_platform.platform import SESSION_COOKIE, Platform, delay, platform_of, render


async def login_page(request: Request) -> Response:
    """Ask for name and password."""
    expired = "expired" in request.query_params
    return render(request, "login.html", expired=expired, error=None)


async def login(request: Request) -> Response:
    """Check name and password."""
    platform = platform_of(request)
    form = await request.form()
    await delay(platform, None)
    creator = platform.store.creator_named(str(form.get("username", "")))
    password = str(form.get("password", ""))
    if creator is None or not password_matches(password, creator.password_hash):
        return render(
            request, "login.html", status=401, expired=False, error="Wrong name or password."
        )
    token = platform.store.start_session(
        creator.id, awaits_code=creator.asks_code, lasts=platform.session_lasts
    )
    return _with_cookie(platform, "/login/code" if creator.asks_code else "/chats", token)


async def code_page(request: Request) -> Response:
    """Ask for the second factor."""
    return render(request, "code.html", error=None)


async def enter_code(request: Request) -> Response:
    """Check the second factor."""
    platform = platform_of(request)
    form = await request.form()
    await delay(platform, None)
    session = platform.store.session(request.cookies.get(SESSION_COOKIE, ""))
    creator = platform.store.creator(session.creator_id) if session else None
    if session is None or creator is None:
        return RedirectResponse("/login?expired=1", status_code=HTTPStatus.SEE_OTHER)
    if not code_matches(
        str(form.get("code", "")),
        otp_code=creator.otp_code,
        otp_secret=creator.otp_secret,
        at=datetime.now(UTC).timestamp(),
    ):
        return render(request, "code.html", status=401, error="That code is not right.")
    platform.store.complete_session(session.token)
    return RedirectResponse("/chats", status_code=HTTPStatus.SEE_OTHER)


def _with_cookie(platform: Platform, to: str, token: str) -> Response:
    response = RedirectResponse(to, status_code=HTTPStatus.SEE_OTHER)
    lasts = int(platform.session_lasts.total_seconds())
    response.set_cookie(SESSION_COOKIE, token, max_age=lasts, httponly=True, samesite="lax")
    return response
