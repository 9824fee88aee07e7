"""The journal of a workspace in Postgres, and who of its members listens."""

from collections.abc import Collection, Sequence
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.realtime import cursors
from functions.realtime.models import START, Entry, News, Place, Stretch, Viewer
from huntaze.auth import Role
from huntaze.db import Connection, Tenant

# Deleted with each batch of events: more than come in.
_FORGOTTEN_AT_ONCE = 200

# Who holds the head is alone until the commit, so that statements after it see all that was added
# before. What concerns a creator or a member who is gone is nobody's to hear of.
_ADD: LiteralString = """
  WITH head AS (
    SELECT position FROM live_heads WHERE workspace_id = %(workspace)s
  ), told AS (
    SELECT n.*, row_number() OVER (ORDER BY n.number) AS step
      FROM jsonb_to_recordset(%(news)s) AS n
           (number integer, event_id uuid, type text, creator_id uuid, user_id uuid, data jsonb,
            occurred_at timestamptz)
     WHERE NOT EXISTS (SELECT FROM live_events e
                        WHERE e.workspace_id = %(workspace)s AND e.event_id = n.event_id)
       AND (n.creator_id IS NULL OR EXISTS (
             SELECT FROM creators c
              WHERE c.workspace_id = %(workspace)s AND c.id = n.creator_id))
       AND (n.user_id IS NULL OR EXISTS (
             SELECT FROM members m
              WHERE m.workspace_id = %(workspace)s AND m.user_id = n.user_id))
  )
  INSERT INTO live_events
         (workspace_id, position, event_id, type, creator_id, user_id, data, occurred_at)
  SELECT %(workspace)s, head.position + told.step, told.event_id, told.type, told.creator_id,
         told.user_id, told.data, told.occurred_at
    FROM told CROSS JOIN head
   ORDER BY told.step
  RETURNING position, event_id
"""


class PostgresJournal:
    """The journal of one workspace, as far as its transactions may see it.

    Args:
        tenant: The workspace.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def add(self, news: Sequence[News]) -> int:
        """Write events down that are not there yet; answer how many were not."""
        workspace = {"workspace": self._tenant.workspace_id}
        # A queue may bring the same event twice at once.
        news = list({one.event_id: one for one in news}.values())
        with self._tenant.transaction() as connection:
            if not self._hold_head(connection):
                return 0
            rows = [
                {"number": number, **one.model_dump(mode="json")}
                for number, one in enumerate(_campaigns_creators(connection, news))
            ]
            added = connection.execute(_ADD, {**workspace, "news": Jsonb(rows)}).fetchall()
            if added:
                position, event_id = max(added)
                connection.execute(
                    "UPDATE live_heads SET position = %(position)s, event_id = %(event_id)s"
                    " WHERE workspace_id = %(workspace)s",
                    {**workspace, "position": position, "event_id": event_id},
                )
        return len(added)

    def forget(self) -> None:
        """Delete some of what is older than a day, whoever's it is."""
        with self._tenant.transaction() as connection:
            connection.execute("SELECT forget_live_events(%s)", (_FORGOTTEN_AT_ONCE,))

    def head(self) -> Place:
        """The place where the journal ends now."""
        with self._tenant.transaction() as connection:
            return _head(connection, self._tenant.workspace_id)

    def read(self, after: int, most: int) -> Stretch:
        """Read on behind a position; what is left out is nothing that the caller may see."""
        with self._tenant.transaction() as connection:
            end = _head(connection, self._tenant.workspace_id)
            with connection.cursor(row_factory=class_row(Entry)) as cursor:
                entries = cursor.execute(
                    "SELECT workspace_id, position, event_id, type, creator_id, user_id, data,"
                    " occurred_at FROM live_events WHERE workspace_id = %s"
                    " AND position > %s AND position <= %s ORDER BY position LIMIT %s",
                    (self._tenant.workspace_id, after, end.position, most),
                ).fetchall()
        more = len(entries) == most and entries[-1].position < end.position
        return Stretch(entries, entries[-1].place if more else end, more, end.position)

    def require(self, place: Place) -> None:
        """Make sure that nothing after a place is forgotten; asked after that was read.

        Raises:
            CursorExpiredError: Something is, or may be.
        """
        with self._tenant.transaction() as connection:
            workspace_id = self._tenant.workspace_id
            if place == _head(connection, workspace_id):
                return
            # The oldest go first: while the place itself is there, so is all that follows.
            known = connection.execute(
                "SELECT FROM live_events WHERE workspace_id = %s AND position = %s"
                " AND (%s::uuid IS NULL OR event_id = %s)",
                (workspace_id, max(place.position, 1), place.event_id, place.event_id),
            ).fetchone()
        if known is None:
            raise cursors.expired()

    def viewers(self, sessions: Collection[UUID]) -> dict[UUID, Viewer]:
        """Who listens with these sessions, as they are members now; others have ended."""
        with self._tenant.transaction() as connection:
            rows = connection.execute(
                "SELECT session_id, user_id, role, creators FROM live_viewers(%s)",
                (list(sessions),),
            ).fetchall()
        return {
            session_id: Viewer(
                user_id, Role(role), None if creators is None else frozenset(creators)
            )
            for session_id, user_id, role, creators in rows
        }

    def _hold_head(self, connection: Connection) -> bool:
        """Hold the journal's end until the commit; False when the workspace is gone."""
        workspace_id = self._tenant.workspace_id
        held = "SELECT FROM live_heads WHERE workspace_id = %s FOR UPDATE"
        if connection.execute(held, (workspace_id,)).fetchone() is not None:
            return True
        connection.execute(
            "INSERT INTO live_heads (workspace_id) SELECT id FROM workspaces"
            " WHERE id = %s AND erased_at IS NULL ON CONFLICT DO NOTHING",
            (workspace_id,),
        )
        return connection.execute(held, (workspace_id,)).fetchone() is not None


def _head(connection: Connection, workspace_id: UUID) -> Place:
    row = connection.execute(
        "SELECT position, event_id FROM live_heads WHERE workspace_id = %s", (workspace_id,)
    ).fetchone()
    return Place(*row) if row else START


def _campaigns_creators(connection: Connection, news: Sequence[News]) -> list[News]:
    """Say whose campaigns these are where the event does not."""
    wanted = {
        one.data["campaign_id"]
        for one in news
        if one.creator_id is None and "campaign_id" in one.data
    }
    rows = connection.execute(
        "SELECT id::text, creator_id FROM campaigns WHERE id = ANY (%s::uuid[])", (list(wanted),)
    ).fetchall()
    creators: dict[str, UUID] = dict(rows)
    return [
        one.model_copy(update={"creator_id": creators[one.data["campaign_id"]]})
        if one.creator_id is None and one.data.get("campaign_id") in creators
        else one
        for one in news
    ]
