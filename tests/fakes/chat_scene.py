"""A creator whose fans write, with the chatbot behind its doors."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from functions.chatbot.api import handler as door
from functions.chatbot.replies import handler as replies
from huntaze import clients
from huntaze.domain import conversations
from huntaze.domain.conversations import SeenMessage
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.chat_writer import ChatWriter
from tests.fakes.creator_desk import Desk

PATH = "/api/chatbot"


class ChatScene:
    """One creator's chats.

    Args:
        desk: The creator.
        ask: Asks a door.
        writer: Answers as a model.
    """

    def __init__(self, desk: Desk, ask: Callable[..., Answer], writer: ChatWriter) -> None:
        self.desk = desk
        self.writer = writer
        self._ask = ask
        self._at = datetime.now(UTC) - timedelta(hours=1)

    def ask(self, method: str, path: str, body: object = None, **who: Any) -> Answer:
        """Ask the door."""
        return self._ask(door, self.desk, method, PATH + path, body, **who)

    def activate(self, **how: Any) -> None:
        """Turn the chatbot on."""
        answer = self.ask("POST", "/activate", how)
        assert answer.status == 200, answer.body

    def configure(self, **config: Any) -> None:
        """Write how the assistant writes; ``auto_send`` lets replies go out by themselves."""
        auto = config.pop("auto_send", False)
        values = {"personality": "Dry", "disclosure": "Written with the help of AI.", **config}
        columns = ", ".join(values)
        marks = ", ".join(["%s"] * len(values))
        self.sql(
            f"INSERT INTO ai_configs (workspace_id, creator_id, response_style, updated_by,"
            f" auto_send_by, auto_send_at, {columns}) VALUES (%s, %s, 'friendly', %s, %s, %s,"
            f" {marks})",
            self.desk.workspace_id,
            self.desk.creator_id,
            self.desk.user_id,
            self.desk.user_id if auto else None,
            datetime.now(UTC) if auto else None,
            *values.values(),
        )

    def fan(self, **columns: Any) -> tuple[UUID, str]:
        """Add a fan; return who, and the platform's id."""
        platform_id = f"p-{new_id()}"
        return self.desk.fan(platform_id=platform_id, **columns), platform_id

    def pass_time(self, by: timedelta) -> None:
        """Let what is written from here on be later, or earlier."""
        self._at += by

    def wrote(self, platform_id: str, text: str, *, own: bool = False) -> dict[str, Any]:
        """Store a message as a sync finds it; return the event that the bus carries."""
        self._at += timedelta(seconds=1)
        seen = SeenMessage(f"m-{new_id()}", own=own, text=text, sent_at=self._at)
        with self.desk.worker.transaction() as connection:
            stored = conversations.store(connection, self.desk.creator_id, platform_id, [seen])
        assert stored is not None
        return self.event(
            "message.created",
            ("conversation", stored.conversation_id),
            message_id=str(stored.new[0]),
            direction="out" if own else "in",
        )

    def event(self, kind: str, aggregate: tuple[str, UUID], **payload: Any) -> dict[str, Any]:
        """An event as EventBridge puts it into a queue."""
        detail = {
            "id": str(new_id()),
            "workspace_id": str(self.desk.workspace_id),
            "aggregate_type": aggregate[0],
            "aggregate_id": str(aggregate[1]),
            "created_at": datetime.now(UTC).isoformat(),
            "payload": {"creator_id": str(self.desk.creator_id), **payload},
        }
        return {"detail-type": kind, "detail": detail}

    def hear(self, *events: dict[str, Any]) -> list[str]:
        """Give events to the function; return the places of those that failed."""
        records = [
            {"messageId": str(place), "body": json.dumps(event)}
            for place, event in enumerate(events)
        ]
        answer = replies.handler({"Records": records}, _context())
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def sweep(self) -> dict[str, int]:
        """Run the sweep, and work on what it has queued."""
        counts = replies.handler({}, _context())
        put = clients.sqs().send_message_batch
        bodies = [
            entry["MessageBody"]
            for call in put.call_args_list
            if call.kwargs["QueueUrl"] == os.environ["AI_PROCESSING_QUEUE_URL"]
            for entry in call.kwargs["Entries"]
        ]
        put.reset_mock()
        self.hear(*map(json.loads, bodies))
        return counts

    def drafts(self, **query: str) -> list[dict[str, Any]]:
        """The drafts, newest first."""
        answer = self.ask("GET", "/drafts", query=query or None)
        assert answer.status == 200, answer.body
        return list(answer.body["items"])

    def drafted(self, text: str = "Long day, finally home.") -> tuple[str, dict[str, Any]]:
        """Let a new fan write and the chatbot draft; return the platform's id and the draft."""
        _, platform_id = self.fan()
        assert self.hear(self.wrote(platform_id, text)) == []
        return platform_id, self.drafts()[0]

    def sends(self) -> list[dict[str, Any]]:
        """The ledger, oldest first."""
        return self.desk.rows("SELECT * FROM sends ORDER BY id")

    def hand_overs(self) -> list[dict[str, Any]]:
        """What is handed over, oldest first."""
        return self.desk.rows("SELECT * FROM chat_handovers ORDER BY id")

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the workspace's database."""
        with self.desk.app.transaction() as connection:
            found = connection.execute(statement.encode(), values)
            return found.fetchall() if found.description else []


def _context() -> Any:
    return SimpleNamespace(
        aws_request_id="00000000-0000-7000-8000-000000000000",
        get_remaining_time_in_millis=lambda: 100_000,
    )
