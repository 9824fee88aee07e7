"""Keys of access tokens for tests: the same in every run."""

import hashlib
from datetime import UTC, datetime

import pytest

from huntaze import tokens
from huntaze.token_keys import SigningKeys, first_keys
from huntaze.tokens import KeyRing

MADE_AT = datetime(2026, 11, 1, tzinfo=UTC)


class Dice:
    """Bytes that look random and are the same for each start."""

    def __init__(self, start: str = "") -> None:
        self._start = start
        self._rolls = 0

    def __call__(self, length: int) -> bytes:
        """The next bytes."""
        self._rolls += 1
        return hashlib.shake_256(f"{self._start} {self._rolls}".encode()).digest(length)


KEYS: SigningKeys = first_keys(MADE_AT, Dice())


def use(monkeypatch: pytest.MonkeyPatch, keys: SigningKeys = KEYS) -> None:
    """Let the process sign and check with ``keys``."""
    ring = KeyRing(lambda: keys.public(MADE_AT))
    monkeypatch.setattr(tokens, "key_ring", lambda: ring)
    monkeypatch.setattr(tokens, "signing_key", lambda: keys.current)
