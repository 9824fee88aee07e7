"""Shapes of an item of content: as made, as changed, as read."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

type MediaKind = Literal["text", "photo", "video", "audio"]
type FileKind = Literal["photo", "video", "audio"]

MAX_TAGS = 50

# Plain names: a `type` statement would make another schema of each in the OpenAPI document.
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Body = Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=r"\S")]
_Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


def _without_repeats(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


TagList = Annotated[list[_Tag], Field(max_length=MAX_TAGS), AfterValidator(_without_repeats)]


class MediaDraft(BaseModel):
    """An item to make: a text with its ``body``, or what lies in the vault on the platform.

    A file is uploaded instead, and becomes an item when it has been looked at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    creator_id: UUID | None = None
    kind: MediaKind
    title: ShortText
    body: Body | None = None
    platform_media_id: ShortText | None = None
    tags: TagList = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_a_text_or_in_the_vault(self) -> Self:
        is_text = self.kind == "text"
        if is_text != (self.body is not None):
            raise ValueError("a text needs a body, and nothing else has one")
        if is_text == (self.platform_media_id is not None):
            raise ValueError(
                "a photo, a video or an audio needs the platform_media_id that it has in the vault,"
                " and a text has none; files are uploaded: POST /api/content/uploads"
            )
        return self


class MediaChanges(BaseModel):
    """What to change of an item: fields left out stay, ``tags`` replaces all tags.

    ``platform_media_id`` says where in the vault the item is; null that it is not there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: ShortText | None = None
    body: Body | None = None
    platform_media_id: ShortText | None = None
    tags: TagList | None = None


class FileFacts(BaseModel):
    """What an item's file is, as its own bytes told.

    ``removed`` names what was taken out of it, ``location`` for instance.
    """

    content_type: str
    bytes: int
    width: int | None
    height: int | None
    duration_ms: int | None
    removed: list[str]


class StoredFile(FileFacts):
    """A file in the bucket: its objects by what each is, ``original`` and ``thumbnail``."""

    objects: dict[str, str]


class Media(BaseModel):
    """An item of a creator's library; one without ``platform_media_id`` cannot be offered yet."""

    id: UUID
    creator_id: UUID
    platform_media_id: str | None
    kind: MediaKind
    title: str
    body: str | None
    tags: list[str]
    file: StoredFile | None
    created_at: datetime
    updated_at: datetime


class Usage(BaseModel):
    """What became of an item's offers.

    A payment counts for the message that the platform names with it. Where it names none, it counts
    for the last message to the same fan, at the same price, that was on its way before it and that
    no payment names. Each message counts one payment, its first. What a payment
    brought, less what was refunded, is shared among the items of its message in equal parts, the
    cents left over going to its first items: so the items of all messages together earned what
    their messages did.
    """

    offered: int = Field(description="Fans who were offered it, or are about to be shown it.")
    sent: int = Field(description="Messages with it that are known to be sent.")
    planned: int = Field(description="Messages with it that wait to be sent.")
    not_in_vault: int = Field(
        description="Messages that were not sent because the vault on the platform did not hold"
        " one of their items."
    )
    bought: int = Field(description="Paid messages with it that were paid for.")
    earned_cents: int = Field(description="Its share of what these payments brought, net.")
    currency: str
