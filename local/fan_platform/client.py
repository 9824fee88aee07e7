"""The test API from the outside, and a platform of one's own to call it on."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 15


class FanPlatformError(Exception):
    """The test API does not follow an order; the text says why."""


class FanPlatform:
    """A running fan platform, as tests, demos and measurements see it."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, timeout=60)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def add_creator(self, creator_id: str, username: str, password: str, **more: object) -> None:
        """Make a creator's account."""
        order = {"id": creator_id, "username": username, "password": password, **more}
        self._ask("POST", "creators", order)

    def add_fans(
        self, creator_id: str, fans: Sequence[dict[str, Any]], *, seed: int | None = None
    ) -> None:
        """Make fans; with a seed they act as the clock advances."""
        self._ask("POST", "fans", {"creator": creator_id, "fans": list(fans), "seed": seed})

    def seed_fans(self, creator_id: str, fans: int, *, seed: int = 1) -> None:
        """Invent fans with a past and a behaviour."""
        self._ask("POST", "seed", {"creator": creator_id, "seed": seed, "fans": fans})

    def set_faults(self, creator_id: str | None = None, **faults: object) -> None:
        """Set faults for a creator, or for everyone."""
        self._ask("POST", "faults", {"creator": creator_id, **faults})

    def clear_faults(self) -> None:
        """Clear all faults."""
        self._ask("DELETE", "faults")

    def write_as_fan(self, creator_id: str, fan: str, text: str = "", *, tip_cents: int = 0) -> str:
        """Let a fan write, or tip; return the message's id."""
        order = {"creator": creator_id, "fan": fan, "text": text, "tip_cents": tip_cents}
        return str(self._ask("POST", "inbound", order)["id"])

    def act(self, creator_id: str, fan: str, act: str, message: str | None = None) -> None:
        """Let a fan open or buy a message, or come online."""
        order = {"creator": creator_id, "fan": fan, "act": act, "message": message}
        self._ask("POST", "act", order)

    def push_to(self, creator_id: str, url: str | None, **how: object) -> None:
        """Push a creator's events to an address, or no more."""
        self._ask("POST", "webhooks", {"creator": creator_id, "url": url, **how})

    def pushes(self) -> dict[str, int]:
        """Return how many events are under way, taken and given up."""
        return dict(self._ask("GET", "webhooks"))

    def advance_clock(self, seconds: float) -> dict[str, int]:
        """Advance the clock; return how many acts of each kind the fans did."""
        acted: dict[str, int] = self._ask("POST", "clock", {"advance_seconds": seconds})["acted"]
        return acted

    def messages(self, creator_id: str | None = None, *, detail: bool = False) -> list[Any]:
        """Return the truth: every message that was accepted."""
        query = {"creator": creator_id, "detail": "true" if detail else None}
        return list(self._ask("GET", "messages", **query))

    def transactions(self, creator_id: str) -> list[Any]:
        """Return every movement of a creator's money."""
        return list(self._ask("GET", "transactions", creator=creator_id))

    def stats(self, creator_id: str) -> dict[str, Any]:
        """Return figures of what a creator did."""
        return dict(self._ask("GET", "stats", creator=creator_id))

    def is_up(self) -> bool:
        """Return whether the platform answers."""
        try:
            return self._http.get("/_sim/health").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _ask(self, method: str, path: str, body: object = None, **query: str | None) -> Any:  # noqa: ANN401
        given = {name: value for name, value in query.items() if value is not None}
        answer = self._http.request(method, f"/_sim/{path}", json=body, params=given)
        if answer.is_error:
            raise FanPlatformError(answer.text)
        return answer.json()


@contextmanager
def running_platform(data: Path, port: int, **options: object) -> Iterator[FanPlatform]:
    """Run a platform in a process of its own while the block lasts."""
    command = [sys.executable, "-m", "local.fan_platform", "--port", str(port), "--data", str(data)]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    process = subprocess.Popen(command, cwd=ROOT)
    platform = FanPlatform(f"http://127.0.0.1:{port}")
    try:
        end = time.monotonic() + START_SECONDS
        while not platform.is_up():
            if process.poll() is not None or time.monotonic() > end:
                raise FanPlatformError("The fan platform did not start.")
            time.sleep(0.05)
        yield platform
    finally:
        platform.close()
        process.terminate()
        process.wait()
