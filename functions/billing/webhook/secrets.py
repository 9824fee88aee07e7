"""The secrets that Stripe may sign with, read again when one has taken another's place."""

import time
from collections.abc import Callable, Mapping

from functions.billing.webhook.signature import NotFromStripeError, verify

# A body that no known secret fits may be signed with a new one; but forgers must not make us ask
# Secrets Manager each time.
_RELOAD_SECONDS = 60


class SigningSecrets:
    """The present secret and the one before it.

    Args:
        read: Reads ``{"current": …, "previous": …}``.
        clock: Monotonic seconds.
    """

    def __init__(
        self, read: Callable[[], Mapping[str, str]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._values: list[str] = []
        self._read_at = float("-inf")

    def verify(self, body: bytes, header: str | None, *, now: float) -> None:
        """Refuse a body that none of the secrets has signed.

        Raises:
            NotFromStripeError: It is none of Stripe's.
        """
        fresh = self._reload()
        try:
            verify(body, header, self._values, now=now)
        except NotFromStripeError:
            if fresh or not self._reload(again=True):
                raise
            verify(body, header, self._values, now=now)

    def _reload(self, *, again: bool = False) -> bool:
        """Read the secrets when they are not known or may be old; whether that was done."""
        due = self._clock() - self._read_at >= _RELOAD_SECONDS
        if self._values and not (again and due):
            return False
        found = self._read()
        self._values = [found.get(name, "") for name in ("current", "previous")]
        self._read_at = self._clock()
        return True
