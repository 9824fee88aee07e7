"""An event as EventBridge puts it into the queue, and what members are told of it."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from huntaze.domain.notices.kinds import Kind


class Detail(BaseModel):
    """What the outbox says of an event."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    workspace_id: UUID
    aggregate_type: str
    aggregate_id: UUID
    correlation_id: UUID | None = None
    created_at: datetime
    payload: dict[str, Any]


class BusEvent(BaseModel):
    """An event of the bus."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(alias="detail-type")
    detail: Detail


class Subject(NamedTuple):
    """What a notification is about.

    Args:
        about: What people call it; None where the kind alone says it.
        creator_id: Whose it is; None is the whole workspace's.
        left_out: Who need not be told, having done it.
        meant: Whose it is to hear of; None: everybody's who may.
    """

    about: str | None
    creator_id: UUID | None = None
    left_out: UUID | None = None
    meant: UUID | None = None


class Notice(NamedTuple):
    """A notification that was just made."""

    id: UUID
    user_id: UUID
    in_app: bool
    mailed: bool


class News(NamedTuple):
    """What is told of an event."""

    kind: Kind
    event: Detail
    subject: Subject
