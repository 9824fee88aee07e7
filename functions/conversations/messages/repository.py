"""Messages in Postgres; the writing is the domain's."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from functions.conversations.messages import service
from functions.conversations.messages.models import FoundMessage, UnsendOrder
from huntaze.db import Connection, Tenant
from huntaze.domain import audit
from huntaze.domain.conversations import Conversation, desk, reading, threads
from huntaze.domain.creators import resolve_creator
from huntaze.domain.outbound import commands
from huntaze.errors import NotFoundError
from huntaze.http import Page


class Sought(NamedTuple):
    """What somebody looks for in messages."""

    words: str
    creator_id: UUID | None = None
    conversation_id: UUID | None = None


class PostgresMessages:
    """The messages of one workspace, as far as the caller may see them."""

    def __init__(self, tenant: Tenant, caller: UUID) -> None:
        self._tenant = tenant
        self._caller = caller

    def thread(self, conversation_id: UUID, *, limit: int, cursor: str | None) -> threads.Thread:
        """Read a page of a conversation, newest first."""
        with self._tenant.transaction() as connection:
            fan_id = _fan_of(connection, conversation_id)
            return threads.read_thread(
                connection, conversation_id, fan_id, limit=limit, cursor=cursor
            )

    def conversation(self, conversation_id: UUID) -> Conversation:
        """Read one conversation."""
        with self._tenant.transaction() as connection:
            return reading.require_conversation(connection, conversation_id)

    def platform_id(self, conversation_id: UUID, message_id: UUID) -> str:
        """The platform's id of a message of a conversation."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT platform_message_id FROM messages WHERE conversation_id = %s AND id = %s",
                (conversation_id, message_id),
            ).fetchone()
        if row is None:
            raise NotFoundError("The conversation has no such message.")
        found: str = row[0]
        return found

    def mark_read(self, message_id: UUID) -> Conversation:
        """Mark everything up to a message as read."""
        with self._tenant.transaction() as connection:
            conversation_id = desk.mark_read(connection, message_id)
            return reading.require_conversation(connection, conversation_id)

    def unsend(self, message_id: UUID) -> tuple[UUID, UnsendOrder]:
        """Order the lane to take a message back; answers whose lane it is."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT creator_id, send_id, unsent_at FROM messages WHERE id = %s", (message_id,)
            ).fetchone()
            if row is None:
                raise NotFoundError("There is no such message in this workspace.")
            creator_id: UUID = row[0]
            send_id = service.takeable(*row[1:])
            ordered = commands.request_unsend(
                connection,
                workspace_id=self._tenant.workspace_id,
                creator_id=creator_id,
                send_ids=[send_id],
                requested_by=self._caller,
            )
            if ordered:
                target = audit.Target("send", send_id)
                audit.record(connection, "message.unsend_requested", target, actor_id=self._caller)
            return creator_id, UnsendOrder(message_id=message_id, requested=ordered > 0)

    def search(self, sought: Sought, *, limit: int, cursor: str | None) -> Page[FoundMessage]:
        """Find messages by their words, newest first."""
        after = (None, None) if cursor is None else threads.message_position(cursor)
        with self._tenant.transaction() as connection:
            creator_id = _creator_of(connection, sought)
            rows: list[tuple[UUID, datetime]] = connection.execute(
                "SELECT id, sent_at FROM search_messages(%s, %s, %s, %s, %s, %s)",
                (sought.words, creator_id, sought.conversation_id, *after, limit + 1),
            ).fetchall()
            found = threads.read_messages(connection, [row[0] for row in rows[:limit]])
            fans = _fans_of(connection, [one.conversation_id for one in found])
        items = [
            FoundMessage.model_construct(None, **dict(one), **fans[one.conversation_id]._asdict())
            for one in found
        ]
        if len(rows) <= limit:
            return Page(items=items)
        last_id, at = rows[limit - 1]
        return Page(items=items, next_cursor=threads.message_cursor(at, last_id))


class _FoundFan(NamedTuple):
    fan_id: UUID
    fan_handle: str
    fan_display_name: str | None


def _fan_of(connection: Connection, conversation_id: UUID) -> UUID:
    row = connection.execute(
        "SELECT fan_id FROM conversations WHERE id = %s", (conversation_id,)
    ).fetchone()
    if row is None:
        raise NotFoundError("There is no such conversation in this workspace.")
    fan_id: UUID = row[0]
    return fan_id


def _creator_of(connection: Connection, sought: Sought) -> UUID:
    if sought.conversation_id is None:
        return resolve_creator(connection, sought.creator_id)
    row = connection.execute(
        "SELECT creator_id FROM conversations"
        " WHERE id = %(conversation)s AND creator_id = coalesce(%(creator)s, creator_id)",
        {"conversation": sought.conversation_id, "creator": sought.creator_id},
    ).fetchone()
    if row is None:
        raise NotFoundError("There is no such conversation of this creator.")
    creator_id: UUID = row[0]
    return creator_id


def _fans_of(connection: Connection, conversations: list[UUID]) -> dict[UUID, _FoundFan]:
    rows = connection.execute(
        "SELECT c.id, f.id, f.handle, f.display_name FROM conversations c"
        " JOIN fans f ON f.id = c.fan_id WHERE c.id = ANY (%s)",
        (conversations,),
    ).fetchall()
    return {row[0]: _FoundFan(*row[1:]) for row in rows}
