"""Shapes of content as the routes answer it."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel

from huntaze.domain.media import FileFacts, Media, MediaKind


class ContentFile(FileFacts):
    """An item's file, and where a browser gets it until ``expires_at``.

    ``thumbnail_url`` is null where no picture can be made: of videos and audios.
    """

    url: str
    thumbnail_url: str | None
    expires_at: datetime


class ContentItem(BaseModel):
    """An item of a creator's library; one without ``platform_media_id`` cannot be offered yet."""

    id: UUID
    creator_id: UUID
    kind: MediaKind
    title: str
    body: str | None
    tags: list[str]
    platform_media_id: str | None
    file: ContentFile | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, media: Media, file: ContentFile | None) -> Self:
        """An item with the addresses of its file."""
        return cls(**media.model_dump(exclude={"file"}), file=file)
