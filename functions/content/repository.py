"""Content in Postgres; the writing is the domain's."""

from uuid import UUID

from huntaze.db import Tenant
from huntaze.domain import audit, media
from huntaze.domain.creators import resolve_creator
from huntaze.domain.media import Media, MediaChanges, MediaDraft, MediaKind, Usage
from huntaze.http import Page


class PostgresContent:
    """The content of one workspace, as far as the caller may see it."""

    def __init__(self, tenant: Tenant, caller: UUID) -> None:
        self._tenant = tenant
        self._caller = caller

    def page(
        self,
        creator_id: UUID | None,
        *,
        kind: MediaKind | None,
        tag: str | None,
        search: str | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Media]:
        """Read a page of a creator's items."""
        with self._tenant.transaction() as connection:
            return media.read_media(
                connection,
                resolve_creator(connection, creator_id),
                kind=kind,
                tag=tag,
                search=search,
                limit=limit,
                cursor=cursor,
            )

    def get(self, media_id: UUID) -> Media:
        """Read one item."""
        with self._tenant.transaction() as connection:
            return media.require_media(connection, media_id)

    def usage(self, media_id: UUID) -> Usage:
        """Read what became of an item."""
        with self._tenant.transaction() as connection:
            return media.read_usage(connection, media.require_media(connection, media_id))

    def add(self, draft: MediaDraft) -> Media:
        """Store a text, or a reference to the vault."""
        with self._tenant.transaction() as connection:
            creator = resolve_creator(connection, draft.creator_id)
            return media.add_media(connection, creator, draft, by=self._caller)

    def change(self, media_id: UUID, changes: MediaChanges) -> Media:
        """Change an item."""
        with self._tenant.transaction() as connection:
            return media.change_media(connection, media_id, changes)

    def delete(self, media_id: UUID) -> None:
        """Take an item out of the library."""
        with self._tenant.transaction() as connection:
            media.delete_media(connection, media_id)
            audit.record(
                connection,
                "content.deleted",
                audit.Target("content", media_id),
                actor_id=self._caller,
            )
