"""The cookies of a session: proofs that the browser keeps and no script can read."""

from datetime import timedelta

from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from functions.auth.service import SESSION_LIFE
from huntaze.tokens import ACCESS_TOKEN_LIFE, SESSION_COOKIE

REFRESH_COOKIE = "__Secure-huntaze_refresh"
# Sent where it is needed and nowhere else.
_REFRESH_PATH = "/api/auth/refresh"


def of_session(access_token: str, refresh_token: str) -> list[Cookie]:
    """The cookies that keep somebody logged in."""
    return [
        _session_cookie(access_token, ACCESS_TOKEN_LIFE),
        _refresh_cookie(refresh_token, SESSION_LIFE),
    ]


def of_nobody() -> list[Cookie]:
    """The cookies that make a browser forget the session."""
    return [_session_cookie("", timedelta(0)), _refresh_cookie("", timedelta(0))]


def find(header: str, name: str) -> str | None:
    """Find a cookie in a request's header, whatever else other pages have put there."""
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value.strip('"') or None
    return None


def _session_cookie(value: str, life: timedelta) -> Cookie:
    # Its prefix makes browsers refuse it unless it is secure, of this host and for all paths.
    return _cookie(SESSION_COOKIE, value, "/", SameSite.LAX_MODE, life)


def _refresh_cookie(value: str, life: timedelta) -> Cookie:
    return _cookie(REFRESH_COOKIE, value, _REFRESH_PATH, SameSite.STRICT_MODE, life)


def _cookie(name: str, value: str, path: str, same_site: SameSite, life: timedelta) -> Cookie:
    return Cookie(
        name=name,
        value=value,
        path=path,
        secure=True,
        http_only=True,
        max_age=int(life.total_seconds()),
        same_site=same_site,
    )
