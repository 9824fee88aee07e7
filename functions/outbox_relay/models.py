"""An event that waits in the outbox."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class OutboxEvent(BaseModel):
    """What changed, as it was written in the transaction of the change."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    workspace_id: UUID
    aggregate_type: str
    aggregate_id: UUID
    event_type: str
    payload: dict[str, Any]
    created_at: datetime
    # What caused it, and where that is in its trace.
    correlation_id: UUID | None = None
    trace: str | None = None
