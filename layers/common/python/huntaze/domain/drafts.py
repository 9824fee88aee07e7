"""What agents wrote and both checks approved, until a person decides; writes ``ai_drafts``."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field

from huntaze import ai
from huntaze.db import Connection
from huntaze.domain import audit
from huntaze.domain.compliance.review import Review
from huntaze.errors import ConflictError, NotFoundError

type DraftKind = Literal["idea", "caption", "hashtags", "post", "text"]


class DraftDecidedError(ConflictError):
    """Somebody has decided about the draft."""


class NewDraft(BaseModel):
    """What is kept of one text."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    creator_id: UUID
    generation_id: UUID
    kind: DraftKind
    platform: str
    title: str | None = None
    body: str
    details: dict[str, Any] = Field(default_factory=dict)
    model: str
    prompt_version: str
    review: Review
    # The item of a pipeline's plan that it stands beside.
    plan_id: UUID | None = None
    plan_position: int | None = None


class Draft(NewDraft):
    """A text of an agent, and what a person made of it."""

    id: UUID
    created_at: datetime
    decision: ai.Outcome | None
    final_body: str | None


def add(connection: Connection, draft: NewDraft, *, by: UUID | None) -> UUID:
    """Keep a text that both checks approved.

    Raises:
        ValueError: They did not; such a text is not kept.
    """
    if not draft.review.approved:
        raise ValueError("what the checks do not approve is not kept")
    values = draft.model_dump(mode="json")
    row = connection.execute(
        "INSERT INTO ai_drafts (workspace_id, creator_id, generation_id, kind, platform, title,"
        " body, details, model, prompt_version, review, plan_id, plan_position, requested_by)"
        " VALUES (current_setting('app.workspace_id')::uuid, %(creator_id)s, %(generation_id)s,"
        " %(kind)s, %(platform)s, %(title)s, %(body)s, %(details)s, %(model)s,"
        " %(prompt_version)s, %(review)s, %(plan_id)s, %(plan_position)s, %(by)s) RETURNING id",
        {
            **values,
            "details": Jsonb(values["details"]),
            "review": Jsonb(values["review"]),
            "by": by,
        },
    ).fetchone()
    if row is None:
        raise LookupError("an INSERT answered nothing")
    return UUID(str(row[0]))


def lock(connection: Connection, draft_id: UUID) -> Draft:
    """Read a draft that nobody has decided about; nobody else does until the commit.

    Raises:
        NotFoundError: There is none.
        DraftDecidedError: Somebody has.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT id, creator_id, generation_id, kind, platform, title, body, details, model,"
            " prompt_version, review, plan_id, plan_position, created_at, decision, final_body"
            " FROM ai_drafts WHERE id = %s FOR NO KEY UPDATE",
            (draft_id,),
        ).fetchone()
    if row is None:
        raise NotFoundError("There is no such draft in this workspace.")
    draft = Draft.model_validate(row)
    if draft.decision is not None:
        raise DraftDecidedError(f"This draft was {draft.decision.value} before.")
    return draft


def decide(
    connection: Connection,
    draft: Draft,
    outcome: ai.Outcome,
    *,
    by: UUID,
    final_body: str | None = None,
    media_id: UUID | None = None,
    satisfaction: int | None = None,
) -> None:
    """Write down what a person made of a draft, and tell the generation."""
    connection.execute(
        "UPDATE ai_drafts SET decision = %s, decided_by = %s, decided_at = clock_timestamp(),"
        " final_body = %s, media_id = %s WHERE id = %s",
        (outcome.value, by, final_body, media_id, draft.id),
    )
    ai.record_outcome(connection, draft.generation_id, outcome, by=by, satisfaction=satisfaction)
    audit.record(
        connection,
        f"draft.{outcome.value}",
        audit.Target("draft", draft.id),
        actor_id=by,
        facts={"generation_id": str(draft.generation_id), "model": draft.model},
    )
