"""Where a conversation stands, read from all of its messages each time.

An answer counts as far as its author can have seen: what the fan wrote before it, and, of one that
was ordered here, what was stored by then. So the order in which messages are stored changes
nothing, but whether a fan's message came before or after the order does.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row

from huntaze.db import Connection

# Older messages are history: they open nothing, are nobody's to read, and nobody is told of them.
NEWS = timedelta(days=7)

# What a person, or the chatbot for them, has written, and up to when they can have seen what it
# answers: until they ordered it here; of what was written on the platform itself, everything.
_ANSWERS: LiteralString = """
  WITH answers AS MATERIALIZED (
    SELECT o.sent_at, coalesce(max(ordered.at), 'infinity') AS seen_until
      FROM messages o
      LEFT JOIN LATERAL (
        SELECT s.created_at AS at FROM sends s
         WHERE s.workspace_id = o.workspace_id AND s.creator_id = o.creator_id AND s.id = o.send_id
         UNION ALL
        -- Told of by the platform before it is settled.
        SELECT s.created_at FROM sends s
         WHERE o.send_id IS NULL AND s.state = 'submitting' AND s.granted_at <= o.created_at
           AND s.workspace_id = o.workspace_id AND s.creator_id = o.creator_id
           AND s.fan_id = o.fan_id
           AND btrim(regexp_replace(normalize(s.text), '[[:space:]]+', ' ', 'g'))
             = btrim(regexp_replace(normalize(o.text), '[[:space:]]+', ' ', 'g'))) ordered ON true
     WHERE o.workspace_id = %(workspace)s AND o.conversation_id = %(conversation)s
       AND o.direction = 'out' AND NOT o.automatic AND o.unsent_at IS NULL
       AND o.sent_at >= clock_timestamp() - %(news)s
     GROUP BY o.id, o.sent_at
     -- The newest one answers most, as a rule: whoever asks looks no further.
     ORDER BY o.sent_at DESC)
"""
_ANSWERED: LiteralString = """
  EXISTS (SELECT FROM answers a WHERE a.sent_at >= m.sent_at AND a.seen_until >= m.created_at)
"""

# Who is answered first: an hour for each doubling of what the fan is worth, from ten units of money
# on; half a day at most, so that nobody waits for ever.
_ANSWER_FROM: LiteralString = """
  x.waiting_since - interval '1 hour'
    * least(12, ln(1 + greatest(f.value_cents, 0) / 1000.0) / ln(2))
"""

_READ: LiteralString = """
  {answers}
  UPDATE messages m SET read_at = clock_timestamp()
   WHERE m.workspace_id = %(workspace)s AND m.conversation_id = %(conversation)s
     AND m.direction = 'in' AND m.read_at IS NULL
     AND (m.sent_at < clock_timestamp() - %(news)s OR {answered})
""".replace("{answers}", _ANSWERS).replace("{answered}", _ANSWERED)

_STAND: LiteralString = (
    """
  {answers}, facts AS (
    SELECT (SELECT n.id FROM messages n
             WHERE n.workspace_id = %(workspace)s AND n.conversation_id = %(conversation)s
             ORDER BY n.sent_at DESC, n.id DESC LIMIT 1) AS last_message_id,
           max(m.sent_at) AS last_message_at,
           max(m.sent_at) FILTER (WHERE m.direction = 'in') AS last_inbound_at,
           max(m.sent_at) FILTER (WHERE m.direction = 'out') AS last_outbound_at,
           count(*) FILTER (WHERE m.direction = 'in' AND m.read_at IS NULL) AS unread,
           min(m.sent_at) FILTER (
             WHERE m.direction = 'in' AND m.unsent_at IS NULL
               AND m.sent_at >= clock_timestamp() - %(news)s AND NOT {answered}) AS waiting_since
      FROM messages m
     WHERE m.workspace_id = %(workspace)s AND m.conversation_id = %(conversation)s
  )
  UPDATE conversations c
     SET last_message_id = x.last_message_id, last_message_at = x.last_message_at,
         last_inbound_at = x.last_inbound_at, last_outbound_at = x.last_outbound_at,
         unread = x.unread, waiting_since = x.waiting_since,
         answer_from = {answer_from},
         state = n.state,
         snoozed_until = CASE WHEN n.state = 'snoozed' THEN c.snoozed_until END,
         -- A hidden one is done; whatever opens it shows it.
         hidden_at = CASE WHEN n.state = 'done' THEN c.hidden_at END,
         updated_at = clock_timestamp()
    FROM facts x, fans f, LATERAL (
      SELECT CASE
        WHEN x.waiting_since IS NOT NULL
          AND (%(asked)s OR (%(taken_back)s AND c_state.waiting_since IS NULL)) THEN 'open'
        -- What we write ends no snooze; what is learnt of what we wrote ends a wait at most.
        WHEN x.waiting_since IS NULL AND c_state.state NOT IN ('done', 'snoozed')
          AND %(answered)s AND (%(spoken)s OR c_state.waiting_since IS NOT NULL) THEN 'waiting'
        ELSE c_state.state END AS state
        FROM conversations c_state
       WHERE c_state.workspace_id = %(workspace)s AND c_state.id = %(conversation)s) n
   WHERE c.workspace_id = %(workspace)s AND c.id = %(conversation)s
     AND f.workspace_id = c.workspace_id AND f.id = c.fan_id
  RETURNING c.waiting_since, c.last_inbound_at, clock_timestamp() - %(news)s AS news_from
""".replace("{answers}", _ANSWERS)
    .replace("{answered}", _ANSWERED)
    .replace("{answer_from}", _ANSWER_FROM)
)

# In one order, as others take many of them, too; what has begun to wait since is seen by now.
_REVALUE: LiteralString = """
  UPDATE conversations c SET answer_from = {answer_from}
    FROM (SELECT d.workspace_id, d.id, d.fan_id, d.waiting_since FROM conversations d
           WHERE d.creator_id = %(creator)s AND d.fan_id = ANY (%(fans)s)
             AND d.waiting_since IS NOT NULL
           ORDER BY d.fan_id FOR NO KEY UPDATE) x
    JOIN fans f ON f.workspace_id = x.workspace_id AND f.id = x.fan_id
   WHERE c.workspace_id = x.workspace_id AND c.id = x.id
""".replace("{answer_from}", _ANSWER_FROM)

# Forward only: what arrives late never overwrites what is newer.
_MOVE_FAN = """
  UPDATE fans f SET last_inbound_at = greatest(f.last_inbound_at, c.last_inbound_at),
                    last_outbound_at = greatest(f.last_outbound_at, c.last_outbound_at)
    FROM conversations c
   WHERE f.workspace_id = %(workspace)s AND f.id = %(fan)s
     AND c.workspace_id = %(workspace)s AND c.id = %(conversation)s
     AND (c.last_inbound_at > coalesce(f.last_inbound_at, '-infinity')
          OR c.last_outbound_at > coalesce(f.last_outbound_at, '-infinity'))
"""


def note_answered(connection: Connection, conversation: dict[str, Any]) -> None:
    """Mark as read what somebody has answered.

    Args:
        connection: Inside a transaction that holds the fan and the conversation.
        conversation: ``workspace`` and ``conversation`` by name.
    """
    connection.execute(_READ, {**conversation, "news": NEWS})


def stand(
    connection: Connection,
    conversation: dict[str, Any],
    *,
    asked: bool = False,
    answered: bool = False,
    spoken: bool = False,
    taken_back: bool = False,
) -> dict[str, Any]:
    """Bring a conversation to where its messages say that it stands.

    Args:
        connection: Inside a transaction that holds the fan and the conversation.
        conversation: ``workspace`` and ``conversation`` by name.
        asked: The fan has written something new.
        answered: Something new is known of what a person wrote.
        spoken: A person has written something new.
        taken_back: Something that a person wrote is there no more.

    Returns:
        Since when the fan waits, when they wrote last, and from when on messages are news.
    """
    told = {"asked": asked, "answered": answered, "spoken": spoken, "taken_back": taken_back}
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_STAND, {**conversation, **told, "news": NEWS}).fetchone()
    if row is None:
        raise LookupError("a conversation is gone while its fan is locked")
    return row


def revalue(connection: Connection, creator_id: UUID, fans: Collection[UUID]) -> None:
    """Put fans who wait where their value by now puts them.

    Args:
        connection: Inside the transaction that has changed the values, and so holds the fans.
        creator_id: Whose fans they are.
        fans: Whose value has changed.
    """
    if fans:
        connection.execute(_REVALUE, {"creator": creator_id, "fans": list(fans)})


def move_fan(connection: Connection, conversation: dict[str, Any]) -> None:
    """Note on the fan when each side wrote last.

    Args:
        connection: Inside a transaction that holds the fan and the conversation.
        conversation: ``workspace``, ``fan`` and ``conversation`` by name.
    """
    connection.execute(_MOVE_FAN, conversation)
