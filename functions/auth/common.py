"""Passwords that everybody tries first.

They are those of twelve characters and more among the million that most often were in stolen lists.
The file beside this one is a Bloom filter that ``python -m local.common_passwords LIST`` makes of
``10-million-password-list-top-1000000.txt`` of SecLists (MIT, Daniel Miessler and others; the data
by Mark Burnett, in the public domain). It holds no password, finds every one of them, and takes one
of three hundred others for one of them.
"""

import hashlib
from functools import cache
from pathlib import Path

FILTER = Path(__file__).with_name("common.bloom")
# Of 12 bits a password, the number with which the fewest others are taken for one.
_PROBES = 8


@cache
def _bits() -> bytes:
    return FILTER.read_bytes()


def is_common(password: str) -> bool:
    """Whether many have chosen this password, in any case."""
    bits = _bits()
    return all(bits[place >> 3] >> (place & 7) & 1 for place in places(password, len(bits) * 8))


def places(password: str, size: int) -> list[int]:
    """The bits that stand for a password in a filter of ``size`` bits."""
    digest = hashlib.sha256(password.casefold().encode(errors="replace")).digest()
    first, step = int.from_bytes(digest[:8]), int.from_bytes(digest[8:16]) | 1
    return [(first + number * step) % size for number in range(_PROBES)]
