"""What members are told of by the chatbot: that it is held up, and who needs a person."""

from typing import LiteralString
from uuid import UUID

from functions.chatbot.models import Case, HandOver
from huntaze import ai, outbox
from huntaze.ai.models import Outcome as Became
from huntaze.db import Connection
from huntaze.domain.dangers import GRAVE

_HELD_UP = """
  INSERT INTO chatbot_switches AS s (workspace_id, creator_id, held_up_since)
  VALUES (current_setting('app.workspace_id')::uuid, %s, clock_timestamp())
      ON CONFLICT (workspace_id, creator_id) DO UPDATE SET held_up_since = excluded.held_up_since
   WHERE s.held_up_since IS NULL
"""
_GAVE_UP = """
  INSERT INTO chatbot_switches AS s (workspace_id, creator_id, gave_up_at)
  VALUES (current_setting('app.workspace_id')::uuid, %s, clock_timestamp())
      ON CONFLICT (workspace_id, creator_id) DO UPDATE SET gave_up_at = excluded.gave_up_at
   WHERE s.gave_up_at IS NULL
"""
# One that is open stays as it is, unless it turns grave.
_HAND_OVER = """
  INSERT INTO chat_handovers AS h (workspace_id, creator_id, fan_id, conversation_id, message_id,
                                   topic, found_by, reasons, generation_id)
  VALUES (current_setting('app.workspace_id')::uuid, %(creator)s, %(fan)s, %(conversation)s,
          %(message)s, %(topic)s, %(found_by)s, %(reasons)s, %(generation)s)
      ON CONFLICT (workspace_id, conversation_id) WHERE resolved_at IS NULL DO UPDATE
     SET message_id = excluded.message_id, topic = excluded.topic, found_by = excluded.found_by,
         reasons = excluded.reasons || h.reasons, generation_id = excluded.generation_id
   WHERE excluded.topic = ANY (%(grave)s) AND h.topic <> ALL (%(grave)s)
"""
_OVER = """
  UPDATE chatbot_switches SET held_up_since = NULL, gave_up_at = NULL
   WHERE creator_id = %s AND coalesce(held_up_since, gave_up_at) IS NOT NULL
"""


def tell_of_outage(connection: Connection, case: Case, why: str) -> None:
    """Tell once that no model answers."""
    _tell(connection, case, why, "chatbot.held_up", begins=_HELD_UP)


def tell_of_giving_up(connection: Connection, case: Case, why: str) -> None:
    """Tell once that what has waited for a model is given up."""
    _tell(connection, case, why, "chatbot.gave_up", begins=_GAVE_UP)


def _tell(
    connection: Connection, case: Case, why: str, event: str, *, begins: LiteralString
) -> None:
    if connection.execute(begins, (case.creator_id,)).rowcount:
        outbox.add(
            connection,
            event,
            workspace_id=case.workspace_id,
            aggregate=("creator", case.creator_id),
            payload={"creator_id": str(case.creator_id), "why": why},
        )


def outage_is_over(connection: Connection, creator_id: UUID) -> None:
    """Note that a model has answered: the next outage is told again."""
    connection.execute(_OVER, (creator_id,))


def hand_over(connection: Connection, case: Case, why: HandOver) -> None:
    """Flag a conversation and tell of it, once; once more when it turns grave."""
    opened = connection.execute(
        _HAND_OVER,
        {
            "creator": case.creator_id,
            "fan": case.fan_id,
            "conversation": case.conversation_id,
            "message": case.message.id,
            "topic": why.topic,
            "found_by": why.found_by,
            "reasons": why.reasons,
            "generation": why.generation_id,
            "grave": sorted(GRAVE),
        },
    )
    if why.generation_id is not None:
        ai.record_outcome(connection, why.generation_id, Became.HANDED_OVER)
    if opened.rowcount:
        payload = {"creator_id": str(case.creator_id), "fan_id": str(case.fan_id)}
        outbox.add(
            connection,
            "conversation.handed_over",
            workspace_id=case.workspace_id,
            aggregate=("conversation", case.conversation_id),
            payload={**payload, "topic": why.topic},
        )
