"""Circuit breakers: who may ask a model that fails. The rules; `circuits` keeps the state.

Closed: everybody asks. After some failures in a row it opens: nobody asks for a while. Then one
call may try (half-open), and how that ends closes it or opens it for twice as long.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

# So many failures in a row, none longer than this after the first, are no bad luck.
FAILURES = 5
FAILURES_WITHIN = 60.0
# How long it stays open at first, and at most.
PAUSE = 15.0
LONGEST_PAUSE = 300.0
# An account without credit gets it from a person, not from another try.
CREDIT_PAUSE = 600.0


class State(StrEnum):
    """Whether calls pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Verdict(StrEnum):
    """What a caller may do."""

    GO = "go"
    PROBE = "probe"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Circuit:
    """The state of one breaker.

    Args:
        state: Whether calls pass.
        failures: In a row, while closed.
        failing_since: When the first of them was.
        until: Open: when somebody may try. Half-open: when whoever tries has surely died.
        pauses: How often it opened since a call succeeded.
        version: Counts the changes: a change is written only over the version that it is made from.
    """

    state: State = State.CLOSED
    failures: int = 0
    failing_since: float = 0.0
    until: float = 0.0
    pauses: int = 0
    version: int = 0


def admit(circuit: Circuit, now: float, *, lease: float) -> tuple[Verdict, Circuit]:
    """Whether one more call may be made, and the breaker if that changes it."""
    if circuit.state is State.CLOSED:
        return Verdict.GO, circuit
    if now < circuit.until:
        return Verdict.REFUSE, circuit
    return Verdict.PROBE, replace(circuit, state=State.HALF_OPEN, until=now + lease)


def succeeded(circuit: Circuit, probe: int | None) -> Circuit:
    """The breaker after a call that was answered.

    Args:
        circuit: As it is now.
        probe: The version with which the call was admitted to try; None: it passed a closed one.
    """
    if circuit.state is State.CLOSED:
        return replace(circuit, failures=0) if circuit.failures else circuit
    if circuit.state is State.HALF_OPEN and probe == circuit.version:
        return Circuit(version=circuit.version)
    # A call from before it opened says nothing about now.
    return circuit


def failed(
    circuit: Circuit, now: float, probe: int | None, *, out_of_credit: bool = False
) -> Circuit:
    """The breaker after a call that was not."""
    if out_of_credit:
        return replace(
            _opened(circuit, now), until=max(circuit.until, now + CREDIT_PAUSE), failures=0
        )
    if circuit.state is State.HALF_OPEN:
        return _opened(circuit, now) if probe == circuit.version else circuit
    if circuit.state is State.OPEN:
        return circuit
    is_row = circuit.failures > 0 and now - circuit.failing_since <= FAILURES_WITHIN
    failures = circuit.failures + 1 if is_row else 1
    if failures >= FAILURES:
        return _opened(circuit, now)
    since = circuit.failing_since if is_row else now
    return replace(circuit, failures=failures, failing_since=since)


def let_go(circuit: Circuit, now: float, probe: int | None) -> Circuit:
    """The breaker when whoever might have tried did not: somebody else may at once."""
    if circuit.state is State.HALF_OPEN and probe == circuit.version:
        return replace(circuit, state=State.OPEN, until=now)
    return circuit


def _opened(circuit: Circuit, now: float) -> Circuit:
    pause = min(PAUSE * 2**circuit.pauses, LONGEST_PAUSE)
    # Enough for the longest pause; a number that only grows would overflow one day.
    pauses = min(circuit.pauses + 1, 10)
    return replace(circuit, state=State.OPEN, until=now + pause, pauses=pauses, failures=0)
