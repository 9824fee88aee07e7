"""Every few minutes: plans and trials that end, use to report, looks, events that were lost."""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.billing import service
from functions.billing.gateway import StripeBooks, StripeDesk
from functions.billing.repository import PostgresAccounts, PostgresEvents
from functions.billing.sweep.models import Restored
from functions.billing.sweep.repository import (
    PostgresEndings,
    PostgresForgotten,
    PostgresUsage,
)
from functions.billing.sweep.service import end, report, take_back
from functions.billing.sweep.settings import SweepSettings
from huntaze import clients, outbox
from huntaze.db import database
from huntaze.domain.billing.plans import catalogue
from huntaze.entry import entry
from huntaze.ids import new_id
from huntaze.settings import load

# The queue tries five times, three minutes apart, before it gives up.
_LOST_AFTER = timedelta(minutes=20)

log = logging.getLogger(__name__)


class WorkFailedError(Exception):
    """Something that was due could not be done; an alarm should see it."""


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Do what is due, or what an operator orders; one workspace's trouble holds no other's."""
    if "action" in event:
        moment = Restored.model_validate(event).moment
        return take_back(moment, StripeBooks(), PostgresForgotten(database()))
    now = datetime.now(UTC)
    events = PostgresEvents(database())
    # First: nothing that is slow today holds up what Stripe told.
    lost = events.waiting(now - _LOST_AFTER)
    for event_id in lost:
        clients.sqs().send_message(
            QueueUrl=load(SweepSettings).webhooks_queue_url,
            MessageBody=json.dumps({"event_id": event_id}),
        )
    done = failed = 0
    for workspace_id, due in events.due():
        try:
            _settle(workspace_id, due, now)
            done += 1
        except Exception:
            facts = {"workspace_id": str(workspace_id), "due": due}
            log.exception("billing work failed", extra=facts)
            failed += 1
    if done:
        outbox.nudge()
    log.info("swept", extra={"done": done, "failed": failed, "queued_again": len(lost)})
    if failed:
        raise WorkFailedError(f"{failed} pieces of work failed; the next sweep tries them again.")
    return {"done": done, "queued_again": len(lost)}


def _settle(workspace_id: UUID, due: str, now: datetime) -> None:
    accounts = PostgresAccounts(database())
    match due:
        case "plan":
            service.settle(workspace_id, accounts, plans=catalogue(), now=now)
        case "trial":
            service.announce_trial_end(workspace_id, accounts, plans=catalogue(), now=now)
        case "look":
            books = StripeBooks()
            service.look_again(workspace_id, accounts, books, plans=catalogue(), now=now)
        case "end":
            end(workspace_id, accounts, PostgresEndings(database()), StripeBooks())
        case _:
            report(workspace_id, PostgresUsage(database(), new_id=new_id), StripeDesk())
