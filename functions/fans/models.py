"""Shapes of what the fans feature takes and answers."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, model_validator

from huntaze.domain.fans import Name
from huntaze.domain.fans.lists import FanIds

type ImportKind = Literal["fans", "transactions"]
type ImportFormat = Literal["csv", "jsonl"]


class ImportRequest(BaseModel):
    """A file to import, up to 5 MB.

    ``content`` is its text; ``content_base64`` its bytes, for a file that may not be UTF-8 and is
    to be told so line by line. Without ``format`` the first character decides.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    creator_id: UUID | None = None
    format: ImportFormat | None = None
    content: str | None = None
    content_base64: Base64Bytes | None = None

    @model_validator(mode="after")
    def _has_one_content(self) -> Self:
        if (self.content is None) == (self.content_base64 is None):
            raise ValueError("give content or content_base64, one of the two")
        return self

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return self.content.encode() if self.content is not None else self.content_base64 or b""


class RejectedRow(BaseModel):
    """A row that was left out: the line of the file where it starts, and why."""

    line: int
    reason: str


class ImportReport(BaseModel):
    """What an import did. ``rejected`` lists the first thousand of ``rows_rejected``."""

    id: UUID
    creator_id: UUID
    kind: ImportKind
    status: Literal["running", "completed", "failed"]
    rows_read: int
    rows_created: int
    rows_updated: int
    rows_unchanged: int
    rows_rejected: int
    rejected: list[RejectedRow]
    failure: str | None
    created_at: datetime
    finished_at: datetime | None


class ListDraft(BaseModel):
    """A list to make."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    creator_id: UUID | None = None
    name: Annotated[Name, Field(max_length=120)]


class Members(BaseModel):
    """Fans to put on a list or to take off it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fan_ids: FanIds
