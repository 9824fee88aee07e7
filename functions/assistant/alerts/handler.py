"""Runs every minute: finds the limits of which a part was crossed, and tells of each once."""

import logging
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.assistant.alerts import service
from functions.assistant.alerts.gateway import to_operators, to_slack
from functions.assistant.alerts.repository import PostgresAlerts
from huntaze import metrics, outbox
from huntaze.db import database
from huntaze.entry import entry

# A post that has begun must be able to end.
_RESERVE_MS = 15_000

log = logging.getLogger(__name__)


@entry
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Tell; what a channel does not take is tried again, or given up and seen in the alert."""
    outcome = service.tell(
        PostgresAlerts(database()),
        {"slack": to_slack, "sns": to_operators},
        has_time=lambda: context.get_remaining_time_in_millis() > _RESERVE_MS,
    )
    if outcome.raised:
        metrics.record(metrics.AI_BUDGET_ALERTS, outcome.raised)
        outbox.nudge()
    counts = outcome._asdict()
    log.info("budgets were looked at", extra=counts)
    return counts
