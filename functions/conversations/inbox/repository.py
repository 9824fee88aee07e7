"""The inbox in Postgres; the writing is the domain's."""

from uuid import UUID

from psycopg import sql

from functions.conversations.inbox.models import ConversationDraft, InboxFilter
from huntaze.db import Connection, Tenant
from huntaze.domain import audit
from huntaze.domain.conversations import Conversation, ConversationChanges, Note, desk, reading
from huntaze.domain.creators import resolve_creator
from huntaze.domain.fans import caring
from huntaze.errors import NotFoundError
from huntaze.http import Page

_CONDITIONS: dict[str, sql.SQL] = {
    "state": sql.SQL("c.state = %(state)s"),
    "member_id": sql.SQL("f.assigned_to = %(member_id)s"),
    "label": sql.SQL(
        "EXISTS (SELECT FROM conversation_labels l WHERE l.creator_id = c.creator_id"
        " AND l.conversation_id = c.id AND l.label = %(label)s)"
    ),
}
_ASSIGNED: dict[str, sql.SQL] = {
    "me": sql.SQL("f.assigned_to = %(caller)s"),
    "nobody": sql.SQL("f.assigned_to IS NULL"),
    "somebody": sql.SQL("f.assigned_to IS NOT NULL"),
}


class PostgresInbox:
    """The conversations of one workspace, as far as the caller may see them."""

    def __init__(self, tenant: Tenant, caller: UUID) -> None:
        self._tenant = tenant
        self._caller = caller

    def page(
        self, which: InboxFilter, sort: reading.Sort, *, limit: int, cursor: str | None
    ) -> Page[Conversation]:
        """Read a page of a creator's conversations; hidden ones are in none."""
        with self._tenant.transaction() as connection:
            creator_id = resolve_creator(connection, which.creator_id)
            conditions = [sql.SQL("c.creator_id = %(creator)s AND c.hidden_at IS NULL")]
            asked = which._asdict()
            conditions += [_CONDITIONS[name] for name in _CONDITIONS if asked[name] is not None]
            if which.assigned is not None:
                conditions.append(_ASSIGNED[which.assigned])
            if which.unread is not None:
                conditions.append(sql.SQL("c.unread > 0" if which.unread else "c.unread = 0"))
            return reading.read_conversations(
                connection,
                conditions,
                {**asked, "creator": creator_id, "caller": self._caller},
                sort=sort,
                of_fans=which.assigned is not None or which.member_id is not None,
                limit=limit,
                cursor=cursor,
            )

    def get(self, conversation_id: UUID) -> Conversation:
        """Read one conversation."""
        with self._tenant.transaction() as connection:
            return reading.require_conversation(connection, conversation_id)

    def open(self, draft: ConversationDraft) -> Conversation:
        """Open a conversation, or find the one that there is."""
        with self._tenant.transaction() as connection:
            creator_id = resolve_creator(connection, draft.creator_id)
            conversation_id = desk.open_with(connection, creator_id, draft.fan_id)
            return reading.require_conversation(connection, conversation_id)

    def change(self, conversation_id: UUID, changes: ConversationChanges) -> Conversation:
        """Change where a conversation stands, its labels, and who looks after the fan."""
        with self._tenant.transaction() as connection:
            before = reading.require_conversation(connection, conversation_id)
            if "assigned_to" in changes.model_fields_set:
                self._assign(connection, before, changes.assigned_to)
            # After the fan, as by whoever stores messages.
            if changes.message_id is not None:
                desk.require_unmoved(connection, conversation_id, changes.message_id)
            if changes.state is not None:
                desk.move(connection, conversation_id, changes.state, until=changes.snoozed_until)
            if changes.labels is not None:
                desk.label(connection, conversation_id, changes.labels)
            return reading.require_conversation(connection, conversation_id)

    def _assign(
        self, connection: Connection, conversation: Conversation, member_id: UUID | None
    ) -> None:
        if member_id is not None:
            caring.require_caretaker(connection, conversation.creator_id, member_id)
        if caring.assign(connection, conversation.fan.id, member_id):
            self._record(connection, "fan.assigned", ("fan", conversation.fan.id), to=member_id)

    def hide(self, conversation_id: UUID, *, seen: UUID | None) -> None:
        """Take a conversation out of all lists until the fan writes again."""
        with self._tenant.transaction() as connection:
            if seen is not None:
                desk.require_unmoved(connection, conversation_id, seen)
            if not desk.hide(connection, conversation_id):
                raise NotFoundError("There is no such conversation in this workspace.")
            self._record(connection, "conversation.hidden", ("conversation", conversation_id))

    def notes(self, conversation_id: UUID) -> list[Note]:
        """Read the notes of a conversation."""
        with self._tenant.transaction() as connection:
            reading.require_conversation(connection, conversation_id)
            return desk.read_notes(connection, conversation_id)

    def add_note(self, conversation_id: UUID, text: str) -> Note:
        """Put a note on a conversation."""
        with self._tenant.transaction() as connection:
            reading.require_conversation(connection, conversation_id)
            return desk.add_note(connection, conversation_id, text, by=self._caller)

    def delete_note(self, conversation_id: UUID, note_id: UUID) -> None:
        """Delete a note, whoever wrote it."""
        with self._tenant.transaction() as connection:
            desk.delete_note(connection, conversation_id, note_id)
            target = ("conversation", conversation_id)
            self._record(connection, "conversation.note_deleted", target, note_id=note_id)

    def _record(
        self, connection: Connection, action: str, target: tuple[str, UUID], **facts: UUID | None
    ) -> None:
        told = {name: value and str(value) for name, value in facts.items()}
        audit.record(connection, action, audit.Target(*target), actor_id=self._caller, facts=told)
