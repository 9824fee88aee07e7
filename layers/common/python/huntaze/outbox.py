"""Events that leave with the transaction that they tell of, or not at all."""

import json
import logging
from typing import Any
from uuid import UUID

from huntaze import clients
from huntaze.db import Connection, once_committed
from huntaze.settings import Settings, load

log = logging.getLogger(__name__)


class RelaySettings(Settings):
    """Which function publishes the outbox."""

    outbox_relay_function: str


def add(
    connection: Connection,
    event_type: str,
    *,
    workspace_id: UUID,
    aggregate: tuple[str, UUID],
    payload: dict[str, Any],
) -> None:
    """Store an event in the caller's transaction; it carries the id of the work in hand.

    Args:
        connection: Inside the transaction of the change.
        event_type: As consumers know it, e.g. ``campaign.approved``.
        workspace_id: Whose event it is.
        aggregate: Kind and id of what changed.
        payload: Ids and facts; never a message's text or a fan's name.
    """
    kind, aggregate_id = aggregate
    connection.execute(
        "INSERT INTO events_outbox"
        " (workspace_id, aggregate_type, aggregate_id, event_type, payload)"
        " VALUES (%s, %s, %s, %s, %s)",
        (workspace_id, kind, aggregate_id, event_type, json.dumps(payload)),
    )


def nudge() -> None:
    """Ask the relay to publish now; the sweep of each minute would find the events anyway."""
    once_committed(_nudge)


def _nudge() -> None:
    try:
        clients.functions().invoke(
            FunctionName=load(RelaySettings).outbox_relay_function, InvocationType="Event"
        )
    except Exception:
        # The change is committed: failing now would tell the caller that it is not.
        log.warning("the relay was not nudged", exc_info=True)
