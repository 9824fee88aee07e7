"""Rules of rotation: there are always keys, and nobody signs with one that is not public yet."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from huntaze.token_keys import PublicKeys, SigningKeys, first_keys, rotate


class KeyStore(Protocol):
    """Where the keys are kept."""

    def read(self) -> SigningKeys | None:
        """The private keys; None before the first were made."""
        ...

    def publish(self, keys: PublicKeys) -> None:
        """Replace what those who check believe."""
        ...

    def store(self, keys: SigningKeys) -> None:
        """Replace what the signer signs with."""
        ...


class When(StrEnum):
    """When keys are replaced."""

    DUE = "due"
    AT_ONCE = "at_once"
    # The secret has been seen by a stranger: no token of any key so far is believed. Browsers and
    # programs get new ones with their refresh tokens.
    STOLEN = "stolen"


def keep_fresh(
    store: KeyStore, *, now: datetime, rng: Callable[[int], bytes], when: When = When.DUE
) -> bool:
    """Make the first keys, or rotate those whose time has come; tell whether any was made."""
    keys = store.read()
    if keys is None or when is When.STOLEN:
        fresh = first_keys(now, rng)
    elif when is When.AT_ONCE or keys.is_due(now):
        fresh = rotate(keys, now, rng)
    else:
        # Published anew, in case the run before died between its two writes.
        store.publish(keys.public(now))
        return False
    # Whoever checks knows a key before anyone signs with it.
    store.publish(fresh.public(now))
    store.store(fresh)
    return True
