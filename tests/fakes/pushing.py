"""A creator's platform that pushes: its secret, a story as it tells it, the door and the queue."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from functions.platforms.events import handler as consumer
from functions.platforms.webhook import handler as door
from huntaze import signatures
from huntaze.domain import pushes
from tests.fakes.creator_desk import Desk

SECRET = "a-secret-of-more-than-thirty-two-signs"
OTHER = "another-secret-of-more-than-thirty-two"
# Young enough to be news.
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)
FAN = {"id": "7", "handle": "bob", "display_name": "Bob"}


def at(minutes: int) -> str:
    return (BEGAN + timedelta(minutes=minutes)).isoformat()


def event(kind: str, minutes: int, event_id: str | None = None, **data: Any) -> dict[str, Any]:
    """An event as a platform writes it."""
    return {
        "id": event_id or f"evt-{minutes}",
        "type": kind,
        "occurred_at": at(minutes),
        "data": {"fan": FAN, **data},
    }


def message(kind: str, message_id: str, sent: int, told: int, **data: Any) -> dict[str, Any]:
    facts = {"id": message_id, "direction": "in", "text": "hello", "sent_at": at(sent), **data}
    return event(f"message.{kind}", told, **facts)


# A story in its order; every moment is told in events that say how things are then.
ENDS = {"price_cents": 999, "expires_at": at(13)}
STORY = [
    event("subscription.created", 1, status="active", rebill_on=True, **ENDS),
    message("created", "m1", 2, 2),
    message("created", "m2", 3, 3, direction="out", text="look", price_cents=500, media=["v1"]),
    message("created", "m3", 4, 4, direction="out", text="oops"),
    event("message.deleted", 5, id="m3"),
    message(
        *("updated", "m2", 3, 6),
        direction="out",
        text="look",
        price_cents=500,
        media=["v1"],
        paid_at=at(6),
        opened_at=at(6),
    ),
    event(
        *("transaction.created", 7),
        id="t1",
        type="message",
        amount_cents=500,
        net_cents=400,
        created_at=at(6),
        message_id="m2",
    ),
    message("created", "m4", 8, 8, text="", tip_cents=700),
    event(
        *("transaction.created", 9),
        id="t2",
        type="tip",
        amount_cents=700,
        created_at=at(8),
    ),
    event("subscription.updated", 10, status="active", rebill_on=False, **ENDS),
    message("updated", "m1", 2, 11, text="hello you"),
    event(
        *("transaction.created", 12),
        id="t3",
        type="refund",
        amount_cents=-500,
        created_at=at(12),
        reverses="t1",
    ),
    event("subscription.expired", 13, status="expired", rebill_on=False, **ENDS),
    event("story.viewed", 14),
]


class Pushing:
    """One creator whose platform pushes, the door, and the queue."""

    def __init__(self, desk: Desk, queue: list[str], event: Any, context: Any) -> None:
        self.desk = desk
        self.queue = queue
        self._event = event
        self._context = context

    def set_secret(self, secret: str = SECRET) -> None:
        """Let events be signed with a secret."""
        sealed = pushes.seal_secret(self.desk.workspace_id, self.desk.creator_id, secret)
        with self.desk.app.transaction() as connection:
            pushes.keep_secret(connection, self.desk.creator_id, sealed, by=self.desk.user_id)

    def send(
        self,
        said: dict[str, Any] | None = None,
        *,
        secret: str = SECRET,
        body: str | None = None,
        ago: int = 0,
        header: str | None = None,
        platform: str = "fan_platform",
        creator_id: UUID | None = None,
        **changes: object,
    ) -> tuple[int, Any]:
        """Send an event to the door as a platform does."""
        text = json.dumps(said or STORY[1]) if body is None else body
        signed = signatures.sign(text.encode(), secret, at=int(time.time()) - ago)
        sent = self._event(
            "POST",
            f"/api/webhooks/platforms/{platform}",
            body=text,
            query={"connection": str(creator_id or self.desk.creator_id)},
            headers={"Webhook-Signature": signed if header is None else header},
        )
        answer = door.handler({**sent, **changes}, self._context)
        return answer["statusCode"], json.loads(answer["body"])

    def work(self) -> list[str]:
        """Let the consumer work on what is queued; answers what must come again."""
        records = [{"messageId": f"{n}", "body": body} for n, body in enumerate(self.queue)]
        self.queue.clear()
        answer = consumer.handler({"Records": records}, self._context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def journal(self) -> list[dict[str, Any]]:
        """What came in."""
        return self.desk.rows(
            "SELECT * FROM platform_events WHERE creator_id = %s ORDER BY received_at",
            self.desk.creator_id,
        )
