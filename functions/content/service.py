"""Rules of what leaves the library: addresses that end, and items without what is inside."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

from functions.content.models import ContentFile, ContentItem
from huntaze.domain.media import Media, StoredFile
from huntaze.http import Page

# An address is good for one hour at least and two at most: all that are made within an hour are the
# same, so that a browser keeps what it has.
_VALID = timedelta(hours=2)


class Addresses(Protocol):
    """How a browser gets at the objects of the bucket."""

    def sign(self, key: str, expires_at: datetime) -> str:
        """An address of an object that is good until ``expires_at``."""
        ...


def end_of_addresses(now: datetime) -> datetime:
    """When addresses that are made now end."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + _VALID


def shown(media: Media, addresses: Addresses, *, now: datetime) -> ContentItem:
    """An item as the caller sees it."""
    file = None
    if media.file is not None:
        file = _file(media.file, addresses, end_of_addresses(now))
    return ContentItem.of(media, file)


def shown_page(page: Page[Media], addresses: Addresses, *, now: datetime) -> Page[ContentItem]:
    """A page of items as the caller sees them."""
    items = [shown(media, addresses, now=now) for media in page.items]
    return Page(items=items, next_cursor=page.next_cursor)


def _file(file: StoredFile, addresses: Addresses, expires_at: datetime) -> ContentFile:
    thumbnail = file.objects.get("thumbnail")
    return ContentFile(
        **file.model_dump(exclude={"objects"}),
        url=addresses.sign(file.objects["original"], expires_at),
        thumbnail_url=thumbnail and addresses.sign(thumbnail, expires_at),
        expires_at=expires_at,
    )
