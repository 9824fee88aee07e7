"""Whether Stripe sent a body: its scheme ``v1``, over the bytes as they came.

https://docs.stripe.com/webhooks/signature; the ``stripe`` package refuses what is old, but not
what claims to come from the future, and costs a route 65 ms.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import NamedTuple

from huntaze.errors import BadRequestError

TOLERANCE_SECONDS = 300
_SCHEME = "v1"
# Stripe signs once for each secret that is valid; more than a few is somebody trying.
_MOST_SIGNATURES = 16
_LONGEST_HEADER = 4096
# Beyond these no clock of ours can be.
_LONGEST_MOMENT = 12


class NotFromStripeError(BadRequestError):
    """The body is not one that Stripe has sent, or not now."""


class _Header(NamedTuple):
    moment: str
    signatures: list[bytes]


def verify(body: bytes, header: str | None, secrets: Iterable[str], *, now: float) -> None:
    """Refuse a body that was not signed with one of the secrets within the last minutes.

    Args:
        body: As it came, byte for byte: reading and writing the JSON again would change it.
        header: ``Stripe-Signature``.
        secrets: All that are valid, while one takes the place of another.
        now: Seconds since 1970.

    Raises:
        NotFromStripeError: It was not.
    """
    shown = _read(header)
    signed = shown.moment.encode() + b"." + body
    genuine = False
    for secret in secrets:
        # An empty secret would let everybody sign.
        if secret:
            own = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
            for signature in shown.signatures:
                genuine |= hmac.compare_digest(own, signature)
    if not genuine:
        raise NotFromStripeError("No signature fits this body; send it as it was signed.")
    if abs(now - int(shown.moment)) > TOLERANCE_SECONDS:
        raise NotFromStripeError(
            f"The signature is not of the last {TOLERANCE_SECONDS} seconds; sign and send it anew."
        )


def _read(header: str | None) -> _Header:
    if not header or len(header) > _LONGEST_HEADER:
        raise NotFromStripeError("The header Stripe-Signature is missing or not Stripe's.")
    parts = [part.strip().partition("=") for part in header.split(",")]
    moments = [value for name, _, value in parts if name == "t"]
    signatures = [value.encode() for name, _, value in parts if name == _SCHEME]
    if len(moments) != 1 or not 1 <= len(signatures) <= _MOST_SIGNATURES:
        raise NotFromStripeError("The header Stripe-Signature names no moment or no signature.")
    (moment,) = moments
    if not (moment.isascii() and moment.isdigit()) or len(moment) > _LONGEST_MOMENT:
        raise NotFromStripeError("The header Stripe-Signature names no moment.")
    return _Header(moment, signatures)
