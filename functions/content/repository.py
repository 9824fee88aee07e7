"""Content in Postgres; the writing is the domain's."""

from uuid import UUID

from huntaze.db import Tenant
from huntaze.domain import media
from huntaze.domain.creators import resolve_creator
from huntaze.domain.media import Media, MediaDraft, MediaKind
from huntaze.http import Page


class PostgresContent:
    """The content of one workspace, as far as the caller may see it."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def page(
        self,
        creator_id: UUID | None,
        kind: MediaKind | None,
        *,
        limit: int,
        cursor: str | None,
    ) -> Page[Media]:
        """Read a page of a creator's media."""
        with self._tenant.transaction() as connection:
            creator = resolve_creator(connection, creator_id)
            return media.read_media(connection, creator, kind=kind, limit=limit, cursor=cursor)

    def get(self, media_id: UUID) -> Media:
        """Read one item."""
        with self._tenant.transaction() as connection:
            return media.require_media(connection, media_id)

    def add(self, draft: MediaDraft) -> Media:
        """Store a reference to an item."""
        with self._tenant.transaction() as connection:
            creator = resolve_creator(connection, draft.creator_id)
            return media.add_media(connection, creator, draft)

    def delete(self, media_id: UUID) -> None:
        """Delete a reference."""
        with self._tenant.transaction() as connection:
            media.delete_media(connection, media_id)
