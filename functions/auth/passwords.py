"""Passwords: what is accepted, and how it is kept (OWASP: Argon2id, 19 MiB, t=2, p=1)."""

import re
import unicodedata

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from functions.auth.common import is_common

MIN_LENGTH = 12
MAX_LENGTH = 128
# A whole paragraph in another normal form could be longer than what is kept.
MAX_INPUT_LENGTH = 4 * MAX_LENGTH

_HASHER = PasswordHasher(
    time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
)
# Of no password; an address that nobody has costs the same work as one that somebody has.
_NOBODYS_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlzIQ"
    "$aHVudGF6ZSBub2JvZHkgY2FuIGxvZyBpbiBoZXJlLi4"
)


def normalise(password: str) -> str:
    """Bring a password into the form that every keyboard agrees on."""
    return unicodedata.normalize("NFKC", password)


def accept(password: str) -> str:
    """Normalise a new password.

    Raises:
        ValueError: It is too short, too long, or one that thieves try first.
    """
    normal = normalise(password)
    if not MIN_LENGTH <= len(normal) <= MAX_LENGTH:
        raise ValueError(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
    if is_common(normal):
        raise ValueError("many people have this password, and thieves try it first")
    return normal


def personal(password: str, *facts: str) -> str | None:
    """Why a password is too easy for who knows its owner; None when it is not."""
    told = normalise(password).casefold()
    known = {"huntaze", *(fact.casefold() for fact in facts)}
    known |= {word for fact in known for word in re.split(r"\W+", fact) if len(word) >= 4}
    rest = told
    for word in sorted(known, key=len, reverse=True):
        rest = rest.replace(word, "")
    # What remains without those words must be a password by itself.
    if rest != told and len(rest) < MIN_LENGTH:
        return "a password must be more than a name, an address or the product"
    return None


def make_hash(password: str) -> str:
    """Hash a password."""
    return _HASHER.hash(normalise(password))


def matches(password: str, stored: str | None) -> bool:
    """Whether ``password`` is the one of ``stored``; the work is the same when there is none."""
    try:
        return _HASHER.verify(stored or _NOBODYS_HASH, normalise(password)) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with other costs than today's."""
    return _HASHER.check_needs_rehash(stored)
