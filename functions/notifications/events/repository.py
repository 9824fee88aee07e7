"""Notifications in Postgres, made for every member of one workspace."""

from contextlib import AbstractContextManager
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.notifications.events.models import Detail, News, Notice, Subject
from huntaze import outbox
from huntaze.db import Connection, Tenant
from huntaze.domain import mails
from huntaze.domain.mails import Template
from huntaze.domain.notices.kinds import RULES, roles_beside, roles_for

_SUBJECTS: dict[str, LiteralString] = {
    "creator": "SELECT display_name AS about, id AS creator_id FROM creators WHERE id = %(id)s",
    "campaign": "SELECT name AS about, creator_id FROM campaigns WHERE id = %(id)s",
    "automation": "SELECT name AS about, creator_id FROM automations WHERE id = %(id)s",
    # Who looks after the fan, or everybody who may answer.
    "fan": "SELECT k.display_name AS about, f.creator_id, NULL::uuid AS left_out,"
    " f.assigned_to AS meant FROM fans f"
    " JOIN creators k ON k.workspace_id = f.workspace_id AND k.id = f.creator_id"
    " WHERE f.id = %(id)s AND f.erased_at IS NULL",
    "conversation": "SELECT k.display_name AS about, c.creator_id, NULL::uuid AS left_out,"
    " f.assigned_to AS meant FROM conversations c"
    " JOIN creators k ON k.workspace_id = c.workspace_id AND k.id = c.creator_id"
    " JOIN fans f ON f.workspace_id = c.workspace_id AND f.id = c.fan_id WHERE c.id = %(id)s",
    "import": "SELECT c.display_name AS about, i.creator_id FROM imports i"
    " JOIN creators c ON c.workspace_id = i.workspace_id AND c.id = i.creator_id"
    " WHERE i.id = %(id)s",
    # Whoever ordered it.
    "send": "SELECT k.display_name AS about, s.creator_id, NULL::uuid AS left_out,"
    " s.author_id AS meant FROM sends s"
    " JOIN creators k ON k.workspace_id = s.workspace_id AND k.id = s.creator_id"
    " WHERE s.id = %(id)s",
    "order": "SELECT k.display_name AS about, c.creator_id, NULL::uuid AS left_out,"
    " c.requested_by AS meant FROM creator_commands c"
    " JOIN creators k ON k.workspace_id = c.workspace_id AND k.id = c.creator_id"
    " WHERE c.id = %(id)s",
    # Whoever planned it.
    "content_schedule": "SELECT m.title AS about, s.creator_id, NULL::uuid AS left_out,"
    " s.created_by AS meant FROM content_schedule s"
    " JOIN media m ON m.workspace_id = s.workspace_id AND m.id = s.media_id"
    " WHERE s.id = %(id)s",
    "member": "SELECT name AS about, NULL::uuid AS creator_id, id AS left_out FROM users"
    " WHERE id = %(id)s",
    # Figures, which every language reads alike.
    "cost_alert": "SELECT threshold || ' %% (' || CASE period WHEN 'day' THEN starts_on::text"
    " ELSE to_char(starts_on, 'YYYY-MM') END || ')' AS about FROM ai_cost_alerts"
    " WHERE id = %(id)s",
    "workspace": "SELECT NULL::text AS about FROM workspaces WHERE id = %(id)s",
}
_ADD = """
  WITH wanting AS (
    SELECT m.user_id, m.role,
           coalesce((p.channels -> %(kind)s ->> 'in_app')::boolean, true) AS in_app,
           coalesce(p.emails, true)
             AND coalesce((p.channels -> %(kind)s ->> 'email')::boolean, %(mailed)s) AS mailed
      FROM members m
      LEFT JOIN notification_preferences p
        ON p.workspace_id = m.workspace_id AND p.user_id = m.user_id
     WHERE m.workspace_id = %(workspace_id)s AND m.role = ANY (%(roles)s)
       AND (%(creator_id)s::uuid IS NULL OR m.creator_scope IS NULL
            OR %(creator_id)s = ANY (m.creator_scope))
       AND (NOT %(whole)s OR m.creator_scope IS NULL)
       AND m.user_id IS DISTINCT FROM %(left_out)s::uuid
  ), chosen AS (
    SELECT w.* FROM wanting w
     WHERE (w.in_app OR w.mailed)
       AND (w.user_id = %(meant)s::uuid OR w.role = ANY (%(beside)s)
            -- Who may not see it any more, or wants to hear of none, is nobody to wait for.
            OR NOT EXISTS (SELECT FROM wanting o
                            WHERE o.user_id = %(meant)s::uuid AND (o.in_app OR o.mailed)))
  ), added AS (
    INSERT INTO notifications (workspace_id, user_id, event_id, kind, creator_id, target_kind,
                               target_id, about, facts, in_app, happened_at)
    SELECT %(workspace_id)s, user_id, %(event_id)s, %(kind)s, %(creator_id)s, %(target_kind)s,
           %(target_id)s, %(about)s, %(facts)s, in_app, %(happened_at)s
      FROM chosen
        -- In one order, so that two of the same event wait for each other and never in a circle.
     ORDER BY user_id
        ON CONFLICT (workspace_id, user_id, event_id) DO NOTHING
    RETURNING id, user_id, in_app
  )
  SELECT a.id, a.user_id, a.in_app, c.mailed FROM added a JOIN chosen c USING (user_id)
"""


class PostgresNotices:
    """The notifications of a workspace's members.

    Args:
        tenant: The workspace, with every member's rows.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        # To be queued once they are committed.
        self.mail_ids: list[UUID] = []

    def transaction(self) -> AbstractContextManager[Connection]:
        """Open the transaction that all calls share."""
        return self._tenant.transaction()

    def subject(self, event: Detail) -> Subject | None:
        """Look up what an event is about; None when it is gone."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Subject)) as cursor,
        ):
            return cursor.execute(
                _SUBJECTS[event.aggregate_type], {"id": event.aggregate_id}
            ).fetchone()

    def add(self, news: News) -> list[Notice]:
        """Add a notification for each member who may see it and wants it, and has none of it."""
        event, subject = news.event, news.subject
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Notice)) as cursor,
        ):
            return cursor.execute(
                _ADD,
                {
                    "workspace_id": self._tenant.workspace_id,
                    "event_id": event.id,
                    "kind": news.kind.value,
                    "mailed": RULES[news.kind].mailed,
                    "whole": RULES[news.kind].whole,
                    "roles": [role.value for role in roles_for(news.kind)],
                    "creator_id": subject.creator_id,
                    "left_out": subject.left_out,
                    "meant": subject.meant,
                    "beside": [role.value for role in roles_beside(news.kind)],
                    "target_kind": event.aggregate_type,
                    "target_id": event.aggregate_id,
                    "about": subject.about and subject.about[:200],
                    "facts": Jsonb(event.payload),
                    "happened_at": event.created_at,
                },
            ).fetchall()

    def mail(self, news: News, notice: Notice) -> None:
        """Store the mail of a notification."""
        with self._tenant.transaction() as connection:
            (workspace,) = connection.execute(
                "SELECT name FROM workspaces WHERE id = %s", (self._tenant.workspace_id,)
            ).fetchone() or ("",)
            mail_id = mails.add(
                connection,
                Template(news.kind.value),
                user_id=notice.user_id,
                parameters={"about": news.subject.about or "", "workspace": workspace},
            )
            connection.execute(
                "UPDATE notifications SET mail_id = %s WHERE workspace_id = %s AND id = %s",
                (mail_id, self._tenant.workspace_id, notice.id),
            )
        self.mail_ids.append(mail_id)

    def announce(self, news: News, notice: Notice) -> None:
        """Add the event of a notification to the outbox."""
        creator_id = news.subject.creator_id
        with self._tenant.transaction() as connection:
            outbox.add(
                connection,
                "notification.created",
                workspace_id=self._tenant.workspace_id,
                aggregate=("notification", notice.id),
                payload={
                    "user_id": str(notice.user_id),
                    "kind": news.kind.value,
                    "creator_id": creator_id and str(creator_id),
                },
            )
