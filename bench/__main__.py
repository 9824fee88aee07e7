"""Every figure in its short form: ``python -m bench [--long]``; one that falls short fails it."""

import argparse
import os
import subprocess
import sys
import time

MODULES = (
    "handler_import",
    "zip_sizes",
    "fan_list",
    "inbox",
    "fan_import",
    "segment_preview",
    "plan_campaign",
    "load",
    "rate_budget",
    "browser_send",
    "orchestration_cost",
    "ai_router",
    "ai_traffic",
    "injection",
)


def main() -> int:
    """Run them one after the other, for they would measure each other otherwise."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("--long", action="store_true", help="the long form of each")
    options.add_argument("--only", choices=MODULES, action="append", help="just this one")
    chosen = options.parse_args()
    short: list[str] = []
    for module in chosen.only or MODULES:
        started = time.monotonic()
        command = [sys.executable, "-m", f"bench.{module}", *(["--long"] if chosen.long else [])]
        # A line for each request would hide the figures.
        environment = {**os.environ, "LOG_LEVEL": "WARNING"}
        if subprocess.run(command, check=False, env=environment).returncode:
            short.append(module)
        print(f"  ({time.monotonic() - started:.0f} s)\n")
    print(f"fell short: {', '.join(short)}" if short else "every figure holds")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
