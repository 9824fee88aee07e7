"""What the chatbot has of a fan, as far as others than the chatbot must act on it."""

from uuid import UUID

from huntaze.db import Connection
from huntaze.domain import proofs


def forget_fan(connection: Connection, fan_id: UUID) -> None:
    """Forget what was read of a fan, proposed to them and handed over.

    Of what was approved, the hashes stay in the audit log; the words and their salts go.
    """
    for statement in (
        "DELETE FROM chat_contexts WHERE fan_id = %s",
        "DELETE FROM chat_facts WHERE fan_id = %s",
        "DELETE FROM chat_handovers WHERE fan_id = %s",
        "DELETE FROM reply_tasks WHERE fan_id = %s",
        "DELETE FROM auto_replies WHERE fan_id = %s",
        "DELETE FROM reply_drafts WHERE fan_id = %s",
    ):
        connection.execute(statement, (fan_id,))
    proofs.forget_fan(connection, fan_id)
