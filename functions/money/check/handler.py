"""Runs every day: compares the value of every fan with what the transactions make it.

It changes no value. What is off is in ``money_drifts``, the figures are metrics with an alarm, and
a person decides what comes next (``docs/runbooks/money-drift.md``).
"""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.money import service
from functions.money.repository import PostgresBooks
from huntaze.db import database
from huntaze.ids import new_id

NAMESPACE = "Huntaze/Money"
# A page that has begun must be able to end, on a database that is busy too.
_RESERVE_MS = 60_000


class CheckUnfinishedError(Exception):
    """The time was up before the last fan; the function's time or its page must grow."""


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Check every fan; fails when there was no time for all, so that an alarm can see it."""
    run_id = new_id()
    outcome = service.check(
        PostgresBooks(database()),
        run_id,
        has_time=lambda: context.get_remaining_time_in_millis() > _RESERVE_MS,
    )
    metrics = EphemeralMetrics(namespace=NAMESPACE, service="money")
    metrics.add_metric(name="CheckedFans", unit=MetricUnit.Count, value=outcome.checked)
    metrics.add_metric(name="DriftedFans", unit=MetricUnit.Count, value=outcome.drifted)
    metrics.add_metric(name="DriftedCents", unit=MetricUnit.Count, value=outcome.drifted_cents)
    metrics.flush_metrics()
    figures = {"run_id": str(run_id), **outcome._asdict()}
    log = Logger(service="money", utc=True)
    if outcome.drifted:
        log.error("Values of fans are not what their transactions say.", extra=figures)
    else:
        log.info("Values of fans were checked.", extra=figures)
    if not outcome.complete:
        raise CheckUnfinishedError(f"Only {outcome.checked:,} fans were checked.")
    return figures
