"""Works on events of the product that members want to hear of."""

import logging
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.notifications.events import service
from functions.notifications.events.models import BusEvent
from functions.notifications.events.repository import PostgresNotices
from huntaze import correlation, outbox
from huntaze.db import EVERY_MEMBER, Tenant, database
from huntaze.domain.mails import send_soon
from huntaze.entry import entry

log = logging.getLogger(__name__)


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Work on a batch; answer with the messages that must come again."""
    failed = []
    told = 0
    for record in event["Records"]:
        try:
            told += _tell(BusEvent.model_validate_json(record["body"]))
        except Exception:
            log.exception("members were not told of an event")
            failed.append({"itemIdentifier": record["messageId"]})
    if told:
        outbox.nudge()
    return {"batchItemFailures": failed}


def _tell(event: BusEvent) -> int:
    about = event.detail
    with correlation.within(
        about.correlation_id, workspace_id=about.workspace_id, event_id=about.id
    ):
        tenant = Tenant(database(), about.workspace_id, member=EVERY_MEMBER)
        store = PostgresNotices(tenant)
        notices = service.tell(event, store)
        send_soon(store.mail_ids)
        counts = {"members": len(notices), "mails": len(store.mail_ids)}
        log.info("members were told of an event", extra=counts)
    return len(notices)
