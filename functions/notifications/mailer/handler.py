"""Sends the mails that the queue names; each row is sent by one process at a time."""

import secrets
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.notifications import service
from functions.notifications.gateway import Ses
from functions.notifications.mailer.settings import MailerSettings
from functions.notifications.models import QueuedMail
from functions.notifications.rendering import render
from functions.notifications.repository import PostgresMails
from huntaze.db import database
from huntaze.settings import load

logger = Logger(service="notifications", utc=True)


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
            mail_id = QueuedMail.model_validate_json(record["body"]).mail_id
            verdict = service.deliver(mail_id, office, now=datetime.now(UTC))
            logger.info("A mail was looked at.", mail_id=str(mail_id), verdict=verdict)
        except Exception:
            # The row keeps its lease: whether SES took the mail is not known, and a second one
            # does less harm than none.
            logger.exception("A mail was not sent.", message_id=record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
