"""Identifiers: UUIDv7, so that an index grows at its end and ids sort by birth."""

import os
import time
from uuid import UUID


def new_id() -> UUID:
    """Make an id (RFC 9562, version 7)."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    value &= ~(0xF << 76) & ~(0x3 << 62)
    return UUID(int=value | (0x7 << 76) | (0x2 << 62))
