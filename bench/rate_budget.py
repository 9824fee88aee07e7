"""Rate budget: virtual sends of many creators, judged by code that knows only the rule's sentence.

    python -m bench.rate_budget [--long] [--seed N]

Every creator is one flat-out campaign in virtual time. What the database keeps of a lane is kept
here in the same shape: two arrays, cut to the last N, read again for every grant. Workers crash
after a grant (the interval then stays reserved to T2) and their clocks are wrong by hours.

The rule: at most N messages in any sliding 60 s, at least G seconds between two, measured from the
end of the earlier one. The platform counts a message somewhere between its grant and its end, so
``violations`` asks how many could fall into one window at worst.
"""

import argparse
import random
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from huntaze.domain.outbound.rate import Interval, Limits, next_grant, reserved

T2 = timedelta(seconds=9)
CRASHES = 0.002
ENOUGH = 0.99
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = (
    *[Limits(10, timedelta(seconds=3))] * 6,
    Limits(20, timedelta(seconds=1)),
    Limits(30, timedelta(seconds=1)),
    Limits(5, timedelta(seconds=5)),
    Limits(60, timedelta(0)),
)


@dataclass
class StoredLane:
    """What ``creator_lanes`` keeps of the budget."""

    limits: Limits
    starts: list[datetime] = field(default_factory=list)
    ends: list[datetime] = field(default_factory=list)

    def intervals(self) -> list[Interval]:
        """Read the arrays."""
        return [Interval(*pair) for pair in zip(self.starts, self.ends, strict=True)]

    def keep(self, intervals: list[Interval]) -> None:
        """Write the arrays."""
        self.starts = [interval.start for interval in intervals]
        self.ends = [interval.end for interval in intervals]

    def settle(self, at: datetime) -> None:
        """End the open interval, as the settlement does: never later than its reserve."""
        self.ends[-1] = min(at, self.ends[-1])


@dataclass
class Worker:
    """A worker whose wall clock is wrong; it sleeps for spans and never passes a time on."""

    wall_offset: timedelta
    seen: list[datetime] = field(default_factory=list)

    def stamp(self, now: datetime) -> None:
        """Look at the wrong clock, as a log line does."""
        self.seen[:] = [now + self.wall_offset]


def run_creator(
    limits: Limits, sends: int, rng: random.Random, clocks: random.Random
) -> tuple[list[Interval], int]:
    """Send flat out; the intervals that really were, and how often a worker crashed."""
    lane = StoredLane(limits)
    now = EPOCH
    worker = Worker(timedelta(hours=clocks.uniform(-12, 12)))
    history: list[Interval] = []
    crashes = 0
    while len(history) < sends:
        worker.stamp(now)
        slot = next_grant(lane.intervals(), limits, paced_per_minute=limits.messages_per_minute)
        if slot is not None and slot > now:
            # A worker wakes a little late, never early enough to matter: the grant asks again.
            now = slot + timedelta(milliseconds=rng.uniform(-2, 6))
            continue
        lane.keep(reserved(lane.intervals(), limits, now=now, until=now + T2))
        if rng.random() < CRASHES:
            crashes += 1
            history.append(Interval(now, now + T2))
            now += timedelta(seconds=rng.uniform(0.1, 6))
            worker = Worker(timedelta(hours=clocks.uniform(-12, 12)))
            continue
        took = timedelta(seconds=min(8.9, 0.6 * 2.718 ** rng.gauss(0, 0.5)))
        history.append(Interval(now, now + took))
        now += took
        lane.settle(now)
    return history, crashes


def violations(history: list[Interval], limits: Limits) -> int:
    """Count breaches, from the sentence alone.

    A window [t, t + 60) may hold a message of [start, end] when start - 60 < t <= end: a sweep over
    those spans gives the most messages that one window could hold.
    """
    minute = timedelta(seconds=60)
    # At equal moments the span that ends goes first: one is closed there, the other still open.
    edges = sorted([(one.end, 0) for one in history] + [(one.start - minute, 1) for one in history])
    breaches = inside = 0
    for _, opens in edges:
        inside += 1 if opens else -1
        breaches += bool(opens) and inside > limits.messages_per_minute
    in_order = sorted(history, key=lambda one: one.start)
    for earlier, later in pairwise(in_order):
        breaches += later.start - earlier.end < limits.min_gap
    return breaches


def best_span(history: list[Interval], limits: Limits) -> float:
    """Seconds that the best schedule needs for messages that take as long.

    Each goes as early as the rule lets it, which no other way of waiting can beat.
    """
    ends: list[float] = []
    start = 0.0
    for number, one in enumerate(history):
        if ends:
            start = ends[-1] + limits.min_gap.total_seconds()
        if number >= limits.messages_per_minute:
            start = max(start, ends[number - limits.messages_per_minute] + 60)
        ends.append(start + (one.end - one.start).total_seconds())
    return start


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--long", action="store_true", help="a million sends instead of 100,000")
    parser.add_argument("--seed", type=int, default=20_261_121)
    options = parser.parse_args()
    creators, each = (1_000, 1_000) if options.long else (100, 1_000)
    began = time.monotonic()
    breaches = crashes = moved_by_clocks = 0
    best = taken = 0.0
    for creator in range(creators):
        limits = LIMITS[creator % len(LIMITS)]
        seed = f"{options.seed}/{creator}"
        history, crashed = run_creator(limits, each, random.Random(seed), random.Random(seed))
        breaches += violations(history, limits)
        crashes += crashed
        best += best_span(history, limits)
        taken += (history[-1].start - history[0].start).total_seconds()
        if creator % 20 == 0:
            again, _ = run_creator(
                limits, each, random.Random(seed), random.Random(f"{seed}/other clocks")
            )
            moved_by_clocks += again != history
    used = best / taken
    print(f"seed {options.seed}: {creators * each:,} sends of {creators:,} creators,")
    print(f"  {crashes:,} crashes after a grant, worker clocks wrong by up to 12 h")
    print(f"  violations of the rule:          {breaches}")
    print(f"  schedules moved by wrong clocks: {moved_by_clocks}")
    print(f"  of the best schedule the rule allows: {used:.2%} (bar: {ENOUGH:.0%})")
    print(f"  {time.monotonic() - began:.1f} s")
    return 0 if not breaches and not moved_by_clocks and used >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
