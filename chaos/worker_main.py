"""The real worker in a process of its own, with short times and a strike to carry out."""

import asyncio
import os
import signal
import threading
import time
from unittest.mock import patch

from browser_worker.process import run
from chaos.impatience import load_impatient_profile
from chaos.striking import Strike, Striker


def follow_parent() -> None:
    """End this process when the harness has ended, however that came about."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """Work until SIGTERM, or until the strike."""
    follow_parent()
    with (
        patch("browser_worker.process.load_profile", load_impatient_profile),
        # How soon a wake-up comes back whose lane a dead worker still holds.
        patch("browser_worker.worker.BUSY_SECONDS", 1),
    ):
        asyncio.run(run(observe=Striker(Strike.ordered())))


if __name__ == "__main__":
    main()
