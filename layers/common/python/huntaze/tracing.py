"""X-Ray without its SDK: the header that ties parts of a trace together, and documents of parts.

API Gateway, Lambda and Step Functions trace themselves and pass the header on. What is left to us
is to carry it through the database, and to tell X-Ray of our own parts. See ADR 0007.
"""

import json
import os
import re
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

# X-Ray takes no part of a trace that began longer ago.
# https://docs.aws.amazon.com/general/latest/gr/xray.html
LONGEST = timedelta(days=7)

_ROOT = re.compile(r"(?:^|;)Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)")
_PARENT = re.compile(r"(?:^|;)Parent=([0-9a-f]{16})(?:;|$)")
_SAMPLED = re.compile(r"(?:^|;)Sampled=([01])(?:;|$)")
_DAEMON_HEADER = b'{"format": "json", "version": 1}\n'


class Trace(NamedTuple):
    """A place in a trace: what is below it names it as its parent."""

    root: str
    parent: str
    sampled: bool

    def __str__(self) -> str:
        """The header."""
        return f"Root={self.root};Parent={self.parent};Sampled={int(self.sampled)}"

    def below(self, parent: str) -> "Trace":
        """The place of what the part ``parent`` calls."""
        return self._replace(parent=parent)

    def takes_parts(self, now: datetime) -> bool:
        """Whether X-Ray would still take a part of it."""
        began = int(self.root[2:10], 16)
        return self.sampled and 0 <= now.timestamp() - began < LONGEST.total_seconds()


def parse(header: str | None) -> Trace | None:
    """Read a header; one that does not say all is none."""
    found = [pattern.search(header or "") for pattern in (_ROOT, _PARENT, _SAMPLED)]
    texts = [match[1] for match in found if match is not None]
    return Trace(texts[0], texts[1], texts[2] == "1") if len(texts) == len(found) else None


def of_invocation() -> Trace | None:
    """Where Lambda says that this invocation is in its trace."""
    return parse(os.environ.get("_X_AMZN_TRACE_ID"))


def new_trace(now: datetime) -> Trace:
    """A trace of its own, for work whose origin is too long ago."""
    root = f"1-{int(now.timestamp()):08x}-{os.urandom(12).hex()}"
    return Trace(root, new_part(), sampled=True)


def new_part() -> str:
    """An id for a part of a trace."""
    return os.urandom(8).hex()


def document(
    name: str,
    trace: Trace,
    part: str,
    *,
    started: float,
    ended: float,
    annotations: Mapping[str, str],
    failed: bool = False,
) -> dict[str, Any]:
    """Describe a part.

    Args:
        name: Of the service or the step.
        trace: Where the part hangs.
        part: Its id.
        started: Seconds since the epoch.
        ended: Likewise.
        annotations: What a trace is found by: ids, never text.
        failed: Whether it ended in a fault.
    """
    told: dict[str, Any] = {
        "name": name,
        "id": part,
        "trace_id": trace.root,
        "parent_id": trace.parent,
        "start_time": started,
        "end_time": ended,
        "annotations": dict(annotations),
    }
    return {**told, "fault": True} if failed else told


def tell_daemon(part: Mapping[str, Any]) -> None:
    """Hand a part to the daemon that runs beside every traced function; a lost one is no harm."""
    host, _, port = os.environ.get("AWS_XRAY_DAEMON_ADDRESS", "").partition(":")
    if not port.isdigit():
        return
    packet = _DAEMON_HEADER + json.dumps({**part, "type": "subsegment"}).encode()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(packet, (host, int(port)))
    except OSError:
        return
