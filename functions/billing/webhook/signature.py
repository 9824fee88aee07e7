"""Whether Stripe sent a body: its scheme ``v1``, over the bytes as they came.

The ``stripe`` package refuses what is old, but not what claims to come from the future, and costs a
route 65 ms.
"""

from collections.abc import Iterable

from huntaze import signatures
from huntaze.signatures import NotSignedError


class NotFromStripeError(NotSignedError):
    """The body is not one that Stripe has sent, or not now."""


def verify(body: bytes, header: str | None, secrets: Iterable[str], *, now: float) -> None:
    """Refuse a body that was not signed with one of the secrets within the last minutes.

    Raises:
        NotFromStripeError: It was not; see `huntaze.signatures.verify`.
    """
    try:
        signatures.verify(body, header, secrets, now=now, named="Stripe-Signature")
    except NotSignedError as error:
        raise NotFromStripeError(error.detail) from None
