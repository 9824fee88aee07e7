"""What became of a campaign's messages: what they brought in, and which can be taken back.

A message that was sent again is the campaign's, too, though the copy is a row of its own.
"""

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from huntaze.db import Connection

_MESSAGES = """
WITH RECURSIVE messages AS (
  SELECT id, workspace_id, creator_id, fan_id, state, platform_message_id, unsent_at, evidence
    FROM sends WHERE campaign_id = %(campaign)s
   UNION ALL
  SELECT s.id, s.workspace_id, s.creator_id, s.fan_id, s.state, s.platform_message_id, s.unsent_at,
         s.evidence
    FROM messages m
    JOIN sends s ON s.workspace_id = m.workspace_id
     AND s.id = (m.evidence ->> 'sent_again_as')::uuid
   WHERE m.evidence ->> 'sent_again_as' IS NOT NULL
), payments AS (
  SELECT m.id, t.amount_cents, t.effective_cents AS net_cents,
         coalesce((SELECT sum(r.effective_cents) FROM transactions r
                    WHERE r.workspace_id = t.workspace_id AND r.creator_id = t.creator_id
                      AND r.reverses = t.transaction_id), 0) AS taken_cents
    FROM messages m
    JOIN transactions t ON t.workspace_id = m.workspace_id AND t.creator_id = m.creator_id
     AND t.fan_id = m.fan_id AND t.platform_message_id = m.platform_message_id
     AND t.type = 'message'
)
"""
_EARNED = """
SELECT count(DISTINCT id) AS bought,
       coalesce(sum(net_cents + taken_cents), 0)::bigint AS net_cents,
       -- Of a payment that was paid back in part, its share of what the fan paid is left.
       coalesce(sum(CASE WHEN net_cents = 0 THEN amount_cents
                         ELSE round(amount_cents * (net_cents + taken_cents) / net_cents) END),
                0)::bigint AS gross_cents
  FROM payments
"""
_TO_TAKE_BACK = """
SELECT id, EXISTS (SELECT FROM payments p WHERE p.id = m.id) AS paid FROM messages m
 WHERE state = 'sent' AND unsent_at IS NULL AND platform_message_id IS NOT NULL
"""


@dataclass(frozen=True)
class Earned:
    """What fans paid for messages, by the payments that name them.

    Args:
        bought: Messages that were paid for, whatever was paid back later.
        net_cents: What is left of it after fees and reversals.
        gross_cents: What is left of it after reversals.
    """

    bought: int
    net_cents: int
    gross_cents: int


@dataclass(frozen=True)
class ToTakeBack:
    """Sent messages that are not taken back yet.

    Args:
        send_ids: Those that may be.
        paid: How many may not: fans have paid for them.
    """

    send_ids: list[UUID]
    paid: int


def earned(connection: Connection, campaign_id: UUID) -> Earned:
    """Add up what a campaign's messages brought in."""
    with connection.cursor(row_factory=class_row(Earned)) as reading:
        (found,) = reading.execute(_MESSAGES + _EARNED, {"campaign": campaign_id}).fetchall()
    return found


def to_take_back(connection: Connection, campaign_id: UUID) -> ToTakeBack:
    """Find what of a campaign can still be taken back."""
    rows = connection.execute(_MESSAGES + _TO_TAKE_BACK, {"campaign": campaign_id}).fetchall()
    return ToTakeBack(
        send_ids=[send_id for send_id, paid in rows if not paid],
        paid=sum(paid for _, paid in rows),
    )
