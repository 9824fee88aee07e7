"""What a campaign is planned from: whom it is for, what sold before, when these fans are about."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row

from functions.campaigns.hybrid.models import StoredWorkflow
from functions.campaigns.hybrid.repository import WorkflowRows
from functions.campaigns.hybrid.store import Part
from huntaze.ai.agents import Voice
from huntaze.domain import ai_configs
from huntaze.domain.audience import SegmentRules, compile_rules, make_room_for_sums
from huntaze.domain.audience.timing import LocalHour
from huntaze.errors import NotFoundError

_RECENT_CAMPAIGNS = 5

_EARLIER = """
  SELECT c.name, c.price_cents, s.sent, s.bought,
         round(100.0 * s.bought / nullif(s.sent, 0))::integer AS bought_percent
    FROM (SELECT * FROM campaigns
           WHERE workspace_id = %(workspace)s AND creator_id = %(creator)s
             AND status = 'completed' ORDER BY id DESC LIMIT %(most)s) c
    CROSS JOIN LATERAL (
      SELECT count(*) AS sent,
             count(*) FILTER (WHERE EXISTS (
               SELECT FROM media_grants g WHERE g.workspace_id = s.workspace_id
                  AND g.send_id = s.id AND g.state = 'bought')) AS bought
        FROM sends s
       WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id AND s.state = 'sent') s
   WHERE s.sent > 0 ORDER BY c.id DESC
"""

_EARNED = """
  SELECT t.type, count(*) AS payments, sum(t.effective_cents)::bigint AS net_cents, t.currency
    FROM transactions t
   WHERE t.workspace_id = %(workspace)s AND t.creator_id = %(creator)s
     AND t.created_at >= %(since)s AND t.reverses IS NULL
   GROUP BY t.type, t.currency ORDER BY t.type, t.currency
"""

# A fan counts once for each hour of their own day at which they were about, however often.
_ACTIVITY = """
  WITH meant AS (
    SELECT f.id, coalesce(f.time_zone, k.time_zone) AS zone, f.last_seen_at, f.last_inbound_at
      FROM fans f JOIN creators k ON k.workspace_id = f.workspace_id AND k.id = f.creator_id
     WHERE f.workspace_id = %(workspace)s AND f.creator_id = %(creator)s
       AND f.platform_id IS NOT NULL AND f.erased_at IS NULL AND ({rules})
  ), moments AS (
    SELECT id, zone, last_seen_at AS at FROM meant
    UNION ALL SELECT id, zone, last_inbound_at FROM meant
    UNION ALL
    SELECT m.id, m.zone, t.created_at FROM meant m
      JOIN transactions t ON t.workspace_id = %(workspace)s AND t.fan_id = m.id
     WHERE t.created_at >= %(since)s AND t.reverses IS NULL AND t.type <> 'subscription'
  )
  SELECT zone, extract(hour FROM at AT TIME ZONE zone)::integer AS hour, count(DISTINCT id) AS fans
    FROM moments WHERE at >= %(since)s GROUP BY zone, hour
"""


_COUNT = """
  SELECT count(*) FROM fans f
   WHERE f.workspace_id = %(workspace)s AND f.creator_id = %(creator)s
     AND f.platform_id IS NOT NULL AND f.erased_at IS NULL AND ({})
"""

# One field after the other; what is longer is no word that a model should repeat.
_WORDS = 20
_HAVE = """
  WITH words AS (
    SELECT 'tier' AS field, tier AS word, count(*) AS fans FROM fans
     WHERE workspace_id = %(workspace)s AND creator_id = %(creator)s GROUP BY tier
    UNION ALL
    SELECT 'language', language, count(*) FROM fans
     WHERE workspace_id = %(workspace)s AND creator_id = %(creator)s GROUP BY language
    UNION ALL
    SELECT 'tag', tag, count(*) FROM fan_tags
     WHERE workspace_id = %(workspace)s AND creator_id = %(creator)s GROUP BY tag
  ), ranked AS (
    SELECT field, word, row_number() OVER (PARTITION BY field ORDER BY fans DESC, word) AS place
      FROM words WHERE word <> '' AND length(word) <= 60
  )
  SELECT field, word FROM ranked WHERE place <= %(most)s ORDER BY field, place
"""


class PostgresWorkflows(WorkflowRows):
    """Workflows, and the figures that their steps work with."""

    def voice(self, creator_id: UUID) -> Voice:
        """How the creator sounds."""
        with self.transaction() as connection:
            return ai_configs.voice_of(connection, creator_id)

    def figures(self, creator_id: UUID, since: datetime) -> dict[str, Any]:
        """How earlier campaigns did, and what the creator has earned since."""
        values = {
            "workspace": self._tenant.workspace_id,
            "creator": creator_id,
            "since": since,
            "most": _RECENT_CAMPAIGNS,
        }
        with (
            self.transaction() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            campaigns = cursor.execute(_EARLIER, values).fetchall()
            earned = cursor.execute(_EARNED, values).fetchall()
        return {"campaigns": campaigns, "earned": earned}

    def audience(self, workflow: StoredWorkflow) -> tuple[list[Part], int]:
        """The segments with the fans that each means now, and how many those are together.

        Without a segment it is every fan.
        """
        segments, anybody, values = self._rules(workflow)
        parts: list[Part] = []
        before: sql.Composable = sql.SQL("false")
        for rules, condition in segments:
            only = sql.SQL("({}) AND NOT ({})").format(condition, before)
            parts.append(Part(rules, self._count(only, values)))
            before = sql.SQL("{} OR {}").format(before, condition)
        return parts, self._count(anybody, values)

    def words(self, creator_id: UUID) -> Mapping[str, list[str]]:
        """What fans of the creator have, by field: what most of them have comes first."""
        values = {"workspace": self._tenant.workspace_id, "creator": creator_id, "most": _WORDS}
        with self.transaction() as connection:
            rows = connection.execute(_HAVE, values).fetchall()
        found: dict[str, list[str]] = {"tier": [], "language": [], "tag": []}
        for field, word in rows:
            found[field].append(word)
        return found

    def count(self, creator_id: UUID, rules: SegmentRules) -> int:
        """How many fans rules mean now."""
        condition, values = compile_rules(rules)
        whose = {"workspace": self._tenant.workspace_id, "creator": creator_id}
        return self._count(condition, {**values, **whose})

    def _count(self, condition: sql.Composable, values: Mapping[str, object]) -> int:
        with self.transaction() as connection:
            make_room_for_sums(connection)
            row = connection.execute(sql.SQL(_COUNT).format(condition), values).fetchone()
        return 0 if row is None else row[0]

    def activity(self, workflow: StoredWorkflow, since: datetime) -> Mapping[LocalHour, int]:
        """Fans who were about at each hour of their own day."""
        _, rules, values = self._rules(workflow)
        with self.transaction() as connection:
            make_room_for_sums(connection)
            rows = connection.execute(
                sql.SQL(_ACTIVITY).format(rules=rules), {**values, "since": since}
            ).fetchall()
        return {LocalHour(zone, hour): fans for zone, hour, fans in rows}

    def messages_per_minute(self, creator_id: UUID) -> int:
        """How fast the creator's lane is."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT messages_per_minute FROM creator_lanes WHERE creator_id = %s",
                (creator_id,),
            ).fetchone()
        return 10 if row is None else row[0]

    def _rules(
        self, workflow: StoredWorkflow
    ) -> tuple[list[tuple[dict[str, Any], sql.Composable]], sql.Composable, dict[str, Any]]:
        """The segments, the condition of being in any of them, and the values of all."""
        values: dict[str, Any] = {
            "workspace": workflow.workspace_id,
            "creator": workflow.creator_id,
        }
        found: list[tuple[dict[str, Any], sql.Composable]] = []
        for number, segment_id in enumerate(workflow.request.segments):
            stored = self._stored(workflow, segment_id)
            condition, parameters = compile_rules(
                SegmentRules.model_validate(stored), name=f"segment{number}"
            )
            values |= parameters
            found.append((stored, condition))
        anybody: sql.Composable = sql.SQL("true")
        if found:
            anybody = sql.SQL(" OR ").join(condition for _, condition in found)
        return found, anybody, values

    def _stored(self, workflow: StoredWorkflow, segment_id: UUID) -> dict[str, Any]:
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT rules FROM segments WHERE workspace_id = %s AND id = %s",
                (workflow.workspace_id, segment_id),
            ).fetchone()
        if row is None:
            raise NotFoundError("The segment is gone.")
        rules: dict[str, Any] = row[0]
        return rules
