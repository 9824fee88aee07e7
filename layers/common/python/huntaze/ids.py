"""Identifiers: UUIDv7, so that an index grows at its end and ids sort by birth."""

import os
import time
from uuid import UUID


def new_id() -> UUID:
    """Make an id (RFC 9562, version 7).

    The twelve bits after the version are the fraction of the millisecond (method 3 of the RFC):
    two ids that one process makes one after the other sort in that order.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    value = (milliseconds << 80) | (fraction << 64) | int.from_bytes(os.urandom(8))
    value &= ~(0x3 << 62)
    return UUID(int=value | (0x7 << 76) | (0x2 << 62))
