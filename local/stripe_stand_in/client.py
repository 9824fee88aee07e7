"""``/_sim`` from the outside, and a stand-in of one's own to call it on."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 20


class StripeStandIn:
    """A running stand-in, as tests and the demo see it."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=self.url, timeout=30, headers={"Authorization": "Bearer sk_test"}
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def listen(self, url: str, secret: str) -> None:
        """Send events to an endpoint, signed with its secret."""
        self._order("endpoint", url=url, secret=secret)

    def set_faults(self, *, copies: int = 1, shuffle_seconds: float = 0) -> None:
        """Double, mix and delay deliveries."""
        self._order("faults", copies=copies, shuffle_seconds=shuffle_seconds)

    def advance(self, customer: str, *, days: float) -> None:
        """Let time pass for a customer."""
        self._order("advance", customer=customer, seconds=int(days * 86_400))

    def set_card(self, customer: str, *, good: bool) -> None:
        """Give a customer another card."""
        self._order("card", customer=customer, good=good)

    def refund(self, charge: str, amount: int | None = None) -> None:
        """Give money back."""
        self._order("refund", charge=charge, amount=amount)

    def dispute(self, charge: str) -> None:
        """Let a bank want a payment back."""
        self._order("dispute", charge=charge)

    def health(self) -> dict[str, Any]:
        """Return Stripe's time and what became of deliveries."""
        return dict(self._http.get("/_sim/health").raise_for_status().json())

    def meter_events(self) -> list[Any]:
        """Return the use that meters were told of, which Stripe's API does not list."""
        return list(self._http.get("/_sim/meter_events").raise_for_status().json())

    def listed(self, kind: str, **query: str) -> list[Any]:
        """Return objects of the API, newest first."""
        answer = self._http.get(f"/v1/{kind}", params={"limit": "100", **query})
        return list(answer.raise_for_status().json()["data"])

    def submit(self, url: str, **form: str) -> httpx.Response:
        """Press a button of a hosted page."""
        return self._http.post(url, data=form)

    def is_up(self) -> bool:
        """Return whether it answers."""
        try:
            return self._http.get("/_sim/health").is_success
        except httpx.TransportError:
            return False

    def _order(self, name: str, **order: object) -> None:
        self._http.post(f"/_sim/{name}", json=order).raise_for_status()


@contextmanager
def running_stand_in(data: Path, port: int) -> Iterator[StripeStandIn]:
    """Run a stand-in in a process of its own while the block lasts."""
    command = [sys.executable, "-m", "local.stripe_stand_in"]
    command += ["--port", str(port), "--data", str(data)]
    process = subprocess.Popen(command, cwd=ROOT)
    stand_in = StripeStandIn(f"http://127.0.0.1:{port}")
    try:
        end = time.monotonic() + START_SECONDS
        while not stand_in.is_up():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("The stand-in for Stripe did not start.")
            time.sleep(0.05)
        yield stand_in
    finally:
        stand_in.close()
        process.terminate()
        process.wait()
