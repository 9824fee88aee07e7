"""Import of each API function's handler, against Powertools' own: at most 1.25 times it.

python -m bench.handler_import [--long]

Each import is a fresh process without an environment, taken turn by turn so that a noisy moment
hits all alike. The yardstick is what no such function can do without: the REST resolver with
validation, and one boto3 client.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 1.25
NEVER = ("openai", "stripe")
YARDSTICK = (
    "import boto3; boto3.client('sqs', region_name='us-east-1');"
    "from aws_lambda_powertools.event_handler import APIGatewayRestResolver;"
    "APIGatewayRestResolver(enable_validation=True)"
)
_TIMED = """
import sys, time
started = time.perf_counter()
{statement}
took = time.perf_counter() - started
print(took * 1000, *(name for name in {never!r} if name in sys.modules))
"""


def handlers() -> list[str]:
    """Import names of every function's handler."""
    found = sorted((ROOT / "functions").rglob("handler.py"))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found]


def main() -> int:
    """Measure and compare; the exit status says whether the figure holds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--long", action="store_true", help="15 rounds instead of 5")
    rounds = 15 if options.parse_args().long else 5
    statements = {"yardstick": YARDSTICK, **{name: f"import {name}" for name in handlers()}}
    for statement in statements.values():
        _milliseconds(statement)  # writes the byte-code that a deployed zip comes with
    times: dict[str, list[float]] = {name: [] for name in statements}
    for _ in range(rounds):
        for name, statement in statements.items():
            times[name].append(_milliseconds(statement))
    yardstick = statistics.median(times.pop("yardstick"))
    print(f"handler_import: medians of {rounds}, yardstick {yardstick:.0f} ms")
    worst = 0.0
    for name, taken in times.items():
        ratio = statistics.median(taken) / yardstick
        worst = max(worst, ratio)
        print(f"  {name:34} {statistics.median(taken):6.0f} ms   {ratio:.2f} x")
    print(f"  the slowest is {worst:.2f} x the yardstick, at most {LIMIT}")
    return 0 if worst <= LIMIT else 1


def _milliseconds(statement: str) -> float:
    code = _TIMED.format(statement=statement, never=NEVER)
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": f"{ROOT}:{ROOT}/layers/common/python",
    }
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    took, *loaded = run.stdout.split()
    if loaded:
        raise SystemExit(f"{statement} loads {', '.join(loaded)}: a route without it pays for it.")
    return float(took)


if __name__ == "__main__":
    sys.exit(main())
