"""Access tokens: who signs them, who believes them, and the CSRF token that goes with them."""

import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from uuid import UUID

import jwt
from pydantic import BaseModel, ConfigDict, Field

from huntaze import clients
from huntaze.errors import UnauthorizedError
from huntaze.settings import Settings, load

SESSION_COOKIE = "__Host-huntaze_session"
CSRF_HEADER = "X-CSRF-Token"
ACCESS_TOKEN_LIFE = timedelta(minutes=15)

_ALGORITHM = "HS256"
_ISSUER = "huntaze"
_AUDIENCE = "huntaze-api"
# An unknown key may be a new one: read the secret again, but not for every forged token.
_RELOAD_SECONDS = 60


class TokenSettings(Settings):
    """Where the signing keys are."""

    token_keys_secret_arn: str


class TokenKeys(BaseModel):
    """The key that signs now, and those that signed tokens which still live."""

    model_config = ConfigDict(frozen=True)

    kid: str
    # RFC 7518: at least as long as the hash.
    key: str = Field(min_length=32)
    retired: dict[str, str] = {}

    def by_kid(self, kid: str) -> str | None:
        """Find a key by its id."""
        return self.key if kid == self.kid else self.retired.get(kid)


class AccessToken(NamedTuple):
    """A signed token and its end."""

    text: str
    expires_at: datetime


class Claims(NamedTuple):
    """What a token proves; whether the session still lives is the database's to say."""

    user_id: UUID
    session_id: UUID


class KeyRing:
    """The keys of this execution environment, read again when a key is unknown.

    Args:
        read: Reads the keys.
        clock: Monotonic seconds.
    """

    def __init__(
        self, read: Callable[[], TokenKeys], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._keys: TokenKeys | None = None
        self._read_at = 0.0

    def keys(self) -> TokenKeys:
        """The keys as last read."""
        if self._keys is None:
            self._keys = self._read()
            self._read_at = self._clock()
        return self._keys

    def find(self, kid: str) -> str | None:
        """Find a key by its id, which may be younger than what was read."""
        found = self.keys().by_kid(kid)
        if found is None and self._clock() - self._read_at >= _RELOAD_SECONDS:
            self._keys = None
            found = self.keys().by_kid(kid)
        return found


@cache
def key_ring() -> KeyRing:
    """The keys of this function, as its environment describes them."""
    return KeyRing(
        lambda: TokenKeys.model_validate(
            clients.secret_json(load(TokenSettings).token_keys_secret_arn)
        )
    )


def issue(keys: TokenKeys, *, user_id: UUID, session_id: UUID, now: datetime) -> AccessToken:
    """Sign a token for a session."""
    # Whole seconds, as the token holds them: the end that is told is the end that is kept.
    issued_at = now.replace(microsecond=0)
    expires_at = issued_at + ACCESS_TOKEN_LIFE
    claims = {
        "sub": str(user_id),
        "sid": str(session_id),
        "iat": issued_at,
        "exp": expires_at,
        "iss": _ISSUER,
        "aud": _AUDIENCE,
    }
    text = jwt.encode(claims, keys.key, algorithm=_ALGORITHM, headers={"kid": keys.kid})
    return AccessToken(text, expires_at.astimezone(UTC))


def verify(ring: KeyRing, token: str) -> Claims:
    """Read a token that we signed and that has not ended.

    Raises:
        UnauthorizedError: It is none of ours, was changed, or is over.
    """
    try:
        key = ring.find(str(jwt.get_unverified_header(token).get("kid")))
        if key is None:
            raise UnauthorizedError("The token is signed with an unknown key; log in again.")
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=_ISSUER,
            audience=_AUDIENCE,
            options={"require": ["sub", "sid", "iat", "exp", "iss", "aud"]},
        )
        return Claims(UUID(claims["sub"]), UUID(claims["sid"]))
    except (jwt.InvalidTokenError, ValueError, AttributeError) as error:
        raise UnauthorizedError("The token is not valid or is over; log in again.") from error


def csrf_token(keys: TokenKeys, session_id: UUID) -> str:
    """The token that a browser's unsafe requests must show beside the cookie."""
    return _csrf(keys.key, session_id)


def csrf_matches(keys: TokenKeys, session_id: UUID, shown: str) -> bool:
    """Whether ``shown`` is the session's token under a key that is still believed."""
    return any(
        hmac.compare_digest(_csrf(key, session_id).encode(), shown.encode(errors="replace"))
        for key in (keys.key, *keys.retired.values())
    )


def _csrf(key: str, session_id: UUID) -> str:
    # The prefix keeps this use of the key apart from signing tokens.
    return hmac.new(key.encode(), b"csrf\0" + session_id.bytes, hashlib.sha256).hexdigest()
