"""What became of an item: who was offered it, what was sent and what it earned."""

from datetime import timedelta

from psycopg.rows import class_row

from huntaze.db import Connection
from huntaze.domain.media.models import Media, Usage

# A payment may be reported with a clock that is a little behind ours.
_CLOCKS_DIFFER = timedelta(minutes=5)

# Who was offered it finds the messages, so that nobody reads the ledger of the creator for them;
# only what waits, and what failed before any offer, is looked for there.
_USAGE = """
WITH offers AS (
  SELECT s.id, s.fan_id, s.state, s.price_cents, s.granted_at, s.platform_message_id,
         cardinality(s.media_ids) AS items, array_position(s.media_ids, %(media)s) AS place
    FROM media_grants g
    JOIN sends s ON s.workspace_id = g.workspace_id AND s.id = g.send_id
   WHERE g.media_id = %(media)s
), paid AS (
  SELECT DISTINCT ON (o.id) o.items, o.place, t.transaction_id, t.effective_cents
    FROM offers o
    JOIN transactions t ON t.fan_id = o.fan_id AND t.creator_id = %(creator)s
     AND t.type = 'message'
   WHERE t.platform_message_id = o.platform_message_id
      OR (t.platform_message_id IS NULL AND t.amount_cents = o.price_cents
          AND t.created_at >= o.granted_at - %(clocks)s
          AND o.price_cents > 0 AND o.state IN ('submitting', 'sent', 'unknown')
          AND NOT EXISTS (
            SELECT FROM sends later
             WHERE later.workspace_id = t.workspace_id AND later.fan_id = o.fan_id
               AND later.creator_id = %(creator)s AND later.price_cents = o.price_cents
               AND later.state IN ('submitting', 'sent', 'unknown')
               AND (later.granted_at, later.id) > (o.granted_at, o.id)
               AND later.granted_at - %(clocks)s <= t.created_at
               -- That one has its payment.
               AND NOT EXISTS (
                 SELECT FROM transactions named
                  WHERE named.fan_id = later.fan_id AND named.creator_id = %(creator)s
                    AND named.type = 'message'
                    AND named.platform_message_id = later.platform_message_id)))
   ORDER BY o.id, t.platform_message_id IS NULL, t.created_at, t.id
), earned AS (
  SELECT p.items, p.place, p.effective_cents + coalesce((
           SELECT sum(r.effective_cents) FROM transactions r
            WHERE r.creator_id = %(creator)s AND r.reverses = p.transaction_id), 0)::bigint AS cents
    FROM paid p
)
SELECT (SELECT count(*) FROM media_grants WHERE media_id = %(media)s) AS offered,
       (SELECT count(*) FROM offers WHERE state = 'sent') AS sent,
       (SELECT count(*) FROM sends WHERE creator_id = %(creator)s AND state = 'planned'
          AND %(media)s = ANY (media_ids)) AS planned,
       (SELECT count(*) FROM sends WHERE creator_id = %(creator)s AND state = 'not_sent'
          AND reason = 'media_missing' AND %(media)s = ANY (media_ids)) AS not_in_vault,
       (SELECT count(*) FROM paid) AS bought,
       -- Never below zero: a reversal takes back what its payment brought and no more.
       (SELECT coalesce(sum(cents / items + (place <= cents %% items)::int), 0)::bigint
          FROM earned) AS earned_cents,
       (SELECT currency FROM creators WHERE id = %(creator)s) AS currency
"""


def read_usage(connection: Connection, media: Media) -> Usage:
    """Read what became of an item."""
    values = {"media": media.id, "creator": media.creator_id, "clocks": _CLOCKS_DIFFER}
    with connection.cursor(row_factory=class_row(Usage)) as reading:
        rows = reading.execute(_USAGE, values)
        (usage,) = rows.fetchall()
    return usage
