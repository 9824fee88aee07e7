"""Figures of members, computed from messages, the ledger and transactions when asked for."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from functions.conversations.figures.models import ChatterFigures, TeamFigures
from huntaze.db import Connection, Tenant
from huntaze.domain.conversations import NEWS
from huntaze.domain.creators import resolve_creator

# A tip is of the last person who has written to the fan, if that is no longer ago than this.
TIP_WINDOW = timedelta(hours=24)

# A member's own words, or those of a model that a member let go; not what went out by itself, or by
# a rule that somebody wrote long ago.
_BY_PERSON = """
  s.author_id IS NOT NULL
  AND (s.priority = 0 OR (s.priority = 1 AND s.written_by = 'ai' AND NOT s.by_itself))
"""

# Each answer with what the fan wrote since the answer before: a turn. Messages to many answer
# nobody, as in `huntaze.domain.conversations.storing`.
_REPLIES = """
  WITH said AS (
    SELECT m.conversation_id, m.sent_at, m.direction, m.send_id,
           count(*) FILTER (WHERE m.direction = 'out') OVER (
             PARTITION BY m.conversation_id ORDER BY m.sent_at, m.id
             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS turn
      FROM messages m
     WHERE m.creator_id = %(creator)s AND m.sent_at >= %(since)s - %(news)s
       AND m.unsent_at IS NULL AND NOT m.automatic
  ), turns AS (
    SELECT min(sent_at) FILTER (WHERE direction = 'in') AS asked_at,
           max(sent_at) FILTER (WHERE direction = 'out') AS answered_at,
           (array_agg(send_id) FILTER (WHERE direction = 'out'))[1] AS send_id
      FROM said GROUP BY conversation_id, turn
  ), waits AS (
    SELECT s.author_id, extract(epoch FROM t.answered_at - t.asked_at) AS seconds
      FROM turns t JOIN sends s ON s.id = t.send_id
     WHERE t.asked_at IS NOT NULL AND t.answered_at >= %(since)s
       AND {by_person}
  )
  SELECT author_id AS member_id, count(*) AS answers,
         percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median_reply_seconds,
         percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90_reply_seconds
    FROM waits GROUP BY author_id
""".replace("{by_person}", _BY_PERSON)

_SENT = """
  SELECT s.author_id AS member_id, count(*) AS messages,
         count(*) FILTER (WHERE m.price_cents > 0) AS ppvs,
         count(*) FILTER (WHERE m.price_cents > 0 AND m.paid_at IS NOT NULL) AS unlocked
    FROM messages m JOIN sends s ON s.id = m.send_id
   WHERE m.creator_id = %(creator)s AND m.sent_at >= %(since)s AND m.direction = 'out'
     AND m.unsent_at IS NULL AND {by_person}
   GROUP BY s.author_id
""".replace("{by_person}", _BY_PERSON)

# What takes a payment back takes it from whom the payment was counted for.
_SOLD = """
  WITH moved AS (
    SELECT t.effective_cents, p.type, p.platform_message_id, p.fan_id, p.created_at
      FROM transactions t
      JOIN transactions p ON p.creator_id = t.creator_id
       AND p.transaction_id = coalesce(t.reverses, t.transaction_id)
     WHERE t.creator_id = %(creator)s AND t.created_at >= %(since)s
       AND p.type IN ('message', 'tip')
  ), sold AS (
    SELECT v.effective_cents, v.type,
           CASE WHEN v.type = 'message' THEN (
             SELECT s.author_id FROM sends s
              WHERE s.creator_id = %(creator)s AND s.platform_message_id = v.platform_message_id
                AND s.fan_id = v.fan_id AND {by_person}
              LIMIT 1)
           ELSE (
             SELECT s.author_id FROM messages m JOIN sends s ON s.id = m.send_id
              WHERE m.fan_id = v.fan_id AND m.direction = 'out' AND m.unsent_at IS NULL
                AND m.sent_at <= v.created_at AND m.sent_at > v.created_at - %(tip_window)s
                AND {by_person}
              ORDER BY m.sent_at DESC, m.id DESC LIMIT 1) END AS author_id
      FROM moved v
  )
  SELECT author_id AS member_id,
         coalesce(sum(effective_cents) FILTER (WHERE type = 'message'), 0)::bigint AS ppv_cents,
         coalesce(sum(effective_cents) FILTER (WHERE type = 'tip'), 0)::bigint AS tip_cents
    FROM sold GROUP BY author_id
""".replace("{by_person}", _BY_PERSON)


class PostgresFigures:
    """The figures of one workspace, as far as the caller may see its creators."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def of_team(
        self, creator_id: UUID | None, *, since: datetime, only: UUID | None
    ) -> TeamFigures:
        """Read what members have answered and sold for a creator.

        Args:
            creator_id: For whom.
            since: From when on.
            only: The one member whose figures are shown; None shows everybody's.
        """
        with self._tenant.transaction() as connection:
            creator = resolve_creator(connection, creator_id)
            values = {
                "creator": creator,
                "since": since,
                "news": NEWS,
                "tip_window": TIP_WINDOW,
            }
            found: dict[UUID | None, dict[str, Any]] = {}
            for query in (_REPLIES, _SENT, _SOLD):
                for row in _rows(connection, query, values):
                    found.setdefault(row["member_id"], {}).update(row)
            (currency,) = connection.execute(
                "SELECT currency FROM creators WHERE id = %s", (creator,)
            ).fetchone() or ("",)
        nobodys = found.pop(None, {})
        items = [
            _figures(member, row)
            for member, row in sorted(found.items(), key=lambda pair: str(pair[0]))
            if member is not None and only in {None, member}
        ]
        left = nobodys.get("ppv_cents", 0) + nobodys.get("tip_cents", 0)
        return TeamFigures(
            creator_id=creator,
            since=since,
            currency=currency,
            items=items,
            unattributed_cents=left,
        )


def _rows(connection: Connection, query: str, values: dict[str, object]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), values).fetchall()


def _figures(member_id: UUID, row: dict[str, Any]) -> ChatterFigures:
    counts = {name: row.get(name, 0) for name in ("answers", "messages", "ppvs", "unlocked")}
    return ChatterFigures(
        member_id=member_id,
        **counts,
        median_reply_seconds=row.get("median_reply_seconds"),
        p90_reply_seconds=row.get("p90_reply_seconds"),
        golden_ratio=_share(counts["ppvs"], counts["messages"]),
        unlock_ratio=_share(counts["unlocked"], counts["ppvs"]),
        ppv_cents=row.get("ppv_cents", 0),
        tip_cents=row.get("tip_cents", 0),
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
