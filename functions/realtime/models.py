"""Events as they come from the bus, stand in the journal and go to clients; and who listens."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from huntaze.auth import Role


class Detail(BaseModel):
    """What the outbox says of an event."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    workspace_id: UUID
    aggregate_type: str
    aggregate_id: UUID
    created_at: datetime
    payload: dict[str, Any]


class BusEvent(BaseModel):
    """An event of the bus."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(alias="detail-type")
    detail: Detail


class News(BaseModel):
    """An event for the journal: ids, and who it is for.

    Args:
        event_id: Of the outbox, or made of what it tells: one event has one id.
        type: As clients know it.
        creator_id: Whose it is; None is no single creator's.
        user_id: The one member it is for; None is everybody who may see it.
        data: Ids by name.
        occurred_at: When it happened.
    """

    model_config = ConfigDict(frozen=True)

    event_id: UUID
    type: str
    creator_id: UUID | None
    user_id: UUID | None
    data: dict[str, str]
    occurred_at: datetime


class Place(NamedTuple):
    """A place in a workspace's journal: a position, and the event there, by which it is known."""

    position: int
    event_id: UUID | None


START = Place(0, None)


class Entry(BaseModel):
    """An event in the journal."""

    model_config = ConfigDict(frozen=True)

    workspace_id: UUID
    position: int
    event_id: UUID
    type: str
    creator_id: UUID | None
    user_id: UUID | None
    data: dict[str, str]
    occurred_at: datetime

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.position, self.event_id)


class Stretch(NamedTuple):
    """A part of the journal: what stands in it, and the place where it ends."""

    entries: list[Entry]
    end: Place
    # Whether the journal went on behind it when it was read.
    more: bool
    # The position where the whole journal ended then.
    head: int


class Viewer(NamedTuple):
    """A member who listens, as they are a member now."""

    user_id: UUID
    role: Role
    # None is every creator of the workspace.
    creators: frozenset[UUID] | None


class LiveEvent(BaseModel):
    """Something that has happened; what the ids name is read by the routes of each."""

    cursor: str = Field(description="Resume from here to get everything after this event.")
    type: str = Field(description="What happened, e.g. `message.created`.")
    occurred_at: datetime
    workspace_id: UUID
    creator_id: UUID | None = Field(description="Null is what concerns no single creator.")
    data: dict[str, str] = Field(description="Ids by name, e.g. `conversation_id`.")


class Ticket(NamedTuple):
    """What lets one connection in, once."""

    workspace_id: UUID
    session_id: UUID
    user_id: UUID
    # The page that asked for it; None is a program.
    origin: str | None
    expires_at: datetime


class Listener(NamedTuple):
    """An open connection that has said from where it listens."""

    workspace_id: UUID
    connection_id: str
    session_id: UUID
    # Everything up to there has been sent, or is not for this member.
    position: int
