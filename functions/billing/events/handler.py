"""Works on the events that the webhook took in: a message of the queue names one."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.billing import service
from functions.billing.gateway import StripeBooks
from functions.billing.repository import PostgresAccounts, PostgresEvents
from huntaze import outbox
from huntaze.db import database
from huntaze.domain.billing.plans import catalogue
from huntaze.entry import entry

log = logging.getLogger(__name__)


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Work on a batch; answer with the messages that must come again."""
    failures: list[dict[str, str]] = []
    applied = False
    for record in event["Records"]:
        try:
            event_id = json.loads(record["body"])["event_id"]
            outcome = service.consume(
                event_id,
                PostgresEvents(database()),
                PostgresAccounts(database()),
                StripeBooks(),
                plans=catalogue(),
                now=datetime.now(UTC),
            )
            applied = applied or outcome is service.Outcome.APPLIED
            facts = {"event_id": event_id, "outcome": outcome.value}
            log.info("stripe event worked on", extra=facts)
        except Exception:
            # One event's trouble must not hold the others; the queue brings it again.
            log.exception("a stripe event could not be worked on")
            failures.append({"itemIdentifier": record["messageId"]})
    if applied:
        outbox.nudge()
    return {"batchItemFailures": failures}
