"""Messages that say something else now: what they are read as, and what is void with them."""

from dataclasses import replace

from functions.chatbot import cases
from functions.chatbot.models import Case, Incoming
from functions.chatbot.voiding import answer_anew, void_of_fan
from huntaze.db import Connection


def read(connection: Connection, message: Incoming) -> Case | None:
    """Read an edited message as if it were the newest, and alone wanted an answer.

    None: it is gone.
    """
    about = cases.conversation(connection, message.conversation_id, hold=True)
    line = cases.fans_line(connection, message) if about else None
    if line is None:
        return None
    case = cases.read_case(connection, about)
    before = [one for one in case.thread if (one.sent_at, one.id) < (line.sent_at, line.id)]
    return replace(case, thread=[*before, line], unanswered=[line])


def begin_anew(connection: Connection, case: Case) -> Incoming | None:
    """Void what was written for other words, if the fan still waits for an answer to them.

    Args:
        connection: In the transaction that holds the conversation.
        case: Of the edited message, as it was read.

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
    void_of_fan(connection, case.fan_id, why="the fan has changed the message")
    answer_anew(connection, case.conversation_id, asked)
    return Incoming(conversation_id=case.conversation_id, message_id=asked.id)
