"""What a platform tells of single messages: changed, seen by the fan, taken back."""

import re
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from huntaze import outbox
from huntaze.db import Connection
from huntaze.domain.conversations.models import SeenMessage
from huntaze.domain.conversations.storing import silence, take_back, words
from huntaze.domain.fans.stop_words import is_stop_word

_WORD = re.compile(r"\w+")
_CORRECT = """
  UPDATE messages m SET text = %(text)s, price_cents = %(price)s, media = %(media)s
    FROM messages o
   WHERE m.creator_id = %(creator)s AND m.platform_message_id = %(id)s AND m.send_id IS NULL
     AND (m.text, m.price_cents, m.media) IS DISTINCT FROM
         (%(text)s::text, %(price)s::bigint, %(media)s::text[])
     AND o.workspace_id = m.workspace_id AND o.id = m.id
  RETURNING m.workspace_id, m.creator_id, m.fan_id, m.conversation_id, m.id,
            m.direction = 'in' AND m.unsent_at IS NULL AS is_said, o.text AS said_before
"""


def correct(
    connection: Connection, creator_id: UUID, seen: SeenMessage, *, edited: bool = True
) -> bool:
    """Bring words and price of a message to what they are now; whether they were others.

    What the ledger has frozen of a message of ours stays: it was approved so. What a fan says now
    is heard as if it were said now: as a wish for no more messages, and by whom the event tells.

    Args:
        connection: Inside a tenant's transaction that has stored the message.
        creator_id: Whose message it is.
        seen: The newest that was told of it.
        edited: Whether it is told because somebody has changed it; if not, a page has stored it
            before, which may leave out what is no letter.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            _CORRECT,
            {
                "creator": creator_id,
                "id": seen.id,
                "text": seen.text,
                "price": seen.price_cents,
                "media": list(seen.media),
            },
        ).fetchone()
    # A text that is only set anew says nothing new.
    said = words if edited else _letters
    if row is not None and row["is_said"] and said(row["said_before"]) != said(seen.text):
        _hear(connection, row, seen.text)
    return row is not None


def note_opened(connection: Connection, creator_id: UUID, message_id: str) -> None:
    """Note that the fan has seen a message of the creator's."""
    connection.execute(
        "UPDATE messages SET opened_at = clock_timestamp() WHERE creator_id = %s"
        " AND platform_message_id = %s AND direction = 'out' AND opened_at IS NULL",
        (creator_id, message_id),
    )


def note_taken_back(connection: Connection, creator_id: UUID, message_id: str) -> None:
    """Note that a message is in its thread no more."""
    take_back(
        connection,
        "m.creator_id = %(creator)s AND m.platform_message_id = %(id)s",
        {"creator": creator_id, "id": message_id},
    )


def _letters(text: str) -> str:
    return " ".join(_WORD.findall(words(text)))


def _hear(connection: Connection, edited: dict[str, Any], text: str) -> None:
    if is_stop_word(text):
        silence(connection, (edited["workspace_id"], edited["creator_id"], edited["fan_id"]))
    outbox.add(
        connection,
        "message.updated",
        workspace_id=edited["workspace_id"],
        aggregate=("conversation", edited["conversation_id"]),
        payload={
            "message_id": str(edited["id"]),
            "creator_id": str(edited["creator_id"]),
            "fan_id": str(edited["fan_id"]),
            "direction": "in",
        },
    )
