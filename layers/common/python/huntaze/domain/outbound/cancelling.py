"""Direct messages that are called back before they were granted."""

from collections.abc import Sequence
from uuid import UUID

from huntaze.db import Connection


def cancel_direct(connection: Connection, send_ids: Sequence[UUID]) -> int:
    """Cancel what is still planned; what is being submitted may still arrive."""
    return connection.execute(
        "UPDATE sends SET state = 'cancelled', settled_at = clock_timestamp()"
        " WHERE id = ANY (%s) AND state = 'planned' AND campaign_id IS NULL",
        (list(send_ids),),
    ).rowcount
