"""Works on what fans write, as the bus tells it, and each minute on what had to wait."""

import logging
import random
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.chatbot import service
from functions.chatbot.delivery import note_delivery
from functions.chatbot.models import BusEvent, Incoming, Outcome
from functions.chatbot.repository import PostgresConversations
from huntaze import ai, correlation, outbox
from huntaze.db import Tenant, database
from huntaze.entry import entry

# Of a sweep; the next one goes on.
_MOST = 50
_ENDED = 200
# Three questions to models, and the books.
_RESERVE_MS = 28_000

log = logging.getLogger(__name__)


class RepliesHeldError(Exception):
    """Some messages could not be worked on; the next sweep tries them again."""


@entry
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work on a batch of the queue; without one, on what is due."""
    if "Records" in event:
        return _work_on_batch(event["Records"])
    return _sweep(context)


def _work_on_batch(records: list[dict[str, Any]]) -> dict[str, Any]:
    failed = []
    for record in records:
        try:
            _hear(BusEvent.model_validate_json(record["body"]))
        except Exception:
            # The others go on; this one comes again, and ends among the dead letters.
            log.exception("a message of a fan was not worked on")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _hear(event: BusEvent) -> None:
    about = event.detail
    with correlation.within(
        about.correlation_id, workspace_id=about.workspace_id, event_id=about.id
    ):
        message_id = UUID(about.payload["message_id"])
        message = Incoming(conversation_id=about.aggregate_id, message_id=message_id)
        _work(about.workspace_id, message)


def _work(workspace_id: UUID, message: Incoming) -> Outcome:
    store = PostgresConversations(Tenant(database(), workspace_id))
    # Of a pause: nothing secret follows from it.
    chance = random.random()  # noqa: S311
    outcome = service.work(message, store, ai.writer, now=datetime.now(UTC), chance=chance)
    if outcome not in (Outcome.MOVED_ON, Outcome.OFF, Outcome.BUSY):
        outbox.nudge()
    log.info("a message of a fan was worked on", extra={"outcome": outcome.value})
    return outcome


def _sweep(context: LambdaContext) -> dict[str, int]:
    with database().connection() as connection:
        due = connection.execute("SELECT * FROM reply_tasks_due(%s)", (_MOST,)).fetchall()
        ended = connection.execute("SELECT * FROM replies_settled(%s)", (_ENDED,)).fetchall()
    failed = sum(not _noted(workspace_id, draft_id) for workspace_id, draft_id in ended)
    done = 0
    for workspace_id, conversation_id, message_id in due:
        if context.get_remaining_time_in_millis() < _RESERVE_MS:
            break
        message = Incoming(conversation_id=conversation_id, message_id=message_id)
        done += 1
        failed += not _swept(workspace_id, message)
    counts = {"due": len(due), "done": done, "failed": failed, "ended": len(ended)}
    if due or ended:
        log.info("messages that had waited were worked on", extra=counts)
    if failed:
        raise RepliesHeldError(f"{failed} of {done + len(ended)} messages were held up.")
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


def _swept(workspace_id: UUID, message: Incoming) -> bool:
    with correlation.within(None, workspace_id=workspace_id):
        try:
            _work(workspace_id, message)
        except Exception:
            log.exception("a message of a fan was not worked on")
            return False
    return True
