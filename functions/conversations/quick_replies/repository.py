"""Quick replies in Postgres; the writing is the domain's."""

from uuid import UUID

from functions.conversations.quick_replies import service
from huntaze.db import Connection, Tenant
from huntaze.domain import fans
from huntaze.domain.conversations import quick_replies
from huntaze.domain.conversations.quick_replies import QuickReply, QuickReplyDraft
from huntaze.domain.creators import resolve_creator
from huntaze.errors import NotFoundError
from huntaze.http import Page


class PostgresQuickReplies:
    """The quick replies of one workspace.

    Args:
        tenant: The workspace, as far as the caller may see it.
        caller: Who asks.
        seen: The creators that the caller sees; None is every one.
    """

    def __init__(self, tenant: Tenant, caller: UUID, seen: list[UUID] | None) -> None:
        self._tenant = tenant
        self._caller = caller
        self._seen = seen

    def page(self, creator_id: UUID | None, *, limit: int, cursor: str | None) -> Page[QuickReply]:
        """Read a page of quick replies."""
        with self._tenant.transaction() as connection:
            if creator_id is not None:
                creator_id = resolve_creator(connection, creator_id)
            return quick_replies.read_quick_replies(
                connection, creator_id, limit=limit, cursor=cursor
            )

    def get(self, quick_reply_id: UUID) -> QuickReply:
        """Read one quick reply."""
        with self._tenant.transaction() as connection:
            return quick_replies.require_quick_reply(connection, quick_reply_id)

    def add(self, draft: QuickReplyDraft) -> QuickReply:
        """Store a quick reply."""
        with self._tenant.transaction() as connection:
            self._check(connection, draft)
            return quick_replies.add_quick_reply(connection, draft, by=self._caller)

    def replace(self, quick_reply_id: UUID, draft: QuickReplyDraft) -> QuickReply:
        """Put another text in the place of one."""
        with self._tenant.transaction() as connection:
            self._require_own(connection, quick_reply_id)
            self._check(connection, draft)
            return quick_replies.replace_quick_reply(connection, quick_reply_id, draft)

    def delete(self, quick_reply_id: UUID) -> None:
        """Delete a quick reply."""
        with self._tenant.transaction() as connection:
            self._require_own(connection, quick_reply_id)
            quick_replies.delete_quick_reply(connection, quick_reply_id)

    def said_to(self, quick_reply_id: UUID, fan_id: UUID | None) -> str:
        """What a quick reply says to a fan."""
        with self._tenant.transaction() as connection:
            quick_reply = quick_replies.require_quick_reply(connection, quick_reply_id)
            if fan_id is None:
                return service.fill(quick_reply.text, {}, platform="")
            fan = fans.require_fan(connection, fan_id)
            if quick_reply.creator_id not in {None, fan.creator_id}:
                raise NotFoundError("This creator has no such quick reply.")
            (platform,) = connection.execute(
                "SELECT platform FROM creators WHERE id = %s", (fan.creator_id,)
            ).fetchone() or ("",)
            names = {"display_name": fan.display_name, "handle": fan.handle}
            return service.fill(quick_reply.text, names, platform=platform)

    def _check(self, connection: Connection, draft: QuickReplyDraft) -> None:
        service.check_text(draft.text)
        service.check_reach(draft.creator_id, seen=self._seen)
        if draft.creator_id is not None:
            resolve_creator(connection, draft.creator_id)

    def _require_own(self, connection: Connection, quick_reply_id: UUID) -> None:
        found = quick_replies.require_quick_reply(connection, quick_reply_id)
        service.check_reach(found.creator_id, seen=self._seen)
