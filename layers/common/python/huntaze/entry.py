"""The way into every function: what it works for, how it logs, and how it fails."""

import functools
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from huntaze import correlation, logs, tracing
from huntaze.errors import HuntazeError

log = logging.getLogger(__name__)


class UnhandledError(Exception):
    """Something failed that no code expected; the log line before this one says what and where."""


@contextmanager
def invocation(correlation_id: UUID | None, **facts: object) -> Iterator[None]:
    """One call of a function: its log lines, its part of the trace, its failure.

    Raises:
        UnhandledError: In place of an exception that is not ours. Lambda logs what an exception
            says, and a library's may say what a fan or a creator wrote.
    """
    service = os.environ.get("SERVICE", "huntaze")
    logs.start(service)
    trace = tracing.of_invocation()
    started = time.time()
    failed = False
    with correlation.within(correlation_id, trace=trace and str(trace), **facts):
        try:
            yield
        except Exception as error:
            failed = True
            log.exception("the call failed")
            if _may_be_told(error):
                raise
            raise UnhandledError(type(error).__name__) from None
        finally:
            _trace(service, trace, started, failed=failed)


def entry[Event, Answer](
    handler: Callable[[Event, Any], Answer],
) -> Callable[[Event, Any], Answer]:
    """Wrap the handler of a function that answers no HTTP.

    An event of ours brings the correlation id of what caused it; otherwise the call is an origin
    of its own, and its id is Lambda's.
    """

    @functools.wraps(handler)
    def call(event: Event, context: Any) -> Answer:  # noqa: ANN401  (as Lambda passes it)
        caused_by = correlation.of_event(event) if isinstance(event, dict) else None
        own = correlation.parse(getattr(context, "aws_request_id", None))
        with invocation(caused_by or own):
            return handler(event, context)

    return call


def _may_be_told(error: Exception) -> bool:
    """Whether an exception's sentence is ours and meant for operators."""
    ours = type(error).__module__.partition(".")[0] in logs.OURS
    return ours and not isinstance(error, HuntazeError)


def _trace(service: str, trace: tracing.Trace | None, started: float, *, failed: bool) -> None:
    """Tell X-Ray by which ids this call is found; the part that Lambda itself tells has none."""
    work = correlation.current()
    if trace is None or not trace.sampled or work is None:
        return
    annotations = {"correlation_id": str(work.correlation_id), **work.facts}
    tracing.tell_daemon(
        tracing.document(
            service,
            trace,
            tracing.new_part(),
            started=started,
            ended=time.time(),
            annotations=annotations,
            failed=failed,
        )
    )
