"""Webhooks: each thing that happens is signed and pushed, perhaps twice, late and out of order."""

import asyncio
import json
import logging
import random
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any

import httpx
from pydantic import BaseModel, ConfigDict, Field

from huntaze.signatures import sign
from local.fan_platform.money import Ledger
from local.fan_platform.records import Fan
from local.fan_platform.store import Store, iso, nobody

SIGNATURE = "Webhook-Signature"
# As platforms do: again after a while, and in the end no more.
TRIES = 5
FIRST_PAUSE = 0.5
ANSWER_SECONDS = 30

log = logging.getLogger(__name__)


class PushOrder(BaseModel):
    """Where a creator's events go; without an address, nowhere any more."""

    model_config = ConfigDict(extra="forbid")

    creator: str
    url: str | None
    secret: str = ""
    duplicates: Annotated[float, Field(ge=0, le=1)] = 0
    delay_seconds: float = Field(
        default=0, ge=0, le=600, description="each event waits so long at most, so order is lost"
    )
    at_once: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=100, description="so many calls at a time; others wait their turn"
    )
    seed: int = 1


class Pusher:
    """The events of all creators, on their way."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ledger = Ledger(store)
        self._orders: dict[str, PushOrder] = {}
        self._dice: dict[str, random.Random] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._http = httpx.AsyncClient(timeout=ANSWER_SECONDS)
        self.delivered = 0
        self.given_up = 0

    def set(self, order: PushOrder) -> None:
        """Push a creator's events from now on, or no more."""
        if order.url is None:
            self._orders.pop(order.creator, None)
        else:
            self._orders[order.creator] = order
            self._dice[order.creator] = random.Random(order.seed)
            self._turns[order.creator] = asyncio.Semaphore(order.at_once)
        self._store.announce = self._note if self._orders else nobody

    def figures(self) -> dict[str, int]:
        """Tell how many events are under way, taken, and given up."""
        return {
            "under_way": len(self._under_way),
            "delivered": self.delivered,
            "given_up": self.given_up,
        }

    async def close(self) -> None:
        """Leave what is under way."""
        for task in self._under_way:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._http.aclose()

    def _note(self, creator_id: str, kind: str, thing_id: str) -> None:
        order = self._orders.get(creator_id)
        facts = order and _FACTS[kind.partition(".")[0]](self, creator_id, thing_id)
        if not order or not facts:
            return
        event = {
            "id": f"evt_{secrets.token_hex(12)}",
            "type": kind,
            "occurred_at": iso(self._store.now()),
            "data": facts,
        }
        dice = self._dice[creator_id]
        for _ in range(2 if dice.random() < order.duplicates else 1):
            pause = dice.uniform(0, order.delay_seconds)
            task = asyncio.get_running_loop().create_task(self._push(order, event, pause))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _push(self, order: PushOrder, event: dict[str, Any], pause: float) -> None:
        body = json.dumps(event).encode()
        await asyncio.sleep(pause)
        for number in range(TRIES):
            async with self._turns[order.creator]:
                answer = await self._call(order, body)
            if answer is not None and answer.is_success:
                self.delivered += 1
                return
            await asyncio.sleep(FIRST_PAUSE * 2**number)
        self.given_up += 1
        log.warning("an event was given up")

    async def _call(self, order: PushOrder, body: bytes) -> httpx.Response | None:
        header = sign(body, order.secret, at=int(time.time()))
        headers = {SIGNATURE: header, "content-type": "application/json"}
        try:
            return await self._http.post(order.url or "", content=body, headers=headers)
        except httpx.HTTPError:
            return None

    def _message(self, creator_id: str, message_id: str) -> dict[str, Any] | None:
        message = self._store.message(creator_id, message_id)
        fan = self._store.fan(creator_id, message.fan_id) if message else None
        if message is None or fan is None:
            return None
        return {
            "id": message.id,
            "fan": _name(fan),
            "direction": message.direction,
            "text": message.displayed,
            "price_cents": message.price_cents,
            "media": list(message.media),
            "tip_cents": message.tip_cents,
            "sent_at": message.platform_at,
            "opened_at": message.opened_at,
            "paid_at": message.paid_at,
        }

    def _subscription(self, creator_id: str, fan_id: str) -> dict[str, Any] | None:
        fan = self._store.fan(creator_id, fan_id)
        if fan is None:
            return None
        names = ("status", "price_cents", "rebill_on", "subscribed_at", "expires_at")
        facts = {name: getattr(fan, name) for name in (*names, "last_seen_at")}
        return {"fan": _name(fan), **facts}

    def _transaction(self, creator_id: str, transaction_id: str) -> dict[str, Any] | None:
        row = self._ledger.transaction(transaction_id)
        fan = self._store.fan(creator_id, row.fan_id) if row else None
        if row is None or fan is None:
            return None
        names = (
            *("id", "type", "amount_cents", "fee_cents", "net_cents", "currency", "created_at"),
            *("message_id", "reverses", "description"),
        )
        return {"fan": _name(fan), **{name: getattr(row, name) for name in names}}


def _name(fan: Fan) -> dict[str, Any]:
    return {"id": fan.fan_id, "handle": fan.handle, "display_name": fan.display_name}


_FACTS: dict[str, Callable[[Pusher, str, str], dict[str, Any] | None]] = {
    "message": Pusher._message,
    "subscription": Pusher._subscription,
    "transaction": Pusher._transaction,
}
