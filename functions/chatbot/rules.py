"""Answers that are written beforehand, in Postgres."""

from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.chatbot.drafts import position
from functions.chatbot.releasing import NotCompliantError
from functions.chatbot.shapes import AutoReply, AutoReplyDraft
from huntaze.db import Connection, Tenant
from huntaze.domain import audit, compliance
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Feature
from huntaze.domain.creators import resolve_creator
from huntaze.domain.outbound.cancelling import cancel_direct
from huntaze.domain.outbound.texts import parse, render
from huntaze.errors import InvalidInputError, NotFoundError
from huntaze.http import Page, encode_cursor

_SELECT = """
  SELECT r.id, r.creator_id, r.name, r.condition, r.text, r.place, r.every_hours, r.enabled,
         r.written_by, r.created_at, r.updated_at,
         (SELECT count(*) FROM auto_replies a
           WHERE a.workspace_id = r.workspace_id AND a.rule_id = r.id) AS answered
    FROM auto_reply_rules r
"""
_LIST = "auto_replies"
_PAGE = (
    _SELECT + " WHERE r.creator_id = %(creator)s AND (%(after)s::uuid IS NULL OR r.id < %(after)s)"
    " ORDER BY r.id DESC LIMIT %(rows)s"
)


class PostgresRules:
    """The rules of one workspace, as far as the caller may see them.

    Args:
        tenant: Whose.
        user_id: Who calls.
    """

    def __init__(self, tenant: Tenant, user_id: UUID) -> None:
        self._tenant = tenant
        self._user_id = user_id

    def page(self, creator_id: UUID | None, *, limit: int, cursor: str | None) -> Page[AutoReply]:
        """Read a page of a creator's rules, newest first."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(AutoReply)) as reading,
        ):
            creator_id = resolve_creator(connection, creator_id)
            values = {"creator": creator_id, "after": position(cursor, _LIST), "rows": limit + 1}
            found = reading.execute(_PAGE, values).fetchall()
        items = found[:limit]
        more = encode_cursor(_LIST, items[-1].id) if len(found) > limit else None
        return Page(items=items, next_cursor=more)

    def get(self, rule_id: UUID) -> AutoReply:
        """Read one.

        Raises:
            NotFoundError: The caller has no such rule.
        """
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(AutoReply)) as reading,
        ):
            found = reading.execute(_SELECT + " WHERE r.id = %s", (rule_id,)).fetchone()
        if found is None:
            raise NotFoundError("There is no such rule in this workspace.")
        return found

    def add(self, draft: AutoReplyDraft) -> AutoReply:
        """Store a rule.

        Raises:
            NotCompliantError: The rules of the platform forbid its text.
            PaymentRequiredError: The plan has no chatbot.
        """
        with self._tenant.transaction() as connection:
            creator_id = resolve_creator(connection, draft.creator_id)
            entitlements.require(connection, self._tenant.workspace_id, Feature.CHATBOT)
            _check(connection, creator_id, draft.text)
            row = connection.execute(
                "INSERT INTO auto_reply_rules (workspace_id, creator_id, name, condition, text,"
                " place, every_hours, enabled, written_by)"
                " VALUES (current_setting('app.workspace_id')::uuid, %(creator)s, %(name)s,"
                " %(condition)s, %(text)s, %(place)s, %(every_hours)s, %(enabled)s, %(by)s)"
                " RETURNING id",
                self._values(draft) | {"creator": creator_id},
            ).fetchone()
            if row is None:
                raise LookupError("an INSERT answered nothing")
            self._note(connection, "auto_reply.created", row[0])
            return self.get(row[0])

    def replace(self, rule_id: UUID, draft: AutoReplyDraft) -> AutoReply:
        """Write a rule anew; what its old text was to answer is cancelled.

        Raises:
            PaymentRequiredError: It is to be on, and the plan has no chatbot.
        """
        with self._tenant.transaction() as connection:
            creator_id = self.get(rule_id).creator_id
            if draft.creator_id not in (None, creator_id):
                resolve_creator(connection, draft.creator_id)
                raise InvalidInputError(
                    "A rule stays with its creator; write another one.",
                    fields={"creator_id": "cannot be changed"},
                )
            if draft.enabled:
                # Turning one off is for every plan.
                entitlements.require(connection, self._tenant.workspace_id, Feature.CHATBOT)
            _check(connection, creator_id, draft.text)
            self._cancel(connection, rule_id)
            connection.execute(
                "UPDATE auto_reply_rules SET name = %(name)s, condition = %(condition)s,"
                " text = %(text)s, place = %(place)s, every_hours = %(every_hours)s,"
                " enabled = %(enabled)s, written_by = %(by)s, updated_at = clock_timestamp()"
                " WHERE id = %(id)s",
                self._values(draft) | {"id": rule_id},
            )
            self._note(connection, "auto_reply.replaced", rule_id)
            return self.get(rule_id)

    def delete(self, rule_id: UUID) -> None:
        """Delete a rule; what it was to answer is cancelled."""
        with self._tenant.transaction() as connection:
            self.get(rule_id)
            self._cancel(connection, rule_id)
            connection.execute("DELETE FROM auto_reply_rules WHERE id = %s", (rule_id,))
            self._note(connection, "auto_reply.deleted", rule_id)

    def _values(self, draft: AutoReplyDraft) -> dict[str, Any]:
        values = draft.model_dump(mode="json", exclude={"creator_id"})
        return values | {"condition": Jsonb(values["condition"]), "by": self._user_id}

    @staticmethod
    def _cancel(connection: Connection, rule_id: UUID) -> None:
        planned = connection.execute(
            "SELECT s.id FROM auto_replies a"
            " JOIN sends s ON s.workspace_id = a.workspace_id AND s.id = a.send_id"
            " WHERE a.rule_id = %s AND s.state = 'planned'",
            (rule_id,),
        ).fetchall()
        cancel_direct(connection, [row[0] for row in planned])

    def _note(self, connection: Connection, action: str, rule_id: UUID) -> None:
        target = audit.Target("auto_reply", rule_id)
        audit.record(connection, action, target, actor_id=self._user_id)


def _check(connection: Connection, creator_id: UUID, text: str) -> None:
    """Refuse a text that could not be sent, filled with its fallbacks.

    Raises:
        NotCompliantError: The rules of the platform forbid it.
        TemplateError: A placeholder is wrong.
    """
    row = connection.execute("SELECT platform FROM creators WHERE id = %s", (creator_id,))
    (platform,) = row.fetchone() or ("",)
    shown = render(parse(text), {}, unfit=compliance.no_name())
    verdict = compliance.check(shown, platform=platform)
    if not verdict.passed:
        raise NotCompliantError(
            "The rules of the platform forbid this text: " + "; ".join(verdict.reasons) + ".",
            fields={"text": "; ".join(verdict.reasons)},
        )
