"""Messages as they come in: from a sync, a platform's own push, or a send that was just settled.

In any order and however often: a message is known by the platform's id, what is known of it only
grows, and where its conversation stands is read from all of its messages (``standing``). Whoever
stores locks the fan first, then the conversation.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row

from huntaze import outbox
from huntaze.db import Connection
from huntaze.domain.conversations import standing
from huntaze.domain.conversations.models import SeenMessage, Stored
from huntaze.domain.fans.stop_words import is_stop_word
from huntaze.domain.fans.suppressions import tell_of_opt_out

# So much the platform's clock may be ahead of ours.
MOST_AHEAD = timedelta(days=1)
# What the table holds at most.
_LONGEST_TEXT = 20_000

_FAN = """
  SELECT workspace_id, id FROM fans
   WHERE creator_id = %(creator)s AND platform_id = %(platform_id)s AND erased_at IS NULL
     FOR NO KEY UPDATE
"""

_OPEN = """
  INSERT INTO conversations AS c (workspace_id, creator_id, fan_id) VALUES (%s, %s, %s)
  ON CONFLICT (workspace_id, creator_id, fan_id) DO UPDATE SET updated_at = clock_timestamp()
  RETURNING c.id, clock_timestamp()
"""

_STORE = """
  INSERT INTO messages AS m (workspace_id, creator_id, conversation_id, fan_id,
    platform_message_id, direction, text, price_cents, paid_at, tip_cents, media, sent_at,
    send_id, automatic, unsent_at)
  SELECT %(workspace)s, %(creator)s, %(conversation)s, %(fan)s, %(id)s, %(direction)s,
         coalesce(s.text, %(text)s), %(price_cents)s,
         -- A payment may be known before its message is.
         coalesce((SELECT min(t.created_at) FROM transactions t
                    WHERE t.workspace_id = %(workspace)s AND t.creator_id = %(creator)s
                      AND t.platform_message_id = %(id)s AND t.fan_id = %(fan)s
                      AND t.type = 'message' AND %(direction)s = 'out' AND %(price_cents)s > 0),
                  CASE WHEN %(paid)s THEN clock_timestamp() END), %(tip_cents)s, %(media)s,
         coalesce(%(sent_at)s, granted.sent_at, greatest(clock_timestamp(), (
           -- What the platform has not dated comes after what is there, though its clock be ahead.
           SELECT c.last_message_at + interval '1 millisecond' FROM conversations c
            WHERE c.workspace_id = %(workspace)s AND c.id = %(conversation)s))),
         s.id, coalesce(s.priority >= 2, %(direction)s = 'out' AND EXISTS (
           -- Of ours, and told of by the platform before it is settled: it answers nobody.
           SELECT FROM sends f
            WHERE f.workspace_id = %(workspace)s AND f.fan_id = %(fan)s
              AND f.state IN ('submitting', 'unknown') AND f.priority >= 2
              AND btrim(regexp_replace(normalize(f.text), '[[:space:]]+', ' ', 'g')) = %(words)s)),
         CASE WHEN %(unsent)s THEN clock_timestamp() ELSE s.unsent_at END
    FROM (VALUES (1)) one
    LEFT JOIN sends s ON s.workspace_id = %(workspace)s AND s.creator_id = %(creator)s
     AND s.platform_message_id = %(id)s AND s.fan_id = %(fan)s AND %(direction)s = 'out'
    -- Of ours, and settled before the platform has dated it: what the fan wrote after it was let go
    -- may be later, however long the settlement took, and is answered by nothing.
    LEFT JOIN LATERAL (
      SELECT greatest(s.granted_at, max(b.sent_at) + interval '1 millisecond') AS sent_at
        FROM messages b
       WHERE b.workspace_id = %(workspace)s AND b.conversation_id = %(conversation)s
         AND b.created_at <= s.granted_at) granted ON s.granted_at IS NOT NULL
  ON CONFLICT (workspace_id, creator_id, platform_message_id) DO UPDATE
    SET paid_at = coalesce(m.paid_at, excluded.paid_at),
        tip_cents = greatest(m.tip_cents, excluded.tip_cents),
        unsent_at = coalesce(m.unsent_at, excluded.unsent_at),
        sent_at = CASE WHEN %(moves)s THEN excluded.sent_at ELSE m.sent_at END,
        send_id = coalesce(m.send_id, excluded.send_id),
        automatic = CASE WHEN excluded.send_id IS NULL THEN m.automatic OR excluded.automatic
                         ELSE excluded.automatic END
  -- What says nothing new writes nothing.
  WHERE m.fan_id = excluded.fan_id AND m.direction = excluded.direction
    AND ((m.paid_at IS NULL AND excluded.paid_at IS NOT NULL)
      OR m.tip_cents < excluded.tip_cents
      OR (m.unsent_at IS NULL AND excluded.unsent_at IS NOT NULL)
      OR (m.send_id IS NULL AND excluded.send_id IS NOT NULL)
      OR (%(moves)s AND m.sent_at <> excluded.sent_at))
  RETURNING m.id, m.sent_at, m.automatic, m.xmax = 0 AS is_new
"""

# The fans before anything else, as everybody does who stores.
_HOLD_FANS: LiteralString = """
  SELECT FROM fans f
   WHERE f.id IN (SELECT m.fan_id FROM messages m WHERE m.unsent_at IS NULL AND {})
   ORDER BY f.id FOR NO KEY UPDATE
"""

_TAKE_BACK: LiteralString = """
  UPDATE messages m SET unsent_at = clock_timestamp() WHERE m.unsent_at IS NULL AND {}
  RETURNING m.workspace_id, m.conversation_id, m.direction = 'out' AND NOT m.automatic
"""

_SUPPRESS = """
  INSERT INTO suppressions (workspace_id, creator_id, platform_key, reason)
  SELECT workspace_id, creator_id, platform_key, 'stop_word' FROM fans
   WHERE workspace_id = %(workspace)s AND id = %(fan)s AND platform_key IS NOT NULL
  ON CONFLICT (workspace_id, platform_key) DO NOTHING
"""


def store(
    connection: Connection,
    creator_id: UUID,
    fan_platform_id: str,
    messages: Sequence[SeenMessage],
) -> Stored | None:
    """Store what was seen of a thread, and move its conversation on.

    A fan who has asked for no more messages is suppressed in the same transaction. Somebody is told
    of each new message that was not made for many fans at once.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose thread it is.
        fan_platform_id: With whom.
        messages: In any order; those that are known are brought up to date.

    Returns:
        None where there is no such fan, or the fan was forgotten.
    """
    if not messages:
        return None
    found = connection.execute(
        _FAN, {"creator": creator_id, "platform_id": fan_platform_id}
    ).fetchone()
    if found is None:
        return None
    workspace_id, fan_id = found
    return _store(connection, (workspace_id, creator_id, fan_id), messages)


def record_sent(
    connection: Connection,
    send_id: UUID,
    *,
    platform_message_id: str | None,
    at: datetime | None = None,
) -> Stored | None:
    """Store the message that a send has become.

    Args:
        connection: Inside the transaction that settles the send.
        send_id: The ledger's row.
        platform_message_id: None stores nothing: a sync may find the message.
        at: The platform's moment; None is now, until a sync brings the platform's.
    """
    if platform_message_id is None:
        return None
    row = connection.execute(
        "SELECT s.workspace_id, s.creator_id, s.fan_id, s.text, s.price_cents"
        " FROM sends s JOIN fans f ON f.workspace_id = s.workspace_id AND f.id = s.fan_id"
        " WHERE s.id = %s AND f.erased_at IS NULL FOR NO KEY UPDATE OF f",
        (send_id,),
    ).fetchone()
    if row is None:
        return None
    *whose, text, price_cents = row
    seen = SeenMessage(platform_message_id, True, text, at, price_cents)
    return _store(connection, (whose[0], whose[1], whose[2]), [seen])


def take_back(connection: Connection, condition: LiteralString, values: dict[str, Any]) -> int:
    """Note that messages are in their threads no more, and where their conversations stand now.

    Args:
        connection: Inside a tenant's transaction.
        condition: Which messages, as SQL on ``m``.
        values: What it refers to.

    Returns:
        How many messages there were.
    """
    connection.execute(_HOLD_FANS.format(condition), values)
    gone = connection.execute(_TAKE_BACK.format(condition), values).fetchall()
    for workspace_id, conversation_id in {row[:2] for row in gone}:
        names = {"workspace": workspace_id, "conversation": conversation_id}
        # Whom a person had answered waits again for an answer.
        answers = (workspace_id, conversation_id, True) in gone
        standing.stand(connection, names, taken_back=answers)
    return len(gone)


def mark_unsent(connection: Connection, send_id: UUID) -> None:
    """Show that the message of a send was taken back."""
    take_back(connection, "m.send_id = %(send)s", {"send": send_id})


def mark_paid(connection: Connection, creator_id: UUID, payments: str) -> None:
    """Show which messages of a creator were paid for.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose messages they are.
        payments: A table of transactions: ``fan_id``, ``type``, ``platform_message_id`` and
            ``created_at``.
    """
    connection.execute(
        sql.SQL(
            "UPDATE messages m SET paid_at = p.created_at FROM {} p"
            " WHERE p.type = 'message' AND m.creator_id = %s AND m.fan_id = p.fan_id"
            " AND m.platform_message_id = p.platform_message_id"
            " AND m.direction = 'out' AND m.price_cents > 0 AND m.paid_at IS NULL"
        ).format(sql.Identifier(payments)),
        (creator_id,),
    )


def silence(connection: Connection, whose: tuple[UUID, UUID, UUID], *, told: bool = True) -> None:
    """Send no more messages to a fan who has asked for that.

    Args:
        connection: Inside a transaction that holds the fan.
        whose: Workspace, creator and fan.
        told: Whether members are told, if it is new.
    """
    workspace_id, creator_id, fan_id = whose
    names = {"workspace": workspace_id, "fan": fan_id}
    is_first = connection.execute(_SUPPRESS, names).rowcount > 0
    if is_first and told:
        tell_of_opt_out(connection, workspace_id=workspace_id, creator_id=creator_id, fan_id=fan_id)


def words(text: str) -> str:
    """What is left of a text that a platform has set anew."""
    return " ".join(unicodedata.normalize("NFC", text.replace("\0", "")).split())


def forget_fan(connection: Connection, fan_id: UUID) -> None:
    """Remove what was said with a fan."""
    connection.execute("DELETE FROM conversations WHERE fan_id = %s", (fan_id,))


def _store(
    connection: Connection, whose: tuple[UUID, UUID, UUID], messages: Sequence[SeenMessage]
) -> Stored:
    workspace_id, creator_id, fan_id = whose
    opened = connection.execute(_OPEN, whose).fetchone()
    if opened is None:
        raise LookupError("an INSERT answered nothing")
    conversation_id, now = opened
    names = {
        "workspace": workspace_id,
        "creator": creator_id,
        "fan": fan_id,
        "conversation": conversation_id,
    }
    messages = [_dated(one, now) for one in messages]
    changed = [(one, row) for one in messages if (row := _store_one(connection, names, one))]
    new = [(one, row) for one, row in changed if row["is_new"]]
    if not changed:
        return Stored(conversation_id, [])
    standing.note_answered(connection, names)
    stand = standing.stand(
        connection,
        names,
        asked=any(not one.own for one, _ in new),
        answered=any(one.own and not row["automatic"] for one, row in changed),
        spoken=any(one.own and not row["automatic"] for one, row in new),
    )
    standing.move_fan(connection, names)
    asking = [row["sent_at"] for one, row in new if _asks_for_no_more(one, row, stand)]
    if asking:
        # Of history nobody is told.
        silence(connection, whose, told=max(asking) >= stand["news_from"])
    new.sort(key=lambda pair: (pair[1]["sent_at"], pair[1]["id"]))
    # Of a message to many, the ledger tells each one's settlement; of history, nobody is told.
    _announce(
        connection,
        names,
        [
            (one, row)
            for one, row in new
            if not row["automatic"] and row["sent_at"] >= stand["news_from"]
        ],
    )
    return Stored(conversation_id, [row["id"] for _, row in new])


def _dated(one: SeenMessage, now: datetime) -> SeenMessage:
    """Take for undated what cannot have been sent yet: nothing that comes would be newer."""
    ahead = one.sent_at is not None and one.sent_at > now + MOST_AHEAD
    return replace(one, sent_at=None) if ahead else one


def _asks_for_no_more(one: SeenMessage, row: dict[str, Any], stand: dict[str, Any]) -> bool:
    """Whether a stop word still holds: what a fan wrote after an old one took it back."""
    if one.own or not is_stop_word(one.text):
        return False
    return bool(row["sent_at"] >= min(stand["news_from"], stand["last_inbound_at"]))


def _store_one(
    connection: Connection, names: dict[str, Any], one: SeenMessage
) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            _STORE,
            {
                **names,
                "id": one.id,
                "direction": "out" if one.own else "in",
                "text": one.text.replace("\0", "")[:_LONGEST_TEXT],
                "words": words(one.text),
                "price_cents": one.price_cents,
                "paid": one.paid,
                "tip_cents": one.tip_cents,
                "media": list(one.media),
                "sent_at": one.sent_at,
                "moves": one.sent_at is not None and not one.late,
                "unsent": one.unsent,
            },
        ).fetchone()


def _announce(
    connection: Connection, names: dict[str, Any], new: Sequence[tuple[SeenMessage, dict[str, Any]]]
) -> None:
    for one, row in new:
        outbox.add(
            connection,
            "message.created",
            workspace_id=names["workspace"],
            aggregate=("conversation", names["conversation"]),
            payload={
                "message_id": str(row["id"]),
                "creator_id": str(names["creator"]),
                "fan_id": str(names["fan"]),
                "direction": "out" if one.own else "in",
            },
        )
