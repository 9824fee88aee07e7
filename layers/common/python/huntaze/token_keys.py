"""The keys of access tokens: who signs now, who signs next, and who is still believed.

A secret holds the private keys, and only who signs may read it. Another holds the public keys, for
those who check. The next key is public long before it signs, so that whoever read the public keys
lately knows it already.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ConfigDict

ALGORITHM = "ES256"
SIGNS_FOR = timedelta(days=30)
# Longer than a token lives and a function keeps the keys that it has read, together.
BELIEVED_FOR = timedelta(hours=2)

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_COORDINATE_BYTES = 32
# FIPS 186-5, A.2.1: 64 bits more than the order has make the remainder even.
_SEED_BYTES = 40


class PublicKey(BaseModel):
    """A key that checks, as a JWK (RFC 7517)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kty: Literal["EC"] = "EC"
    crv: Literal["P-256"] = "P-256"
    alg: Literal["ES256"] = "ES256"
    use: Literal["sig"] = "sig"
    kid: str
    x: str
    y: str


class PrivateKey(PublicKey):
    """A key that signs."""

    d: str

    @property
    def public(self) -> PublicKey:
        """The part that anyone may know."""
        return PublicKey.model_validate(self.model_dump())


class RetiredKey(BaseModel):
    """A key that signs no more, and until when its tokens are believed."""

    model_config = ConfigDict(frozen=True)

    key: PublicKey
    until: datetime


class SigningKeys(BaseModel):
    """What the secret of the signer holds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    current: PrivateKey
    current_since: datetime
    next: PrivateKey
    retired: tuple[RetiredKey, ...] = ()

    def public(self, now: datetime) -> "PublicKeys":
        """What those who check may believe at ``now``."""
        alive = [old.key for old in self.retired if old.until > now]
        return PublicKeys(keys=(self.current.public, self.next.public, *alive))

    def is_due(self, now: datetime) -> bool:
        """Whether the current key has signed for long enough."""
        return now - self.current_since >= SIGNS_FOR


class PublicKeys(BaseModel):
    """A JWK set: what the other secret and the JWKS route hold."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    keys: tuple[PublicKey, ...]

    def find(self, kid: str) -> PublicKey | None:
        """Find a key by its id."""
        return next((key for key in self.keys if key.kid == kid), None)


def first_keys(now: datetime, rng: Callable[[int], bytes]) -> SigningKeys:
    """Make keys where there were none."""
    return SigningKeys(current=make_key(rng), current_since=now, next=make_key(rng))


def rotate(keys: SigningKeys, now: datetime, rng: Callable[[int], bytes]) -> SigningKeys:
    """Let the next key sign; the current one is believed until its last token has ended."""
    retired = [old for old in keys.retired if old.until > now]
    return SigningKeys(
        current=keys.next,
        current_since=now,
        next=make_key(rng),
        retired=(RetiredKey(key=keys.current.public, until=now + BELIEVED_FOR), *retired),
    )


def make_key(rng: Callable[[int], bytes]) -> PrivateKey:
    """Make a key from as many random bytes as ``rng`` is asked for."""
    secret = int.from_bytes(rng(_SEED_BYTES)) % (_ORDER - 1) + 1
    point = ec.derive_private_key(secret, ec.SECP256R1()).public_key().public_numbers()
    x, y = _encoded(point.x), _encoded(point.y)
    return PrivateKey(kid=_thumbprint(x, y), x=x, y=y, d=_encoded(secret))


def _thumbprint(x: str, y: str) -> str:
    """The id that anyone would give this key (RFC 7638)."""
    required = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    text = json.dumps(required, separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(text.encode()).digest())


def _encoded(number: int) -> str:
    return _base64url(number.to_bytes(_COORDINATE_BYTES))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
