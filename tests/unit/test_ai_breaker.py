"""The circuit breaker as a state machine: whatever happens, in whatever order."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from huntaze.ai import breaker
from huntaze.ai.breaker import Circuit, State, Verdict

LEASE = 10.0


class Breaker(RuleBasedStateMachine):
    """Functions that share a breaker; each change is written over the version that it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.circuit = Circuit()
        self.now = 1000.0
        self.passed = 0
        self.probes: list[tuple[int, float]] = []
        self.opened_at: float | None = None
        self.row: list[float] = []

    def _write(self, new: Circuit) -> None:
        if new != self.circuit:
            if new.state is State.OPEN and self.circuit.state is not State.OPEN:
                self.opened_at = self.now
            self.circuit = replace(new, version=self.circuit.version + 1)

    @rule(seconds=st.floats(0, 200))
    def time_passes(self, seconds):
        """The clock goes on."""
        self.now += seconds

    @rule()
    def somebody_asks(self):
        """A function wants to call."""
        before = self.circuit
        verdict, changed = breaker.admit(before, self.now, lease=LEASE)
        self._write(changed)
        if verdict is Verdict.GO:
            assert before.state is State.CLOSED
            self.passed += 1
        elif verdict is Verdict.PROBE:
            assert before.state is not State.CLOSED
            # Nobody else tries: the one before is over, or its lease is.
            alive = [at for version, at in self.probes if version == before.version]
            assert all(self.now >= at + LEASE for at in alive)
            self.probes.append((self.circuit.version, self.now))
        else:
            assert before.state is not State.CLOSED
            assert self.now < before.until

    @rule()
    def a_call_succeeds(self):
        """A call that a closed breaker let pass is answered."""
        if self.passed:
            self.passed -= 1
            before = self.circuit
            self._write(breaker.succeeded(before, None))
            if before.state is not State.CLOSED:
                assert self.circuit == before
            else:
                self.row = []

    @rule(credit=st.booleans())
    def a_call_fails(self, credit):
        """A call that a closed breaker let pass is not answered."""
        if self.passed:
            self.passed -= 1
            before = self.circuit
            self._write(breaker.failed(before, self.now, None, out_of_credit=credit))
            if credit:
                assert self.circuit.state is State.OPEN
                assert self.circuit.until >= self.now + breaker.CREDIT_PAUSE
                self.row = []
            elif before.state is State.CLOSED:
                if self.row and self.now - self.row[0] > breaker.FAILURES_WITHIN:
                    self.row = []
                self.row.append(self.now)
                opens = len(self.row) >= breaker.FAILURES
                assert (self.circuit.state is State.OPEN) == opens
                if opens:
                    self.row = []

    @rule(worked=st.booleans())
    def the_newest_probe_ends(self, worked):
        """Who was let through to try comes back."""
        if self.probes:
            version, _ = self.probes.pop()
            before = self.circuit
            is_mine = before.state is State.HALF_OPEN and before.version == version
            change = breaker.succeeded if worked else None
            if change is not None:
                self._write(change(before, version))
            else:
                self._write(breaker.failed(before, self.now, version))
            if is_mine:
                assert self.circuit.state is (State.CLOSED if worked else State.OPEN)
                self.row = []

    @invariant()
    def a_pause_has_an_end(self):
        """No breaker stays open for ever."""
        if self.circuit.state is State.OPEN:
            assert self.circuit.until <= self.now + breaker.CREDIT_PAUSE


TestBreaker = Breaker.TestCase


def test_each_pause_is_twice_the_last_up_to_five_minutes():
    circuit, now = Circuit(), 0.0
    for _ in range(breaker.FAILURES):
        circuit = breaker.failed(circuit, now, None)
    pauses = []
    for _ in range(7):
        pauses.append(circuit.until - now)
        now = circuit.until
        _, circuit = breaker.admit(circuit, now, lease=LEASE)
        circuit = breaker.failed(circuit, now, circuit.version)
    assert pauses == [15, 30, 60, 120, 240, 300, 300]


def test_a_success_ends_a_row_of_failures():
    circuit = Circuit()
    for _ in range(breaker.FAILURES - 1):
        circuit = breaker.failed(circuit, 0.0, None)
    circuit = breaker.succeeded(circuit, None)
    for _ in range(breaker.FAILURES - 1):
        circuit = breaker.failed(circuit, 0.0, None)
    assert circuit.state is State.CLOSED


@given(version=st.integers(0, 5), said=st.integers(0, 5))
def test_only_the_probe_itself_is_let_go(version, said):
    circuit = Circuit(state=State.HALF_OPEN, until=50.0, version=version)
    after = breaker.let_go(circuit, 10.0, said)
    assert (after.state is State.OPEN and after.until == 10.0) == (version == said)
