"""Use that is billed: recorded once under its source, told to Stripe by the billing feature."""

from enum import StrEnum
from uuid import UUID

from huntaze.db import Connection


class Meter(StrEnum):
    """What is billed by use; the names of Stripe's meters."""

    # Millionths of a US dollar, so that a call that costs a tenth of a cent is not lost.
    AI_COST = "huntaze_ai_cost_microusd"


def record_use(
    connection: Connection, workspace_id: UUID, meter: Meter, *, source_id: UUID, quantity: int
) -> bool:
    """Record a use in the caller's transaction.

    Args:
        connection: Inside the transaction that settles what the use has cost.
        workspace_id: Whose use it is.
        meter: What was used.
        source_id: What used it, e.g. the id of a call; the same source counts once.
        quantity: How much; nothing is recorded for zero.

    Returns:
        Whether it was new.
    """
    (is_new,) = connection.execute(
        "SELECT record_use(%s, %s, %s, %s)", (workspace_id, meter.value, source_id, quantity)
    ).fetchone() or (False,)
    return bool(is_new)
