"""Runs every day: compares the value of every fan with what the transactions make it.

It changes no value. What is off is in ``money_drifts``, the figures are metrics with an alarm, and
a person decides what comes next (``docs/runbooks/money-drift.md``).
"""

import logging
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.money import service
from functions.money.repository import PostgresBooks
from huntaze import metrics
from huntaze.db import database
from huntaze.entry import entry
from huntaze.ids import new_id

# A page that has begun must be able to end, on a database that is busy too.
_RESERVE_MS = 60_000

log = logging.getLogger(__name__)


class CheckUnfinishedError(Exception):
    """The time was up before the last fan; the function's time or its page must grow."""


@entry
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Check every fan; fails when there was no time for all, so that an alarm can see it."""
    run_id = new_id()
    outcome = service.check(
        PostgresBooks(database()),
        run_id,
        has_time=lambda: context.get_remaining_time_in_millis() > _RESERVE_MS,
    )
    metrics.record(metrics.CHECKED_FANS, outcome.checked)
    metrics.record(metrics.DRIFTED_FANS, outcome.drifted)
    metrics.record(metrics.DRIFTED_CENTS, outcome.drifted_cents)
    figures = {"run_id": str(run_id), **outcome._asdict()}
    if outcome.drifted:
        log.error("values of fans are not what their transactions say", extra=figures)
    else:
        log.info("values of fans were checked", extra=figures)
    if not outcome.complete:
        raise CheckUnfinishedError(f"Only {outcome.checked:,} fans were checked.")
    return figures
