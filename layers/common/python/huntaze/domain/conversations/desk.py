"""What people do with conversations: where one stands, labels, notes, what was read.

Nobody here locks a fan: who stores messages locks the fan first, then the conversation.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from huntaze.db import Connection
from huntaze.domain.conversations.models import ConversationState, Note
from huntaze.errors import ConflictError, NotFoundError
from huntaze.ids import new_id

MAX_NOTES = 200

# What was read is what came before, and the message itself.
_READ = """
  WITH upto AS (
    SELECT m.workspace_id, m.conversation_id, m.sent_at, m.id FROM messages m WHERE m.id = %s
  ), marked AS (
    UPDATE messages m SET read_at = clock_timestamp()
      FROM upto u
     WHERE m.workspace_id = u.workspace_id AND m.conversation_id = u.conversation_id
       AND m.direction = 'in' AND m.read_at IS NULL AND (m.sent_at, m.id) <= (u.sent_at, u.id)
    RETURNING 1)
  UPDATE conversations c
     SET unread = greatest(0, c.unread - (SELECT count(*) FROM marked)),
         updated_at = clock_timestamp()
   WHERE c.id = %s AND EXISTS (SELECT FROM marked)
"""


class TooManyNotesError(ConflictError):
    """The conversation has as many notes as one may have."""


class MovedOnError(ConflictError):
    """The fan has written since the message that the caller has seen."""


def open_with(connection: Connection, creator_id: UUID, fan_id: UUID) -> UUID:
    """Open a conversation with a fan, or show the one that there is; answer its id.

    Raises:
        NotFoundError: The creator has no such fan.
    """
    row = connection.execute(
        "INSERT INTO conversations AS c (workspace_id, creator_id, fan_id, state)"
        " SELECT f.workspace_id, f.creator_id, f.id, 'open' FROM fans f"
        " WHERE f.creator_id = %s AND f.id = %s AND f.erased_at IS NULL"
        " ON CONFLICT (workspace_id, creator_id, fan_id) DO UPDATE"
        # A hidden one is done, and comes back as what it is: one that somebody works at.
        " SET hidden_at = NULL, updated_at = clock_timestamp(),"
        " state = CASE WHEN c.hidden_at IS NULL THEN c.state ELSE 'open' END"
        " RETURNING c.id",
        (creator_id, fan_id),
    ).fetchone()
    if row is None:
        raise NotFoundError("There is no such fan of this creator.")
    conversation_id: UUID = row[0]
    return conversation_id


def require_unmoved(connection: Connection, conversation_id: UUID, message_id: UUID) -> None:
    """Hold a conversation until the commit in which the fan has written nothing since a message.

    What came since and stands before it counts as long as nobody has read it.

    Raises:
        NotFoundError: The conversation has no such message.
        MovedOnError: The fan has written since.
    """
    # In a statement of its own: what was stored before the lock is seen by the next one.
    connection.execute(
        "SELECT FROM conversations WHERE id = %s FOR NO KEY UPDATE", (conversation_id,)
    )
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM messages n"
        "  WHERE n.workspace_id = m.workspace_id AND n.conversation_id = m.conversation_id"
        "    AND n.direction = 'in' AND n.unsent_at IS NULL"
        "    AND ((n.sent_at, n.id) > (m.sent_at, m.id)"
        # Told late, it stands before what was seen.
        "      OR (n.created_at > m.created_at AND n.read_at IS NULL)))"
        " FROM messages m WHERE m.conversation_id = %s AND m.id = %s",
        (conversation_id, message_id),
    ).fetchone()
    if row is None:
        raise NotFoundError("The conversation has no such message.")
    if row[0]:
        raise MovedOnError("The fan has written since; read the newest message and decide again.")


def move(
    connection: Connection,
    conversation_id: UUID,
    state: ConversationState,
    *,
    until: datetime | None = None,
) -> None:
    """Say where a conversation stands; one that was hidden is shown again.

    Args:
        connection: Inside a tenant's transaction.
        conversation_id: Which.
        state: Where it stands from now on.
        until: When a snoozed one comes back.
    """
    connection.execute(
        "UPDATE conversations SET state = %s, snoozed_until = %s, hidden_at = NULL,"
        " updated_at = clock_timestamp() WHERE id = %s",
        (state, until, conversation_id),
    )


def hide(connection: Connection, conversation_id: UUID) -> bool:
    """Take a conversation out of all lists, until the fan writes again; whether it was there."""
    hidden = connection.execute(
        "UPDATE conversations SET state = 'done', snoozed_until = NULL,"
        " hidden_at = coalesce(hidden_at, clock_timestamp()), updated_at = clock_timestamp()"
        " WHERE id = %s",
        (conversation_id,),
    )
    return hidden.rowcount > 0


def label(connection: Connection, conversation_id: UUID, labels: Sequence[str]) -> None:
    """Give a conversation these labels and no others."""
    # Of two at a time, each would leave the other's.
    connection.execute(
        "SELECT FROM conversations WHERE id = %s FOR NO KEY UPDATE", (conversation_id,)
    )
    connection.execute(
        "DELETE FROM conversation_labels WHERE conversation_id = %s AND label <> ALL (%s::text[])",
        (conversation_id, list(labels)),
    )
    connection.execute(
        "INSERT INTO conversation_labels (workspace_id, creator_id, conversation_id, label)"
        " SELECT c.workspace_id, c.creator_id, c.id, label"
        "   FROM conversations c, unnest(%s::text[]) label WHERE c.id = %s"
        " ON CONFLICT (workspace_id, conversation_id, label) DO NOTHING",
        (list(labels), conversation_id),
    )


def mark_read(connection: Connection, message_id: UUID) -> UUID:
    """Mark a message and all that the fan wrote before it as read; answer its conversation.

    Raises:
        NotFoundError: The caller has no such message.
    """
    # Messages that are stored meanwhile count what is unread anew: they must wait.
    row = connection.execute(
        "SELECT c.id FROM conversations c JOIN messages m ON m.conversation_id = c.id"
        " WHERE m.id = %s FOR NO KEY UPDATE OF c",
        (message_id,),
    ).fetchone()
    if row is None:
        raise NotFoundError("There is no such message in this workspace.")
    conversation_id: UUID = row[0]
    connection.execute(_READ, (message_id, conversation_id))
    return conversation_id


def read_notes(connection: Connection, conversation_id: UUID) -> list[Note]:
    """Read a conversation's notes, newest first."""
    with connection.cursor(row_factory=class_row(Note)) as cursor:
        return cursor.execute(
            "SELECT id, conversation_id, author_id, text, created_at FROM conversation_notes"
            " WHERE conversation_id = %s ORDER BY id DESC LIMIT %s",
            (conversation_id, MAX_NOTES),
        ).fetchall()


def add_note(connection: Connection, conversation_id: UUID, text: str, *, by: UUID) -> Note:
    """Put a note on a conversation that is there.

    Raises:
        TooManyNotesError: There is no room for it.
    """
    connection.execute(
        "SELECT FROM conversations WHERE id = %s FOR NO KEY UPDATE", (conversation_id,)
    )
    (held,) = connection.execute(
        "SELECT count(*) FROM conversation_notes WHERE conversation_id = %s", (conversation_id,)
    ).fetchone() or (0,)
    if held >= MAX_NOTES:
        raise TooManyNotesError(
            f"A conversation holds {MAX_NOTES} notes; delete those that are no longer needed."
        )
    note_id = new_id()
    connection.execute(
        "INSERT INTO conversation_notes (workspace_id, id, creator_id, conversation_id, author_id,"
        " text) SELECT workspace_id, %s, creator_id, id, %s, %s FROM conversations WHERE id = %s",
        (note_id, by, text, conversation_id),
    )
    (note,) = (one for one in read_notes(connection, conversation_id) if one.id == note_id)
    return note


def delete_note(connection: Connection, conversation_id: UUID, note_id: UUID) -> None:
    """Delete a note.

    Raises:
        NotFoundError: The conversation has no such note.
    """
    deleted = connection.execute(
        "DELETE FROM conversation_notes WHERE conversation_id = %s AND id = %s",
        (conversation_id, note_id),
    )
    if not deleted.rowcount:
        raise NotFoundError("The conversation has no such note.")


def wake_snoozed(connection: Connection) -> int:
    """Open what was snoozed and whose time has come, in every workspace; how many there were."""
    (woken,) = connection.execute("SELECT wake_snoozed_conversations()").fetchone() or (0,)
    return int(woken)
