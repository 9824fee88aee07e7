"""The worker's part of a trace: one segment for each message, sent to X-Ray in batches.

No send waits for it, and none fails with it: what X-Ray does not take is dropped.
"""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from browser_worker.steps import Observer, Step
from huntaze import clients, correlation
from huntaze.tracing import Trace, document, new_part, new_trace, parse

NAME = "browser_worker"
# A trace holds 500 KB; of a large campaign the first messages are enough to see how it goes.
MOST_OF_A_TRACE = 100
# PutTraceSegments takes so many, and one that waits longer than a second helps nobody.
BATCH = 25
EVERY_SECONDS = 1.0
# X-Ray away: the newest are kept, the memory does not grow.
_MOST_WAITING = 1_000
_MOST_REMEMBERED = 10_000

log = logging.getLogger(__name__)

type Put = Callable[[list[str]], None]


def put_segments(documents: list[str]) -> None:
    """Hand documents to X-Ray."""
    answer = clients.xray().put_trace_segments(TraceSegmentDocuments=documents)
    refused = answer.get("UnprocessedTraceSegments", [])
    if refused:
        codes = sorted({str(one.get("ErrorCode")) for one in refused})
        log.warning("X-Ray refused segments", extra={"segments": len(refused), "codes": codes})


class Tracer:
    """Collects segments and sends them in the background.

    Args:
        put: Sends a batch; None traces nothing.
    """

    def __init__(self, put: Put | None) -> None:
        self._put = put
        self._waiting: deque[str] = deque(maxlen=_MOST_WAITING)
        self._counts: dict[str, int] = {}

    @contextmanager
    def message(self, observe: Observer) -> Iterator[Observer]:
        """Trace the delivery of the message in hand; yields what is to be told of its steps."""
        work = correlation.current()
        place = self._place(work) if self._put is not None else None
        if place is None or work is None:
            yield observe
            return
        moments = [("", time.time())]

        def watch(step: Step) -> None:
            moments.append((step.value, time.time()))
            observe(step)

        failed = True
        try:
            yield watch
            failed = False
        finally:
            self._add(place, work, moments, failed=failed)

    async def run(self) -> None:
        """Send what is collected, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Send everything that waits."""
        while self._put is not None and self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                await asyncio.to_thread(self._put, batch)
            except Exception:
                # Traces are for looking at: a send never waits for one, nor fails with it.
                log.warning("segments were not sent", exc_info=True)
                return

    def _place(self, work: correlation.Work | None) -> Trace | None:
        """Where the message hangs, or None when it is not to be traced."""
        trace = parse(work.trace) if work is not None else None
        if trace is None or not trace.sampled:
            return None
        now = datetime.now(UTC)
        if len(self._counts) > _MOST_REMEMBERED:
            self._counts.clear()
        seen = self._counts[trace.root] = self._counts.get(trace.root, 0) + 1
        if seen > MOST_OF_A_TRACE:
            return None
        return trace if trace.takes_parts(now) else new_trace(now)

    def _add(
        self,
        place: Trace,
        work: correlation.Work,
        moments: list[tuple[str, float]],
        *,
        failed: bool,
    ) -> None:
        ids = {"correlation_id": str(work.correlation_id), **work.facts}
        ended = time.time()
        segment = document(
            NAME,
            place,
            new_part(),
            started=moments[0][1],
            ended=ended,
            annotations=ids,
            failed=failed,
        )
        self._waiting.append(json.dumps(segment | {"subsegments": _steps(moments)}))


def _steps(moments: list[tuple[str, float]]) -> list[dict[str, Any]]:
    """What came between two moments is named for the later one."""
    return [
        {"id": new_part(), "name": name, "start_time": began, "end_time": ended}
        for (_, began), (name, ended) in pairwise(moments)
    ]
