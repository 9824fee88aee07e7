"""Access tokens: who signs them, and who believes them."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from uuid import UUID

import jwt

from huntaze import clients
from huntaze.errors import UnauthorizedError
from huntaze.settings import Settings, load
from huntaze.token_keys import ALGORITHM, PrivateKey, PublicKey, PublicKeys, SigningKeys

log = logging.getLogger(__name__)

SESSION_COOKIE = "__Host-huntaze_session"
CSRF_HEADER = "X-CSRF-Token"
ACCESS_TOKEN_LIFE = timedelta(minutes=15)

_ISSUER = "huntaze"
_AUDIENCE = "huntaze-api"
# RFC 9068: no other token that these keys may ever sign passes for an access token.
_TYPE = "at+jwt"
_CLAIMS = ("sub", "sid", "iat", "nbf", "exp", "iss", "aud")
# A key that signs no more is believed for longer than this (token_keys.BELIEVED_FOR).
_KEPT_SECONDS = 300
# An unknown key may be a new one: read the secret again, but not for every forged token.
_RELOAD_SECONDS = 60


class SignerSettings(Settings):
    """Where the private keys are."""

    token_signing_keys_secret_arn: str


class VerifierSettings(Settings):
    """Where the public keys are."""

    token_public_keys_secret_arn: str


class AccessToken(NamedTuple):
    """A signed token and its end."""

    text: str
    expires_at: datetime


class Claims(NamedTuple):
    """What a token proves; whether the session still lives is the database's to say."""

    user_id: UUID
    session_id: UUID


class Kept[Keys]:
    """Keys as last read, read again when they are old.

    Args:
        read: Reads them.
        clock: Monotonic seconds.
    """

    def __init__(
        self, read: Callable[[], Keys], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._keys: Keys | None = None
        self._tried_at = 0.0

    def keys(self, *, younger_than: float = _KEPT_SECONDS) -> Keys:
        """The keys, read within the last ``younger_than`` seconds if they can be read."""
        now = self._clock()
        if self._keys is None:
            self._keys, self._tried_at = self._read(), now
        elif now - self._tried_at >= younger_than:
            self._tried_at = now
            try:
                self._keys = self._read()
            except Exception:
                # What was read before is still right: nobody is locked out for a failed reading.
                log.warning("keys were not read", exc_info=True)
        return self._keys


class KeyRing(Kept[PublicKeys]):
    """The public keys of this execution environment, read again when one is unknown."""

    def find(self, kid: str) -> PublicKey | None:
        """Find a key by its id, which may be younger than what was read."""
        found = self.keys().find(kid)
        return found or self.keys(younger_than=_RELOAD_SECONDS).find(kid)


@cache
def key_ring() -> KeyRing:
    """The public keys, as the environment of this function describes them."""
    return KeyRing(
        lambda: PublicKeys.model_validate(
            clients.secret_json(load(VerifierSettings).token_public_keys_secret_arn)
        )
    )


@cache
def _signing_keys() -> Kept[SigningKeys]:
    return Kept(
        lambda: SigningKeys.model_validate(
            clients.secret_json(load(SignerSettings).token_signing_keys_secret_arn)
        )
    )


def signing_key() -> PrivateKey:
    """The key that signs now, for a function that may read it."""
    return _signing_keys().keys().current


def issue(key: PrivateKey, *, user_id: UUID, session_id: UUID, now: datetime) -> AccessToken:
    """Sign a token for a session."""
    # Whole seconds, as the token holds them: the end that is told is the end that is kept.
    issued_at = now.replace(microsecond=0)
    expires_at = issued_at + ACCESS_TOKEN_LIFE
    claims = {
        "sub": str(user_id),
        "sid": str(session_id),
        "iat": issued_at,
        "nbf": issued_at,
        "exp": expires_at,
        "iss": _ISSUER,
        "aud": _AUDIENCE,
    }
    signer = jwt.PyJWK.from_dict(key.model_dump())
    headers = {"kid": key.kid, "typ": _TYPE}
    text = jwt.encode(claims, signer, algorithm=ALGORITHM, headers=headers)
    return AccessToken(text, expires_at.astimezone(UTC))


def verify(ring: KeyRing, token: str) -> Claims:
    """Read a token that we signed and that has not ended.

    Raises:
        UnauthorizedError: It is none of ours, was changed, or is over.
    """
    try:
        header = jwt.get_unverified_header(token)
        key = ring.find(str(header.get("kid"))) if header.get("typ") == _TYPE else None
        if key is None:
            raise UnauthorizedError("The token is signed with an unknown key; log in again.")
        claims = jwt.decode(
            token,
            jwt.PyJWK.from_dict(key.model_dump()),
            # The one that we sign with: what the token says of itself decides nothing.
            algorithms=[ALGORITHM],
            issuer=_ISSUER,
            audience=_AUDIENCE,
            options={"require": list(_CLAIMS)},
        )
        return Claims(UUID(claims["sub"]), UUID(claims["sid"]))
    except (jwt.InvalidTokenError, ValueError, AttributeError) as error:
        raise UnauthorizedError("The token is not valid or is over; log in again.") from error
