"""What a piece of work belongs to: one id from a request to the last thing that it causes.

    request ──> log lines ──> event, campaign, send ──> worker's log lines ──> ``message.settled``

The id is made where work begins, by us: a caller's own would let anyone write what they like into
our logs and rows, or hide in somebody else's work. See ADR 0007.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from huntaze.ids import new_id


@dataclass(frozen=True)
class Work:
    """What is being done now.

    Args:
        correlation_id: Of the request, the schedule or the event that began it.
        trace: X-Ray's header; None where nothing is traced.
        facts: Ids that every log line names; never text, a handle or a secret.
    """

    correlation_id: UUID
    trace: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


_CURRENT: ContextVar[Work | None] = ContextVar("work", default=None)


def current() -> Work | None:
    """The work in hand, if any: threads of ``asyncio.to_thread`` see their caller's."""
    return _CURRENT.get()


@contextmanager
def within(
    correlation_id: UUID | None, *, trace: str | None = None, **facts: object
) -> Iterator[Work]:
    """Work for a correlation id until the block ends.

    What is not given is that of the work around it, whose facts stay; facts that are None are none.
    """
    around = _CURRENT.get()
    if correlation_id is None:
        correlation_id = new_id() if around is None else around.correlation_id
    if around is not None and trace is None:
        trace = around.trace
    known = {} if around is None else around.facts
    work = Work(correlation_id, trace, {**known, **_texts(facts)})
    token = _CURRENT.set(work)
    try:
        yield work
    finally:
        _CURRENT.reset(token)


def note(**facts: object) -> None:
    """Let every later log line of the work in hand name these ids, too."""
    work = _CURRENT.get()
    if work is not None:
        _CURRENT.set(replace(work, facts={**work.facts, **_texts(facts)}))


def parse(value: object) -> UUID | None:
    """Read a correlation id that came from outside; what is none is no error."""
    try:
        return UUID(str(value))
    except ValueError:
        return None


def of_event(event: Mapping[str, Any]) -> UUID | None:
    """The correlation id that an event of ours carries, however it was delivered."""
    detail = event.get("detail")
    body = detail if isinstance(detail, Mapping) else event
    return parse(body.get("correlation_id"))


def _texts(facts: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in facts.items() if value is not None}
