"""Which Chromium to start, and how."""

import os
import shutil
from pathlib import Path

from playwright.async_api import Browser, Playwright

ROOT = Path(__file__).resolve().parents[2]
# Where `make run` keeps a Chromium of its own when the machine has none.
CACHED = ROOT / ".tools" / "chromium" / "chromium"
SYSTEM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

# No sandbox: the task's container is the sandbox, and offers no user namespaces for another.
# Images are not drawn: they change nothing that is read, and cost most of the traffic.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--blink-settings=imagesEnabled=false",
)


class NoChromiumError(RuntimeError):
    """This machine has no Chromium that we know of."""


async def launch(playwright: Playwright) -> Browser:
    """Start the first Chromium that there is.

    Raises:
        NoChromiumError: There is none.
    """
    executable = find_executable(
        os.environ.get("CHROMIUM_EXECUTABLE"), playwright.chromium.executable_path
    )
    return await playwright.chromium.launch(executable_path=executable, args=list(FLAGS))


def find_executable(named: str | None, playwrights_own: str) -> str:
    """Return the path of a Chromium: the one named, Playwright's, the system's, or the cached."""
    if named:
        return named
    if Path(playwrights_own).is_file():
        return playwrights_own
    for name in SYSTEM_NAMES:
        if found := shutil.which(name):
            return found
    if CACHED.is_file():
        return str(CACHED)
    raise NoChromiumError(
        "No Chromium was found: set CHROMIUM_EXECUTABLE, or run `playwright install chromium`."
    )
