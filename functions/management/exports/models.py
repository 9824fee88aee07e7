"""Shapes of exports."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

type ExportState = Literal["running", "ready", "failed", "removed"]


class ExportRequest(BaseModel):
    """What to export."""

    model_config = ConfigDict(extra="forbid")

    fan_id: UUID | None = Field(None, description="One fan; left out, the whole workspace.")


class Export(BaseModel):
    """An export, and how far it is."""

    id: UUID
    # None is the whole workspace.
    fan_id: UUID | None
    state: ExportState
    requested_at: datetime
    finished_at: datetime | None
    # The files are gone then.
    expires_at: datetime | None
    files: int
    lines: int
    bytes: int


class ExportFile(BaseModel):
    """A part of an export: JSON lines, compressed with gzip."""

    name: str
    lines: int
    bytes: int
    sha256: str
    url: str = Field(description="Good for five minutes; ask for the list again for another.")


class Place(BaseModel):
    """Where the files that are stored end."""

    source: str
    # The key of the last line; None is before the first.
    after: list[str] | None
    # Of the last file.
    number: int


class WakeUp(BaseModel):
    """What a message of the queue says: an export that a run may work at."""

    workspace_id: UUID
    export_id: UUID
    # Of the request that it comes of.
    correlation_id: UUID | None = None
