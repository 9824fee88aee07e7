"""Works on what SES tells of mails, as its topic puts it into the queue."""

import logging
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.notifications.outcomes import service
from functions.notifications.outcomes.models import SesEvent
from functions.notifications.outcomes.repository import PostgresOutcomes
from huntaze import metrics
from huntaze.db import database
from huntaze.entry import entry

# What SES writes once to a topic that it is told to write to.
_GREETING = "Successfully validated SNS topic"

log = logging.getLogger(__name__)


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Work on a batch; answer with the messages that must come again."""
    store = PostgresOutcomes(database())
    failed = []
    for record in event["Records"]:
        if record["body"].startswith(_GREETING):
            continue
        try:
            told = SesEvent.model_validate_json(record["body"])
            outcome = service.settle(told, store)
            if outcome is not None:
                facts = {"mail_id": str(outcome.mail_id), "outcome": outcome.fate.value}
                log.info("the outcome of a mail is known", extra={**facts, "ends": outcome.ends})
                metrics.record(metrics.MAIL_OUTCOMES, 1, outcome=outcome.fate.value)
        except Exception:
            log.exception("the outcome of a mail was not understood")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
