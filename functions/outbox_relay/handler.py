"""Runs after a change (nudged) and every minute: publishes what waits, forgets what is over."""

import logging
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.outbox_relay import service
from functions.outbox_relay.gateway import EventBus
from functions.outbox_relay.repository import PostgresOutbox
from functions.outbox_relay.settings import RelaySettings
from huntaze import metrics
from huntaze.db import database
from huntaze.entry import entry
from huntaze.settings import load

# A round that has begun must be able to end.
_RESERVE_MS = 20_000
# Of a run: more than it publishes as a rule.
_FORGOTTEN_AT_ONCE = 500

log = logging.getLogger(__name__)


class EventsRefusedError(Exception):
    """The bus did not take every event; they are tried again in a minute."""


@entry
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Publish what waits; fails when something was refused, so that an alarm can see it."""
    outbox = PostgresOutbox(database())
    outcome = service.relay(
        outbox,
        EventBus(load(RelaySettings).event_bus_name),
        has_time=lambda: context.get_remaining_time_in_millis() > _RESERVE_MS,
    )
    counts = {**outcome._asdict(), "forgotten": outbox.forget_published(_FORGOTTEN_AT_ONCE)}
    metrics.record(metrics.OUTBOX_LAG, outbox.lag().total_seconds())
    log.info("the outbox was published", extra=counts)
    if outcome.refused:
        raise EventsRefusedError(f"{outcome.refused} events were refused; they stay in the outbox.")
    return counts
