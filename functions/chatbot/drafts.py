"""Drafts of replies in Postgres, for the people who decide about them."""

from uuid import UUID

from psycopg.rows import class_row

from functions.chatbot.releasing import Decision, DraftOverError, StoredDraft, hold, release
from functions.chatbot.shapes import DraftState, ReplyDraft
from huntaze import ai
from huntaze.ai.models import Outcome as Became
from huntaze.db import Connection, Tenant
from huntaze.domain import audit
from huntaze.domain.creators import resolve_creator
from huntaze.domain.outbound.wake import wake_soon
from huntaze.errors import BadRequestError, NotFoundError
from huntaze.http import Page, decode_cursor, encode_cursor

_SELECT = """
  SELECT d.id, d.creator_id, d.fan_id, d.conversation_id, d.based_on, d.text, d.confidence,
         d.reasons, d.warning, d.model, d.prompt_version, d.review, d.created_at, d.state,
         d.decided_by, d.decided_at, d.by_itself, d.why, d.final_text, d.edit_distance, d.send_id,
         s.state AS send_state, s.reason AS send_reason
    FROM reply_drafts d
    LEFT JOIN sends s ON s.workspace_id = d.workspace_id AND s.id = d.send_id
"""
_LIST = "reply_drafts"
_PAGE = (
    _SELECT
    + """
   WHERE (%(creator)s::uuid IS NULL OR d.creator_id = %(creator)s)
     AND (%(conversation)s::uuid IS NULL OR d.conversation_id = %(conversation)s)
     AND (%(state)s::text IS NULL OR d.state = %(state)s)
     AND (%(after)s::uuid IS NULL OR d.id < %(after)s)
   ORDER BY d.id DESC LIMIT %(rows)s
"""
)


class PostgresDrafts:
    """The drafts of one workspace, as far as the caller may see them.

    Args:
        tenant: Whose.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def page(
        self,
        creator_id: UUID | None,
        conversation_id: UUID | None,
        state: DraftState | None,
        *,
        limit: int,
        cursor: str | None,
    ) -> Page[ReplyDraft]:
        """Read a page, newest first."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(ReplyDraft)) as reading,
        ):
            if creator_id is not None:
                resolve_creator(connection, creator_id)
            found = reading.execute(
                _PAGE,
                {
                    "creator": creator_id,
                    "conversation": conversation_id,
                    "state": state,
                    "after": position(cursor, _LIST),
                    "rows": limit + 1,
                },
            ).fetchall()
        items = found[:limit]
        more = encode_cursor(_LIST, items[-1].id) if len(found) > limit else None
        return Page(items=items, next_cursor=more)

    def get(self, draft_id: UUID) -> ReplyDraft:
        """Read one.

        Raises:
            NotFoundError: The caller has no such draft.
        """
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(ReplyDraft)) as reading,
        ):
            found = reading.execute(_SELECT + " WHERE d.id = %s", (draft_id,)).fetchone()
        if found is None:
            raise NotFoundError("There is no such draft in this workspace.")
        return found

    def approve(self, draft_id: UUID, decision: Decision) -> ReplyDraft:
        """Let a draft go, or what a person has made of it.

        Raises:
            DraftOverError: Somebody decided before, or the conversation moved on.
            NotCompliantError: The rules forbid what would be sent.
        """
        with self._tenant.transaction() as connection:
            draft = hold(connection, draft_id)
            if draft.state == "pending":
                release(connection, draft, decision)
                wake_soon(draft.creator_id)
        # What was discarded stays so: the transaction is over.
        _require_pending(draft)
        return self.get(draft_id)

    def reject(self, draft_id: UUID, *, by: UUID, why: str | None) -> ReplyDraft:
        """Do not send a draft.

        Raises:
            DraftOverError: Somebody decided before, or the conversation moved on.
        """
        with self._tenant.transaction() as connection:
            draft = hold(connection, draft_id)
            if draft.state == "pending":
                _reject(connection, draft, by, why)
        _require_pending(draft)
        return self.get(draft_id)


def position(cursor: str | None, of_list: str) -> UUID | None:
    """Where a page of a list begins.

    Raises:
        BadRequestError: The cursor is none of this list's.
    """
    if cursor is None:
        return None
    name, last = decode_cursor(cursor, 2)
    try:
        after = UUID(last)
    except ValueError:
        name = ""
    if name != of_list:
        raise BadRequestError("The cursor is of another list; leave it out to start over.")
    return after


def _reject(connection: Connection, draft: StoredDraft, by: UUID, why: str | None) -> None:
    connection.execute(
        "UPDATE reply_drafts SET state = 'rejected', decided_by = %s,"
        " decided_at = clock_timestamp(), why = %s WHERE id = %s",
        (by, why, draft.id),
    )
    ai.record_outcome(connection, draft.generation_id, Became.REJECTED, by=by)
    audit.record(
        connection,
        "reply.rejected",
        audit.Target("reply", draft.id),
        actor_id=by,
        facts={"creator_id": str(draft.creator_id), "generation_id": str(draft.generation_id)},
    )


def _require_pending(draft: StoredDraft) -> None:
    if draft.state == "discarded":
        raise DraftOverError(f"This draft was discarded: {draft.why}.")
    if draft.state != "pending":
        raise DraftOverError(f"This draft was {draft.state} before.")
