"""``python -m chaos``: play every scenario, print the figures, fail if a guarantee broke."""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from chaos import control, evening, faults, imports, kills, restores, table, traffic
from chaos.scenario import Outcome, Scenario, Stage, play
from chaos.world import running_world

PORT_BASE = "18450"
# They wait more than they work: two cores carry so many without missing their times.
AT_A_TIME = 6


def main() -> int:
    """Run what the command line names; return the status to exit with."""
    arguments = _arguments()
    chosen = [one for one in _scenarios() if arguments.only in one.name]
    if not chosen:
        print("No scenario is named so: " + ", ".join(one.name for one in _scenarios()))
        return 2
    # As Ctrl-C does: the servers end in good order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    scratch = Path(tempfile.mkdtemp(prefix="huntaze-chaos-"))
    # Postgres does not run as root and has to get at its data below.
    scratch.chmod(0o755)
    try:
        failed = _run(chosen, arguments, scratch)
    except KeyboardInterrupt:
        print("Broken off.", flush=True)
        # Scenes that still wait for something are not waited for; their workers end with us.
        os._exit(130)
    if failed:
        print(f"The logs are below {scratch}.")
        return 1
    shutil.rmtree(scratch, ignore_errors=True)
    return 0


def _run(chosen: list[Scenario], arguments: argparse.Namespace, scratch: Path) -> bool:
    """Play and print; return whether anything failed."""
    started = time.monotonic()
    outcomes: list[Outcome] = []
    print(table.header(), flush=True)
    for outcome in _outcomes(chosen, arguments, scratch):
        print(table.line(outcome), flush=True)
        outcomes.append(outcome)
    seconds = time.monotonic() - started
    print(table.summary(outcomes, seed=arguments.seed, seconds=seconds))
    return any(outcome.problems for outcome in outcomes)


def _outcomes(
    chosen: list[Scenario], arguments: argparse.Namespace, scratch: Path
) -> Iterator[Outcome]:
    """Play in one world what shares it, and afterwards what brings a cloud."""
    stage = Stage(scratch, None, "", arguments.seed, arguments.long)
    sharing = [one for one in chosen if not one.brings_cloud]
    if sharing:
        port_base = int(os.environ.get("CHAOS_PORT_BASE", PORT_BASE))
        folder = scratch / "world"
        folder.mkdir()
        with running_world(folder, port_base) as world:
            yield from _played(sharing, replace(stage, shared=world), arguments.jobs)
    for scenario in chosen:
        if scenario.brings_cloud:
            yield play(scenario, stage)


def _scenarios() -> list[Scenario]:
    # The longest first, so that no core waits for them in the end.
    groups = (traffic, control, imports, kills, faults, restores, evening)
    return [scenario for group in groups for scenario in group.scenarios()]


def _played(chosen: list[Scenario], stage: Stage, jobs: int) -> Iterator[Outcome]:
    pool = ThreadPoolExecutor(jobs)
    try:
        together = [pool.submit(play, scenario, stage) for scenario in chosen if not scenario.alone]
        for outcome in as_completed(together):
            yield outcome.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    for scenario in chosen:
        if scenario.alone:
            yield play(scenario, stage)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--long", action="store_true", help="more kills, more messages")
    parser.add_argument(
        "--only", default="", metavar="NAME", help="scenarios with this in their name"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--jobs", type=int, default=AT_A_TIME, help="scenarios at a time")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
