"""Taking back what has not gone out: drafts that nobody decided about, and planned messages.

What is void although the fan still waits with the same message is written anew: a message to many
came after it, of which nobody is told. Where nothing would be written, the draft stands.
"""

from datetime import datetime
from itertools import takewhile
from typing import Any
from uuid import UUID

from functions.chatbot import cases
from functions.chatbot.models import ChatLine
from huntaze import ai
from huntaze.ai.models import Outcome as Became
from huntaze.db import Connection
from huntaze.domain.outbound.cancelling import take_away

_MOVED_ON = "the conversation moved on"
_VOID = """
  UPDATE reply_drafts SET state = 'discarded', why = %(why)s, decided_at = clock_timestamp()
   WHERE state = 'pending' AND {which}
  RETURNING generation_id
"""
# A reply is as old as its draft, whenever that was approved.
_PLANNED = """
  SELECT s.id
    FROM sends s
    LEFT JOIN reply_drafts d ON d.workspace_id = s.workspace_id AND d.send_id = s.id
   WHERE s.fan_id = %(fan)s AND s.state = 'planned' AND s.campaign_id IS NULL AND s.priority = 1
     AND coalesce(d.created_at, s.created_at) < coalesce(%(before)s, 'infinity'::timestamptz)
"""
# Not what somebody works at, gave up or has answered again.
_ANEW = """
  UPDATE reply_tasks t
     SET state = 'waiting', due_at = clock_timestamp(), leased_until = NULL, tries = 0,
         trouble = NULL, asked_anew_at = clock_timestamp()
   WHERE t.conversation_id = %(conversation)s AND t.message_id = %(message)s AND t.state = 'done'
     AND NOT EXISTS (SELECT FROM reply_drafts d
                      WHERE d.conversation_id = t.conversation_id AND d.state = 'pending')
     AND NOT EXISTS (SELECT FROM sends s
                      WHERE s.fan_id = t.fan_id AND s.state IN ('planned', 'submitting')
                        AND s.campaign_id IS NULL AND s.priority = 1)
"""


def answer_anew(connection: Connection, conversation_id: UUID, asked: ChatLine | None) -> bool:
    """Have a message worked on again whose answer is void.

    Args:
        connection: In the transaction that holds the conversation.
        conversation_id: Which.
        asked: The message with which the fan waits, if there is one.
    """
    if asked is None:
        return False
    values = {"conversation": conversation_id, "message": asked.id}
    return connection.execute(_ANEW, values).rowcount > 0


def let_stand(connection: Connection, about: dict[str, Any], thread: list[ChatLine]) -> None:
    """Keep the draft after which only messages to many came, if no other would be written.

    Args:
        connection: In the transaction that holds the conversation.
        about: What `cases.conversation` said.
        thread: Its newest lines, oldest first.
    """
    after = list(takewhile(lambda line: line.automatic, reversed(thread)))
    if not after or cases.writes_anew(connection, about):
        return
    # Written for what was said before them, or behind one of them.
    bases = [line.id for line in thread[-len(after) - 1 :]]
    connection.execute(
        "UPDATE reply_drafts SET based_on = %s, based_on_platform_id = %s"
        " WHERE conversation_id = %s AND state = 'pending' AND based_on = ANY (%s)",
        (after[0].id, after[0].platform_message_id, about["conversation_id"], bases),
    )


def void_older(connection: Connection, conversation_id: UUID, newest: UUID) -> bool:
    """Discard what was written for an older message, and cancel what was to be sent of it.

    Returns:
        Whether there was anything.
    """
    values = {"conversation": conversation_id, "newest": newest, "why": _MOVED_ON}
    which = "conversation_id = %(conversation)s AND based_on <> %(newest)s"
    discarded = connection.execute(_VOID.format(which=which), values).rowcount
    planned = connection.execute(
        "SELECT s.id FROM reply_drafts d"
        " JOIN sends s ON s.workspace_id = d.workspace_id AND s.id = d.send_id"
        " WHERE d.conversation_id = %(conversation)s AND d.based_on <> %(newest)s"
        " AND s.state = 'planned'"
        " UNION ALL SELECT s.id FROM auto_replies a"
        " JOIN conversations c ON c.workspace_id = a.workspace_id AND c.fan_id = a.fan_id"
        " JOIN sends s ON s.workspace_id = a.workspace_id AND s.id = a.send_id"
        " WHERE c.id = %(conversation)s AND a.message_id <> %(newest)s AND s.state = 'planned'",
        values,
    ).fetchall()
    return take_away(connection, [row[0] for row in planned]) + discarded > 0


def void_of_conversation(connection: Connection, conversation_id: UUID, *, why: str) -> None:
    """Discard the draft of a conversation that waits; it counts as rejected."""
    found = connection.execute(
        _VOID.format(which="conversation_id = %(conversation)s"),
        {"conversation": conversation_id, "why": why},
    ).fetchall()
    for (generation_id,) in found:
        ai.record_outcome(connection, generation_id, Became.REJECTED)


def void_of_fan(
    connection: Connection, fan_id: UUID, *, why: str, before: datetime | None = None
) -> None:
    """Discard every draft for a fan, and cancel what the chatbot was to send.

    Args:
        connection: In the transaction that holds the conversation.
        fan_id: Whose.
        why: For people.
        before: What was written from then on stays; None: nothing does.
    """
    values = {"fan": fan_id, "why": why[:300], "before": before}
    which = "fan_id = %(fan)s AND created_at < coalesce(%(before)s, 'infinity'::timestamptz)"
    found = connection.execute(_VOID.format(which=which), values).fetchall()
    for (generation_id,) in found:
        ai.record_outcome(connection, generation_id, Became.REJECTED)
    planned = connection.execute(_PLANNED, values).fetchall()
    take_away(connection, [row[0] for row in planned])
