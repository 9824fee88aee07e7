"""The secrets that asking models takes: a key of each provider, and one that seals kept answers."""

import time
from collections.abc import Callable

# Read again after it, so that a new key needs no deployment.
_BELIEVED = 300.0


class StageKeys:
    """What an operator has put into the stage's secret.

    Args:
        read: Reads the secret.
        clock: Seconds that only grow.
    """

    def __init__(
        self, read: Callable[[], dict[str, str]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._keys: dict[str, str] = {}
        self._read_at: float | None = None

    def of(self, name: str) -> str:
        """The key of a name; empty when there is none."""
        now = self._clock()
        if self._read_at is None or now - self._read_at > _BELIEVED:
            self._keys = self._read()
            self._read_at = now
        return self._keys.get(name, "")
