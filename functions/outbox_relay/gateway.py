"""EventBridge."""

import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

from functions.outbox_relay.models import OutboxEvent
from functions.outbox_relay.service import BusUnreachableError
from huntaze import clients

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

# What EventBridge counts for the time of an entry.
_TIME_BYTES = 14

log = logging.getLogger(__name__)


class EventBus:
    """A bus of EventBridge.

    Args:
        name: The bus.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def size(self, event: OutboxEvent) -> int:
        """How many bytes of a batch the event takes."""
        entry = self._entry(event)
        texts = (entry["Source"], entry["DetailType"], entry["Detail"])
        return _TIME_BYTES + sum(len(text.encode()) for text in texts)

    def publish(self, batch: Sequence[OutboxEvent]) -> list[UUID]:
        """Send events; return the ids of those that were taken.

        Raises:
            BusUnreachableError: There is no answer.
        """
        try:
            answer = clients.events().put_events(Entries=[self._entry(event) for event in batch])
        except ClientError as error:
            # The request as a whole is not acceptable: too large, or no such bus.
            ids = [str(event.id) for event in batch]
            facts = {"events": ids, "why": error.response["Error"]["Code"]}
            log.exception("the bus refused a batch", extra=facts)
            return []
        except BotoCoreError as error:
            raise BusUnreachableError(str(error)) from error
        # The call succeeds even when entries fail; each has its own result, in order.
        taken = []
        for event, result in zip(batch, answer["Entries"], strict=True):
            if "ErrorCode" in result:
                facts = {"event": str(event.id), "why": result["ErrorCode"]}
                log.error("the bus refused an event", extra=facts)
            else:
                taken.append(event.id)
        return taken

    def _entry(self, event: OutboxEvent) -> "PutEventsRequestEntryTypeDef":
        detail = {
            "id": str(event.id),
            "workspace_id": str(event.workspace_id),
            "aggregate_type": event.aggregate_type,
            "aggregate_id": str(event.aggregate_id),
            "correlation_id": event.correlation_id and str(event.correlation_id),
            "created_at": event.created_at.isoformat(),
            "payload": event.payload,
        }
        entry: PutEventsRequestEntryTypeDef = {
            "EventBusName": self._name,
            "Source": f"huntaze.{event.aggregate_type}",
            "DetailType": event.event_type,
            "Detail": json.dumps(detail, separators=(",", ":")),
            "Time": event.created_at,
        }
        if event.trace is not None:
            entry["TraceHeader"] = event.trace
        return entry
