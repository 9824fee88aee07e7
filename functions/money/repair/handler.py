"""Invoked by an operator alone, with a :class:`RepairOrder`: computes a creator's values anew."""

import logging
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.money.models import RepairOrder
from functions.money.repository import PostgresRepairs
from huntaze.db import Tenant, database
from huntaze.entry import entry

log = logging.getLogger(__name__)


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Repair one creator's values; answers how many were off."""
    order = RepairOrder.model_validate(event)
    repaired = PostgresRepairs(Tenant(database(), order.workspace_id)).repair(order)
    log.warning(
        "an operator had values computed anew",
        extra={"creator_id": str(order.creator_id), "by": order.by, "repaired": repaired},
    )
    return {"repaired": repaired}
