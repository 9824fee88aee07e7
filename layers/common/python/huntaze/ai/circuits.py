"""The circuit breakers of all functions, in DynamoDB: one item a model of a provider."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from huntaze import clients, metrics
from huntaze.ai import breaker
from huntaze.ai.breaker import Circuit, State, Verdict
from huntaze.ai.models import Hop

# How long a function believes what it read: by so much later it learns what others learnt.
_BELIEVED = 1.0
# Changes meet others' changes; who loses looks again.
_TRIES = 6

log = logging.getLogger(__name__)


class Admission(Protocol):
    """The breakers, as the router sees them."""

    def admit(self, hop: Hop, *, lease: float) -> tuple[Verdict, int | None]:
        """Whether ``hop`` may be asked now, and with which version a probe was admitted."""
        ...

    def succeeded(self, hop: Hop, probe: int | None) -> None:
        """The hop answered."""
        ...

    def failed(self, hop: Hop, probe: int | None, *, out_of_credit: bool) -> None:
        """The hop did not answer."""
        ...

    def let_go(self, hop: Hop, probe: int | None) -> None:
        """The hop was not asked after all."""
        ...


class DynamoCircuits:
    """Breakers shared by every function that may reach the table.

    A table that cannot be reached holds nobody up: calls pass then, and each request still goes to
    the next provider by itself.

    Args:
        table: Its name.
        clock: Seconds since 1970, the same for all functions.
    """

    def __init__(self, table: str, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock
        self._read: dict[str, tuple[float, Circuit]] = {}

    def admit(self, hop: Hop, *, lease: float) -> tuple[Verdict, int | None]:
        """Whether ``hop`` may be asked now; of all functions, one is let through to try."""
        now = self._clock()
        believed = self._read.get(hop.circuit)
        if believed is not None and now - believed[0] < _BELIEVED:
            verdict, _ = breaker.admit(believed[1], now, lease=lease)
            if verdict is not Verdict.PROBE:
                return verdict, None
        circuit = self._load(hop)
        verdict, changed = breaker.admit(circuit, now, lease=lease)
        if verdict is not Verdict.PROBE:
            return verdict, None
        if self._replace(hop, circuit, changed):
            return verdict, circuit.version + 1
        return Verdict.REFUSE, None

    def succeeded(self, hop: Hop, probe: int | None) -> None:
        """The hop answered. Costs a look at the table only when something was wrong before."""
        believed = self._read.get(hop.circuit)
        if probe is None and (
            believed is None or believed[1] == Circuit(version=believed[1].version)
        ):
            return
        self._change(hop, lambda circuit: breaker.succeeded(circuit, probe))

    def failed(self, hop: Hop, probe: int | None, *, out_of_credit: bool) -> None:
        """The hop did not answer."""
        now = self._clock()
        self._change(
            hop, lambda circuit: breaker.failed(circuit, now, probe, out_of_credit=out_of_credit)
        )

    def let_go(self, hop: Hop, probe: int | None) -> None:
        """The hop was not asked after all."""
        if probe is not None:
            now = self._clock()
            self._change(hop, lambda circuit: breaker.let_go(circuit, now, probe))

    def _change(self, hop: Hop, change: Callable[[Circuit], Circuit]) -> None:
        for _ in range(_TRIES):
            circuit = self._load(hop)
            changed = change(circuit)
            if changed == circuit:
                return
            if self._replace(hop, circuit, changed):
                if changed.state is State.OPEN and circuit.state is not State.OPEN:
                    log.warning("a circuit breaker opened", extra={"circuit": hop.circuit})
                    metrics.record(metrics.AI_BREAKERS_OPENED, 1, provider=hop.provider.value)
                return

    def _load(self, hop: Hop) -> Circuit:
        now = self._clock()
        try:
            found = clients.dynamodb().get_item(
                TableName=self._table,
                Key={"circuit": {"S": hop.circuit}},
                ConsistentRead=True,
            )
        except clients.aws_errors():
            log.warning("a circuit breaker cannot be read", extra={"circuit": hop.circuit})
            return Circuit()
        item = found.get("Item")
        circuit = Circuit() if item is None else _circuit_of(item)
        self._read[hop.circuit] = (now, circuit)
        return circuit

    def all(self) -> dict[str, Circuit]:
        """Every breaker that has ever met a failure, by its name; the others are closed."""
        pages = clients.dynamodb().get_paginator("scan").paginate(TableName=self._table)
        return {item["circuit"]["S"]: _circuit_of(item) for page in pages for item in page["Items"]}

    def _replace(self, hop: Hop, old: Circuit, new: Circuit) -> bool:
        """Write ``new`` over ``old``, unless somebody else was quicker."""
        self._read.pop(hop.circuit, None)
        try:
            clients.dynamodb().put_item(
                TableName=self._table,
                Item={
                    "circuit": {"S": hop.circuit},
                    "state": {"S": new.state.value},
                    "failures": {"N": str(new.failures)},
                    "failing_since": {"N": f"{new.failing_since:.3f}"},
                    "until": {"N": f"{new.until:.3f}"},
                    "pauses": {"N": str(new.pauses)},
                    "version": {"N": str(old.version + 1)},
                },
                ConditionExpression="version = :seen OR attribute_not_exists(circuit)",
                ExpressionAttributeValues={":seen": {"N": str(old.version)}},
            )
        except clients.dynamodb().exceptions.ConditionalCheckFailedException:
            return False
        except clients.aws_errors():
            log.warning("a circuit breaker cannot be written", extra={"circuit": hop.circuit})
            return False
        return True


def _circuit_of(item: Mapping[str, Any]) -> Circuit:
    return Circuit(
        state=State(item["state"]["S"]),
        failures=int(item["failures"]["N"]),
        failing_since=float(item["failing_since"]["N"]),
        until=float(item["until"]["N"]),
        pauses=int(item["pauses"]["N"]),
        version=int(item["version"]["N"]),
    )
