"""Runs every minute: returns what dead calls had reserved, and stores what calls cost.

It also says which models are about to be taken away.
"""

import logging
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.assistant import service
from functions.assistant.gateway import DynamoCosts
from functions.assistant.repository import PostgresBooks
from functions.assistant.settings import CostsSettings
from huntaze import metrics
from huntaze.ai.catalogue import catalogue
from huntaze.ai.routing import chosen_models
from huntaze.db import database
from huntaze.entry import entry
from huntaze.settings import load

# A round that has begun must be able to end.
_RESERVE_MS = 15_000

log = logging.getLogger(__name__)


class CostRowsRefusedError(Exception):
    """The table did not take every row; they are put again in a minute."""


@entry
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Sweep; fails when rows were refused, so that an alarm can see it."""
    ending = service.models_near_end(catalogue(), chosen_models(), datetime.now(UTC).date())
    metrics.record(metrics.AI_MODELS_NEAR_END, len(ending))
    for hop in ending:
        log.warning("a model is about to end", extra={"circuit": hop.circuit})
    outcome = service.sweep(
        PostgresBooks(database()),
        DynamoCosts(load(CostsSettings).ai_costs_table),
        has_time=lambda: context.get_remaining_time_in_millis() > _RESERVE_MS,
    )
    metrics.record(metrics.AI_RESERVES_RETURNED, outcome.returned)
    counts = outcome._asdict()
    log.info("the books of models were swept", extra=counts)
    if outcome.refused:
        raise CostRowsRefusedError(f"{outcome.refused} cost rows were refused.")
    return counts
