"""What is known of fans, and which conversations a person must take over, in Postgres."""

from typing import Literal
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row, dict_row

from functions.chatbot.drafts import position
from functions.chatbot.models import MOST_FACTS
from functions.chatbot.shapes import ChatbotConversation, ContextChanges, FanContext
from huntaze import ai
from huntaze.ai.models import Outcome as Became
from huntaze.db import Connection, Tenant
from huntaze.domain import audit
from huntaze.domain.creators import resolve_creator
from huntaze.errors import ConflictError, NotFoundError
from huntaze.http import Page, encode_cursor

type Wanted = Literal["drafted", "handed_over"]

_LIST = "chatbot_conversations"
_PAGE = """
  SELECT c.id, c.creator_id, c.fan_id, c.state, c.last_message_at, c.waiting_since, x.sentiment,
         x.intent, x.urgency, x.language, x.gist, d.id AS draft_id,
         CASE WHEN h.id IS NOT NULL
              THEN jsonb_build_object('topic', h.topic, 'reasons', h.reasons) END AS handed_over,
         h.opened_at AS handed_over_at
    FROM conversations c
    {of_drafts} JOIN reply_drafts d ON d.workspace_id = c.workspace_id
     AND d.conversation_id = c.id AND d.state = 'pending'
    {of_handovers} JOIN chat_handovers h ON h.workspace_id = c.workspace_id
     AND h.conversation_id = c.id AND h.resolved_at IS NULL
    LEFT JOIN chat_contexts x ON x.workspace_id = c.workspace_id AND x.fan_id = c.fan_id
   WHERE c.creator_id = %(creator)s AND (%(after)s::uuid IS NULL OR c.id < %(after)s)
   ORDER BY c.id DESC LIMIT %(rows)s
"""
_CONTEXT = """
  SELECT c.id AS conversation_id, c.fan_id, coalesce(x.summary, '') AS summary, x.summary_by,
         x.sentiment, x.intent, x.urgency, x.language, x.gist, x.message_id,
         coalesce((SELECT jsonb_agg(jsonb_build_object('name', f.name, 'text', f.text,
                            'message_id', f.message_id, 'written_by', f.written_by,
                            'updated_at', f.updated_at) ORDER BY f.name)
                     FROM chat_facts f WHERE f.workspace_id = c.workspace_id
                      AND f.fan_id = c.fan_id AND f.deleted_at IS NULL), '[]') AS facts,
         (SELECT jsonb_build_object('topic', h.topic, 'reasons', h.reasons) FROM chat_handovers h
           WHERE h.workspace_id = c.workspace_id AND h.conversation_id = c.id
             AND h.resolved_at IS NULL) AS handed_over
    FROM conversations c
    LEFT JOIN chat_contexts x ON x.workspace_id = c.workspace_id AND x.fan_id = c.fan_id
   WHERE c.id = %s
"""
_SUMMARISE = """
  INSERT INTO chat_contexts AS c (workspace_id, creator_id, fan_id, summary, summary_by)
  VALUES (current_setting('app.workspace_id')::uuid, %(creator)s, %(fan)s, %(summary)s, %(by)s)
      ON CONFLICT (workspace_id, fan_id) DO UPDATE
     SET summary = coalesce(%(given)s, c.summary), summary_by = excluded.summary_by,
         updated_at = clock_timestamp()
"""
_TELL = """
  INSERT INTO chat_facts AS c (workspace_id, creator_id, fan_id, name, text, written_by, deleted_at)
  VALUES (current_setting('app.workspace_id')::uuid, %(creator)s, %(fan)s, %(name)s,
          coalesce(%(text)s, ''), %(by)s,
          CASE WHEN %(text)s::text IS NULL THEN clock_timestamp() END)
      ON CONFLICT (workspace_id, fan_id, name) DO UPDATE
     SET text = excluded.text, written_by = excluded.written_by,
         deleted_at = excluded.deleted_at, updated_at = clock_timestamp()
"""


class NotHandedOverError(ConflictError):
    """No person has to take the conversation over."""


class TooManyFactsError(ConflictError):
    """As much is known of the fan as can be kept."""


class PostgresContexts:
    """What is known of the fans of one workspace.

    Args:
        tenant: Whose.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def page(
        self, creator_id: UUID | None, wanted: Wanted | None, *, limit: int, cursor: str | None
    ) -> Page[ChatbotConversation]:
        """Read a page of a creator's conversations, newest first."""
        query = sql.SQL(_PAGE).format(
            of_drafts=sql.SQL("" if wanted == "drafted" else "LEFT"),
            of_handovers=sql.SQL("" if wanted == "handed_over" else "LEFT"),
        )
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(ChatbotConversation)) as reading,
        ):
            creator_id = resolve_creator(connection, creator_id)
            values = {"creator": creator_id, "after": position(cursor, _LIST), "rows": limit + 1}
            found = reading.execute(query, values).fetchall()
        items = found[:limit]
        more = encode_cursor(_LIST, items[-1].id) if len(found) > limit else None
        return Page(items=items, next_cursor=more)

    def get(self, conversation_id: UUID) -> FanContext:
        """Read what is known.

        Raises:
            NotFoundError: The caller has no such conversation.
        """
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(FanContext)) as reading,
        ):
            found = reading.execute(_CONTEXT, (conversation_id,)).fetchone()
        if found is None:
            raise NotFoundError("There is no such conversation in this workspace.")
        return found

    def change(self, conversation_id: UUID, changes: ContextChanges, *, by: UUID) -> FanContext:
        """Write what a person knows better; no model changes that again.

        Raises:
            TooManyFactsError: There is no room for it.
        """
        with self._tenant.transaction() as connection:
            whose = _whose(connection, conversation_id)
            rewritten = "summary" in changes.model_fields_set
            if rewritten:
                given = changes.summary
                author = None if given is None else by
                values = {"summary": given or "", "given": given, "by": author}
                connection.execute(_SUMMARISE, {**whose, **values})
            for name, text in changes.facts.items():
                connection.execute(_TELL, {**whose, "name": name, "text": text, "by": by})
            _require_room(connection, whose["fan"])
            audit.record(
                connection,
                "chat_context.changed",
                audit.Target("fan", whose["fan"]),
                actor_id=by,
                facts={
                    "facts": len(changes.facts),
                    "summary": "summary" in changes.model_fields_set,
                },
            )
            return self.get(conversation_id)

    def resolve(self, conversation_id: UUID, *, by: UUID, satisfaction: int | None) -> FanContext:
        """Give a conversation back to the chatbot.

        Raises:
            NotHandedOverError: It has it.
        """
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=dict_row) as writing,
        ):
            whose = _whose(connection, conversation_id)
            found = writing.execute(
                "UPDATE chat_handovers SET resolved_at = clock_timestamp(), resolved_by = %s,"
                " satisfaction = %s WHERE conversation_id = %s AND resolved_at IS NULL"
                " RETURNING id, generation_id, topic",
                (by, satisfaction, conversation_id),
            ).fetchone()
            if found is None:
                raise NotHandedOverError("This conversation is not handed over.")
            if found["generation_id"] is not None:
                ai.record_outcome(
                    connection,
                    found["generation_id"],
                    Became.RESOLVED,
                    by=by,
                    satisfaction=satisfaction,
                )
            audit.record(
                connection,
                "conversation.resolved",
                audit.Target("fan", whose["fan"]),
                actor_id=by,
                facts={"topic": found["topic"], "satisfaction": satisfaction},
            )
            return self.get(conversation_id)


def _require_room(connection: Connection, fan_id: UUID) -> None:
    (kept,) = connection.execute(
        "SELECT count(*) FROM chat_facts WHERE fan_id = %s", (fan_id,)
    ).fetchone() or (0,)
    if kept > MOST_FACTS:
        raise TooManyFactsError(
            f"{MOST_FACTS} facts of a fan are kept, those that were deleted among them: change one"
            " that is there."
        )


def _whose(connection: Connection, conversation_id: UUID) -> dict[str, UUID]:
    row = connection.execute(
        "SELECT creator_id, fan_id FROM conversations WHERE id = %s", (conversation_id,)
    ).fetchone()
    if row is None:
        raise NotFoundError("There is no such conversation in this workspace.")
    return {"creator": row[0], "fan": row[1]}
