"""Runs every minute: queues again what may have been lost on the way, and forgets what is over."""

import logging
from datetime import timedelta
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.notifications.repository import PostgresMails
from functions.notifications.service import MOST_ATTEMPTS
from huntaze.db import database
from huntaze.domain.mails import enqueue
from huntaze.entry import entry

# A mail that is younger is on its way through the queue.
_PATIENCE = timedelta(minutes=1)
_MOST = 500

log = logging.getLogger(__name__)


@entry
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Queue lost mails; delete notifications, mails and proofs of logins that are over."""
    mails = PostgresMails(database())
    lost = mails.lost(_PATIENCE, MOST_ATTEMPTS, _MOST)
    counts = {"lost": len(lost), "queued": enqueue(lost) if lost else 0}
    log.info("mails were swept", extra=counts)
    if forgotten := mails.forget(_MOST):
        log.info("what is over was forgotten", extra={"rows": forgotten})
    return counts
