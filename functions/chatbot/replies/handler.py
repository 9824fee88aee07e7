"""Works on what fans write, as the bus tells it; each minute what had to wait is queued again."""

import logging
import random
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext
from psycopg.rows import kwargs_row
from pydantic import TypeAdapter

from functions.chatbot import service
from functions.chatbot.delivery import note_delivery
from functions.chatbot.models import BusEvent, DueReply, Incoming, Outcome
from functions.chatbot.replies.settings import RepliesSettings
from functions.chatbot.repository import PostgresConversations
from huntaze import ai, correlation, outbox, queues
from huntaze.db import Tenant, database
from huntaze.entry import entry
from huntaze.settings import load

# Of a sweep; the next one goes on. About what ten at a time get done in a minute.
_MOST = 100
_ENDED = 200

# Of the ledger: a planned answer was left out, for something came before it.
_SETTLED = "message.settled"
# Of a fan: it says something else now.
_EDITED = "message.updated"

_BODY = TypeAdapter[BusEvent | DueReply](BusEvent | DueReply)

log = logging.getLogger(__name__)


class RepliesHeldError(Exception):
    """Some replies could not be seen to; the next sweep tries them again."""


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Work on a batch of the queue; without one, queue what is due."""
    if "Records" in event:
        return _work_on_batch(event["Records"])
    return _sweep()


def _work_on_batch(records: list[dict[str, Any]]) -> dict[str, Any]:
    failed = []
    for record in records:
        try:
            _hear(_BODY.validate_json(record["body"]))
        except Exception:
            # The others go on; this one comes again, and ends among the dead letters.
            log.exception("a message of a fan was not worked on")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _hear(told: BusEvent | DueReply) -> None:
    if isinstance(told, DueReply):
        with correlation.within(None, workspace_id=told.workspace_id):
            _work(told.workspace_id, told)
        return
    about = told.detail
    with correlation.within(
        about.correlation_id, workspace_id=about.workspace_id, event_id=about.id
    ):
        message = _meant(told)
        if message is not None:
            _work(about.workspace_id, message)


def _meant(told: BusEvent) -> Incoming | None:
    """The message that an event is about; None: nothing is to be done."""
    about = told.detail
    if told.type == _SETTLED:
        return _store(about.workspace_id).overtaken(about.aggregate_id)
    message_id = UUID(about.payload["message_id"])
    message = Incoming(conversation_id=about.aggregate_id, message_id=message_id)
    if told.type != _EDITED:
        return message
    anew = service.hear_edit(message, _store(about.workspace_id), at=about.created_at)
    outbox.nudge()
    return anew


def _store(workspace_id: UUID) -> PostgresConversations:
    return PostgresConversations(Tenant(database(), workspace_id))


def _work(workspace_id: UUID, message: Incoming) -> Outcome:
    store = _store(workspace_id)
    # Of a pause: nothing secret follows from it.
    chance = random.random()  # noqa: S311
    outcome = service.work(message, store, ai.writer, now=datetime.now(UTC), chance=chance)
    if outcome not in (Outcome.MOVED_ON, Outcome.OFF, Outcome.BUSY):
        outbox.nudge()
    log.info("a message of a fan was worked on", extra={"outcome": outcome.value})
    return outcome


def _sweep() -> dict[str, int]:
    with (
        database().connection() as connection,
        connection.cursor(row_factory=kwargs_row(DueReply)) as reading,
    ):
        due = reading.execute("SELECT * FROM reply_tasks_due(%s)", (_MOST,)).fetchall()
        ended = connection.execute("SELECT * FROM replies_settled(%s)", (_ENDED,)).fetchall()
    # Whatever is told of twice is leased by whoever comes first, or done.
    queued = queues.put(
        load(RepliesSettings).ai_processing_queue_url,
        (one.model_dump(mode="json") for one in due),
    )
    failed = sum(not _noted(workspace_id, draft_id) for workspace_id, draft_id in ended)
    failed += len(due) - queued
    counts = {"due": len(due), "queued": queued, "ended": len(ended)}
    if due or ended:
        log.info("messages that had waited were queued", extra=counts)
    if failed:
        raise RepliesHeldError(f"{failed} of {len(due) + len(ended)} replies were held up.")
    return counts


def _noted(workspace_id: UUID, draft_id: UUID) -> bool:
    with correlation.within(None, workspace_id=workspace_id):
        try:
            with Tenant(database(), workspace_id).transaction() as connection:
                note_delivery(connection, draft_id)
        except Exception:
            log.exception("the end of a reply was not written down")
            return False
    return True
