"""Sends the mails that the queue names; each row is sent by one process at a time."""

import logging
import secrets
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.notifications import service
from functions.notifications.gateway import Ses
from functions.notifications.mailer.settings import MailerSettings
from functions.notifications.models import QueuedMail
from functions.notifications.rendering import render
from functions.notifications.repository import PostgresMails
from huntaze import correlation, metrics
from huntaze.db import database
from huntaze.entry import entry
from huntaze.settings import load

log = logging.getLogger(__name__)


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Send each mail of a batch; tell the queue which of them to bring again."""
    settings = load(MailerSettings)
    store = PostgresMails(database())
    office = service.Office(
        store=store,
        post=Ses(settings.mail_sender, settings.mail_configuration_set),
        render=render,
        app_url=settings.app_url,
        new_token=lambda: secrets.token_urlsafe(32),
    )
    failed = []
    for record in event["Records"]:
        try:
            queued = QueuedMail.model_validate_json(record["body"])
            with correlation.within(queued.correlation_id, mail_id=queued.mail_id):
                verdict = service.deliver(queued.mail_id, office, now=datetime.now(UTC))
                log.info("a mail was looked at", extra={"verdict": verdict})
                if verdict is service.Verdict.SUPPRESSED:
                    metrics.record(metrics.MAIL_OUTCOMES, 1, outcome=verdict.value)
        except Exception:
            # The row keeps its lease: whether SES took the mail is not known, and a second one
            # does less harm than none.
            log.exception("a mail was not sent", extra={"message_id": record["messageId"]})
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
