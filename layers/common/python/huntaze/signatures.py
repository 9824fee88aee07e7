"""Whether a webhook's body was signed by who it says: ``t=SECONDS,v1=HEX`` over the raw bytes.

The scheme is Stripe's (https://docs.stripe.com/webhooks/signature), which most platforms follow:
HMAC-SHA256 over the moment, a dot, and the body byte for byte. Reading and writing the JSON again
would change it.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Any, NamedTuple

from huntaze.errors import BadRequestError, TooLargeError

TOLERANCE_SECONDS = 300
_SCHEME = "v1"
# One for each secret that is valid; more than a few is somebody trying.
_MOST_SIGNATURES = 16
_LONGEST_HEADER = 4096
# Beyond these no clock of ours can be.
_LONGEST_MOMENT = 12


class NotSignedError(BadRequestError):
    """The body is not signed by who it should be, or not now."""


class _Header(NamedTuple):
    moment: str
    signatures: list[bytes]


def sign(body: bytes, secret: str, *, at: int) -> str:
    """Return the header that goes with a body."""
    return f"t={at},{_SCHEME}={_mac(str(at), body, secret).decode()}"


def verify(
    body: bytes, header: str | None, secrets: Iterable[str], *, now: float, named: str
) -> None:
    """Refuse a body that was not signed with one of the secrets within the last minutes.

    Args:
        body: As it came.
        header: Its signature.
        secrets: All that are valid, while one takes the place of another.
        now: Seconds since 1970.
        named: What the header is called.

    Raises:
        NotSignedError: It was not.
    """
    shown = _read(header, named)
    genuine = False
    for secret in secrets:
        # An empty secret would let everybody sign.
        if secret:
            own = _mac(shown.moment, body, secret)
            for signature in shown.signatures:
                genuine |= hmac.compare_digest(own, signature)
    if not genuine:
        raise NotSignedError("No signature fits this body; send it as it was signed.")
    if abs(now - int(shown.moment)) > TOLERANCE_SECONDS:
        raise NotSignedError(
            f"The signature is not of the last {TOLERANCE_SECONDS} seconds; sign and send it anew."
        )


def raw_body(sent: dict[str, Any], *, most: int) -> bytes:
    """Return the bytes that were signed; API Gateway may have wrapped them.

    Args:
        sent: The event of API Gateway.
        most: So many bytes are read.

    Raises:
        BadRequestError: There are none.
        TooLargeError: There are more.
    """
    text: str = sent.get("body") or ""
    if len(text) > 2 * most:
        raise TooLargeError(f"An event has {most} bytes at most.")
    try:
        # What is no UTF-8 cannot have come as text.
        body = base64.b64decode(text) if sent.get("isBase64Encoded") else text.encode()
    except (binascii.Error, ValueError):
        raise BadRequestError("The body cannot be read.") from None
    if len(body) > most:
        raise TooLargeError(f"An event has {most} bytes at most.")
    return body


def header_of(sent: dict[str, Any], name: str) -> str | None:
    """Return a header by its name, however it is written."""
    headers = sent.get("headers") or {}
    found = (value for key, value in headers.items() if key.lower() == name.lower())
    return next(found, None)


def _mac(moment: str, body: bytes, secret: str) -> bytes:
    signed = moment.encode() + b"." + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()


def _read(header: str | None, named: str) -> _Header:
    if not header or len(header) > _LONGEST_HEADER:
        raise NotSignedError(f"The header {named} is missing or not a signature.")
    parts = [part.strip().partition("=") for part in header.split(",")]
    moments = [value for name, _, value in parts if name == "t"]
    signatures = [value.encode() for name, _, value in parts if name == _SCHEME]
    if len(moments) != 1 or not 1 <= len(signatures) <= _MOST_SIGNATURES:
        raise NotSignedError(f"The header {named} names no moment or no signature.")
    (moment,) = moments
    if not (moment.isascii() and moment.isdigit()) or len(moment) > _LONGEST_MOMENT:
        raise NotSignedError(f"The header {named} names no moment.")
    return _Header(moment, signatures)
