"""``python -m browser_worker.health``: fails when the worker beside it no longer turns.

The container's health check: ECS replaces a task whose worker hangs.
"""

import sys

from browser_worker.heartbeat import STALE_SECONDS, age


def main() -> int:
    """Return the exit code, 0 for a worker that lives."""
    seconds = age()
    if seconds is None:
        sys.stderr.write("the worker has not started to take wake-ups\n")
        return 1
    if seconds > STALE_SECONDS:
        sys.stderr.write(f"the worker's loop has not turned for {seconds:.0f} s\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
