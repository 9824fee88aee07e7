"""Rules of admission. Knows nothing of API Gateway and SQL."""

import hmac
from collections.abc import Callable, Mapping
from typing import Protocol
from uuid import UUID

from functions.authorizer.models import Admission, Caller, Credentials
from huntaze.errors import UnauthorizedError

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Sessions(Protocol):
    """Where it is known which sessions are alive."""

    def find_caller(self, session_id: UUID) -> Caller | None:
        """Find who the session belongs to and count the request; None when it is over."""
        ...


def read_credentials(
    headers: Mapping[str, str], *, session_cookie: str, csrf_header: str
) -> Credentials:
    """Find the proof in a request's headers, whose names are in lower case.

    Raises:
        UnauthorizedError: There is none.
    """
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return Credentials(token.strip(), from_cookie=False, csrf_token=None)
    cookie = _cookie(headers.get("cookie", ""), session_cookie)
    if not cookie:
        raise UnauthorizedError("Log in first.")
    return Credentials(cookie, from_cookie=True, csrf_token=headers.get(csrf_header.lower()))


def _cookie(header: str, name: str) -> str | None:
    # Other sites on the same host may have set cookies that no parser likes.
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value.strip('"')
    return None


def admit(
    method: str,
    credentials: Credentials,
    *,
    verify: Callable[[str], tuple[UUID, UUID]],
    sessions: Sessions,
) -> Admission:
    """Decide about a request.

    Args:
        method: The HTTP method.
        credentials: What the request brings.
        verify: Tells the user and the session that a token proves; raises UnauthorizedError.
        sessions: Where it is known which of them are alive.

    Raises:
        UnauthorizedError: The proof is not valid or its session is over.
    """
    user_id, session_id = verify(credentials.token)
    caller = sessions.find_caller(session_id)
    if caller is None or caller.user_id != user_id:
        raise UnauthorizedError("The session is over; log in again.")
    return Admission(
        caller=caller,
        session_id=session_id,
        allowed=_intended(method, credentials, caller),
    )


def _intended(method: str, credentials: Credentials, caller: Caller) -> bool:
    """Whether the caller's own page meant this, not another site with the caller's cookie."""
    if not credentials.from_cookie or method.upper() in _SAFE_METHODS:
        return True
    shown = (credentials.csrf_token or "").encode(errors="replace")
    return hmac.compare_digest(caller.csrf_token.encode(), shown)
