"""The real worker in a process of its own, with short times and a strike to carry out."""

import asyncio
from unittest.mock import patch

from browser_worker.process import run
from chaos.impatience import load_impatient_profile
from chaos.striking import Strike, Striker


def main() -> None:
    """Work until SIGTERM, or until the strike."""
    with (
        patch("browser_worker.process.load_profile", load_impatient_profile),
        # How soon a wake-up comes back whose lane a dead worker still holds.
        patch("browser_worker.worker.BUSY_SECONDS", 1),
    ):
        asyncio.run(run(observe=Striker(Strike.ordered())))


if __name__ == "__main__":
    main()
