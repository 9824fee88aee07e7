"""Makes the filter of common passwords: ``python -m local.common_passwords LIST``.

LIST is a text of one password a line (see ``functions/auth/common.py`` for which).
"""

import sys
from pathlib import Path

from functions.auth.common import FILTER, places
from functions.auth.passwords import MIN_LENGTH, normalise

_BITS_EACH = 12


def build(lines: list[str]) -> bytes:
    """The filter of those that are long enough to be asked about."""
    normal = {normalise(line).casefold() for line in lines}
    long = sorted(password for password in normal if len(password) >= MIN_LENGTH)
    bits = bytearray(len(long) * _BITS_EACH // 8)
    for password in long:
        for place in places(password, len(bits) * 8):
            bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)


if __name__ == "__main__":
    FILTER.write_bytes(build(Path(sys.argv[1]).read_text(errors="replace").splitlines()))
