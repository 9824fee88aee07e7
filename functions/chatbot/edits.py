"""Messages that say something else now: what they are read as, and what is void with them."""

from dataclasses import replace
from datetime import datetime

from functions.chatbot import cases
from functions.chatbot.models import Case, Incoming
from functions.chatbot.voiding import answer_anew, void_of_fan
from huntaze.db import Connection

# A person was told of the words that it has now, or has given the conversation back with them.
_KNOWN = """
  SELECT FROM chat_handovers
   WHERE conversation_id = %s AND message_id = %s AND greatest(opened_at, resolved_at) > %s
"""
_ANSWERED_SINCE = "SELECT FROM reply_drafts WHERE conversation_id = %s AND created_at > %s"


def read(connection: Connection, message: Incoming, at: datetime) -> Case | None:
    """Read an edited message as if it were the newest, and alone wanted an answer.

    None: it is gone, or a person knows of it.

    Args:
        connection: In a transaction.
        message: Which.
        at: When it was edited.
    """
    about = cases.conversation(connection, message.conversation_id, hold=True)
    line = cases.fans_line(connection, message) if about else None
    known = (message.conversation_id, message.message_id, at)
    if line is None or connection.execute(_KNOWN, known).fetchone() is not None:
        return None
    case = cases.read_case(connection, about)
    before = [one for one in case.thread if (one.sent_at, one.id) < (line.sent_at, line.id)]
    return replace(case, thread=[*before, line], unanswered=[line])


def begin_anew(connection: Connection, case: Case, at: datetime) -> Incoming | None:
    """Void what was written for other words, if the fan still waits for an answer to them.

    Args:
        connection: In the transaction that holds the conversation.
        case: Of the edited message, as it was read.
        at: When it was edited: what was written since is for the words that it has.

    Returns:
        The message to work on; None: it was answered, or the fan gets no messages.
    """
    if case.fan.silenced:
        void_of_fan(connection, case.fan_id, why="the fan wants no messages")
        return None
    thread = cases.newest(connection, case.conversation_id)
    asked = cases.waiting(thread)
    waits = {line.id for line in cases.unanswered(thread)}
    if asked is None or case.message.id not in waits:
        return None
    void_of_fan(connection, case.fan_id, why="the fan has changed the message", before=at)
    since = connection.execute(_ANSWERED_SINCE, (case.conversation_id, at)).fetchone()
    if since is not None:
        return None
    answer_anew(connection, case.conversation_id, asked)
    return Incoming(conversation_id=case.conversation_id, message_id=asked.id)
