"""Works on what platforms have pushed: a message of the queue names one event."""

import logging
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.platforms.events.models import Queued
from functions.platforms.events.repository import PostgresPushes
from huntaze import correlation, outbox
from huntaze.db import Tenant, database
from huntaze.entry import entry

log = logging.getLogger(__name__)


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Work on a batch; answer with the messages that must come again."""
    failures: list[dict[str, str]] = []
    done = 0
    for record in event["Records"]:
        try:
            done += _work_on(Queued.model_validate_json(record["body"]))
        except Exception as error:
            # One event's trouble must not hold the others; the queue brings it again, and after
            # the last time it is an operator's to look at. What it says is in no log.
            trouble = {"trouble": type(error).__name__}
            log.warning("a platform's event could not be worked on", extra=trouble)
            failures.append({"itemIdentifier": record["messageId"]})
    if done:
        outbox.nudge()
    return {"batchItemFailures": failures}


def _work_on(queued: Queued) -> bool:
    """Do what one event says; whether there was anything to do."""
    with correlation.within(None, workspace_id=queued.workspace_id, creator_id=queued.creator_id):
        store = PostgresPushes(Tenant(database(), queued.workspace_id))
        try:
            outcome = store.work_on(queued.creator_id, queued.event_id)
        except Exception:
            store.note_failure(queued.creator_id, queued.event_id)
            raise
        log.info("a platform's event was worked on", extra={"outcome": outcome and outcome.value})
    return outcome is not None
