"""Rules of the key pair: made once, and only its public half is ever told."""

from collections.abc import Callable
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

# What CloudFront takes; a longer one is refused.
_BITS = 2048
_EXPONENT = 65537


class KeyStore(Protocol):
    """Where the private half is kept."""

    def read(self) -> str | None:
        """The private key as PEM; None before it was made."""
        ...

    def store(self, private_key: str) -> None:
        """Keep a private key, as PEM."""
        ...


def make_private_key() -> str:
    """Make an RSA key, as PEM."""
    key = rsa.generate_private_key(public_exponent=_EXPONENT, key_size=_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_half(private_key: str) -> str:
    """The public key of a private one, as PEM."""
    public = load_pem_private_key(private_key.encode(), password=None).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def settle(store: KeyStore, *, make: Callable[[], str] = make_private_key) -> str:
    """Make the key unless there is one; answer its public half.

    A deployment that is repeated must find the key of the first: CloudFront knows that one, and
    addresses signed with it are still out.
    """
    private_key = store.read()
    if private_key is None:
        private_key = make()
        store.store(private_key)
    return public_half(private_key)
