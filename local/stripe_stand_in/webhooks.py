"""Delivery of events: signed, repeated until taken, and, if told so, doubled, mixed and late."""

import asyncio
import json
import random
from dataclasses import dataclass, field

import httpx
from stripe import WebhookSignature

from local.stripe_stand_in.objects import Json

# Seconds between tries; Stripe's are minutes and hours.
_PAUSES = (0.5, 1, 2, 4, 8, 15, 30, 60, 60, 60)
_AT_ONCE = 1


@dataclass
class Faults:
    """What goes wrong with deliveries.

    Args:
        copies: How often each event is delivered.
        shuffle_seconds: Each is held back for up to so long, so that they overtake each other.
    """

    copies: int = 1
    shuffle_seconds: float = 0


@dataclass
class Deliveries:
    """The one endpoint and what is on its way to it."""

    url: str | None = None
    secret: str = ""
    faults: Faults = field(default_factory=Faults)
    delivered: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        """Begin with nothing on its way."""
        self._on_their_way: set[asyncio.Task[None]] = set()
        self._http = httpx.AsyncClient(timeout=60)
        # Each at once would start a function's process of its own, all on one machine.
        self._turn = asyncio.Semaphore(_AT_ONCE)

    def send(self, event: Json) -> None:
        """Send an event on its way, if anybody listens."""
        if self.url is None:
            return
        for _ in range(self.faults.copies):
            hold = random.uniform(0, self.faults.shuffle_seconds)
            task = asyncio.create_task(self._deliver(event, hold))
            self._on_their_way.add(task)
            task.add_done_callback(self._on_their_way.discard)

    @property
    def waiting(self) -> int:
        """How many are on their way."""
        return len(self._on_their_way)

    async def close(self) -> None:
        """Give up."""
        for task in self._on_their_way:
            task.cancel()
        await self._http.aclose()

    async def _deliver(self, event: Json, hold: float) -> None:
        await asyncio.sleep(hold)
        for pause in (*_PAUSES, None):
            async with self._turn:
                taken = await self._taken(event)
            if taken:
                self.delivered += 1
                event["pending_webhooks"] = 0
                return
            if pause is not None:
                await asyncio.sleep(pause)
        self.failed += 1

    async def _taken(self, event: Json) -> bool:
        body = json.dumps(event, indent=2)
        # Signed anew for each try, as Stripe does: an old signature would be refused.
        signature = WebhookSignature.generate_signature_header(body, self.secret)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature,
            "User-Agent": "Stripe/1.0 (stand-in)",
        }
        try:
            answer = await self._http.post(self.url or "", content=body, headers=headers)
        except httpx.HTTPError:
            return False
        return answer.is_success
