"""The schedule in Postgres: the one writer of ``content_schedule``."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from functions.content.schedule.models import Entry, EntryDraft
from functions.content.schedule.service import EntryDueError, Range
from huntaze import outbox
from huntaze.db import Connection, Tenant
from huntaze.domain import media
from huntaze.domain.creators import resolve_creator
from huntaze.errors import ConflictError, NotFoundError

_SELECT = """
  SELECT s.id, s.creator_id, s.media_id, m.kind, m.title, s.at, s.local_at, s.time_zone, s.note,
         s.status, s.created_at, s.due_at
    FROM content_schedule s
    JOIN media m ON m.workspace_id = s.workspace_id AND m.id = s.media_id
"""


class EntryExistsError(ConflictError):
    """The item is in the calendar at that moment."""


class PostgresSchedule:
    """The schedules of one workspace, as far as the caller may see them."""

    def __init__(self, tenant: Tenant, caller: UUID | None = None) -> None:
        self._tenant = tenant
        self._caller = caller

    def add(self, draft: EntryDraft, at: datetime, entry_id: UUID) -> Entry:
        """Store an entry."""
        with self._tenant.transaction() as connection:
            item = media.lock_media(connection, draft.media_id)
            made = connection.execute(
                "INSERT INTO content_schedule (workspace_id, id, creator_id, media_id, local_at,"
                " time_zone, at, note, created_by)"
                " VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s, %s, %s, %s, %s,"
                " %s) ON CONFLICT DO NOTHING",
                (
                    *(entry_id, item.creator_id, item.id, draft.local_at, draft.time_zone, at),
                    *(draft.note, self._caller),
                ),
            )
            if made.rowcount == 0:
                raise EntryExistsError("This content is in the schedule at that moment already.")
            return _require(connection, entry_id)

    def between(self, creator_id: UUID | None, span: Range, most: int) -> list[Entry]:
        """Read the entries of a span, the earliest first."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Entry)) as reading,
        ):
            creator = resolve_creator(connection, creator_id)
            return reading.execute(
                _SELECT + " WHERE s.creator_id = %s AND s.at >= %s AND s.at < %s"
                " ORDER BY s.at, s.id LIMIT %s",
                (creator, span.start, span.end, most),
            ).fetchall()

    def remove(self, entry_id: UUID) -> None:
        """Take an entry out.

        Raises:
            NotFoundError: The caller has no such entry.
            EntryDueError: Its moment has come.
        """
        with self._tenant.transaction() as connection:
            removed = connection.execute(
                "DELETE FROM content_schedule WHERE id = %s AND status = 'scheduled'", (entry_id,)
            )
            if removed.rowcount == 0:
                _require(connection, entry_id)
                raise EntryDueError("The moment of this entry has come; it stays as history.")

    def tell_due(self, entry_id: UUID) -> bool:
        """Say that the moment of an entry has come, once; False if it has not, or was said."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "UPDATE content_schedule SET status = 'due', due_at = clock_timestamp()"
                " WHERE id = %s AND status = 'scheduled' AND at <= clock_timestamp()"
                " RETURNING creator_id, media_id, created_by",
                (entry_id,),
            ).fetchone()
            if row is None:
                return False
            creator_id, media_id, created_by = row
            outbox.add(
                connection,
                "content.due",
                workspace_id=self._tenant.workspace_id,
                aggregate=("content_schedule", entry_id),
                payload={
                    "creator_id": str(creator_id),
                    "media_id": str(media_id),
                    "created_by": created_by and str(created_by),
                },
            )
        return True


def _require(connection: Connection, entry_id: UUID) -> Entry:
    with connection.cursor(row_factory=class_row(Entry)) as reading:
        entry = reading.execute(_SELECT + " WHERE s.id = %s", (entry_id,)).fetchone()
    if entry is None:
        raise NotFoundError("There is no such entry in the schedules of this workspace.")
    return entry
