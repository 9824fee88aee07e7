"""What generations read and keep, in Postgres; the writing is the domain's."""

from collections.abc import Sequence
from uuid import UUID

from functions.content.generation.models import Decided, Decision
from functions.content.generation.service import Told
from functions.content.pipelines.repository import PostgresPlans
from huntaze import ai, outbox
from huntaze.ai.agents import Client
from huntaze.db import Tenant
from huntaze.domain import ai_configs, compliance, drafts, media
from huntaze.domain.billing import entitlements
from huntaze.domain.creators import resolve_creator
from huntaze.domain.drafts import Draft, NewDraft
from huntaze.domain.media import MediaDraft
from huntaze.errors import InvalidInputError

_LATELY = 30
_LONGEST_TITLE = 80
_KEPT_AS_TEXT = ("caption", "post", "text")


class NotCompliantError(InvalidInputError):
    """The text may not be sent on this platform."""


class PostgresDesk:
    """The generations of one workspace, as far as the caller may see its creators."""

    def __init__(self, tenant: Tenant, caller: UUID) -> None:
        self._tenant = tenant
        self._caller = caller

    def client(self, creator_id: UUID | None) -> Client:
        """For whom the agent works, if the plan has AI at all."""
        with self._tenant.transaction() as connection:
            entitlements.require_ai(connection, self._tenant.workspace_id)
            creator = resolve_creator(connection, creator_id)
            voice = ai_configs.voice_of(connection, creator)
        return Client(self._tenant.workspace_id, creator, voice)

    def published(self, creator_id: UUID) -> list[str]:
        """Titles of what the creator has in the library, newest first."""
        with self._tenant.transaction() as connection:
            page = media.read_media(connection, creator_id, kind=None, limit=_LATELY, cursor=None)
        return [item.title for item in page.items]

    def keep(self, new: Sequence[NewDraft], told: Told) -> list[UUID]:
        """Keep drafts, and tell what was generated; answers the ids of the drafts."""
        with self._tenant.transaction() as connection:
            outbox.add(
                connection,
                "content.generated",
                workspace_id=self._tenant.workspace_id,
                aggregate=("generation", told.generation_id),
                payload=told.facts,
            )
            ai.settle_outcomes(connection, told.checks, ai.Outcome.RESOLVED)
            if not new:
                # Nobody will decide about any of it.
                refused = ai.Outcome.REJECTED
                ai.settle_outcomes(connection, [told.generation_id], refused)
            return [drafts.add(connection, draft, by=self._caller) for draft in new]

    def decide(self, draft_id: UUID, decision: Decision) -> Decided:
        """Write down what a person makes of a draft; a text joins the library.

        What stands beside an item of a pipeline puts the item into the calendar, too.

        Raises:
            NotCompliantError: The rules forbid what they made of it.
        """
        outcome = {
            "accept": ai.Outcome.ACCEPTED,
            "edit": ai.Outcome.EDITED,
            "reject": ai.Outcome.REJECTED,
        }[decision.decision]
        taken = outcome is not ai.Outcome.REJECTED
        with self._tenant.transaction() as connection:
            draft = drafts.lock(connection, draft_id)
            body = decision.text or _words_of(draft)
            verdict = compliance.check(body, platform=draft.platform)
            if taken and not verdict.passed:
                raise NotCompliantError(
                    "The rules of the platform forbid this text: "
                    + "; ".join(verdict.reasons)
                    + "."
                )
            media_id = entry_id = None
            if taken and draft.kind in _KEPT_AS_TEXT:
                title = draft.title or body.partition("\n")[0][:_LONGEST_TITLE]
                item = MediaDraft(kind="text", title=title, body=body)
                media_id = media.add_media(connection, draft.creator_id, item, by=self._caller).id
            drafts.decide(
                *(connection, draft, outcome),
                by=self._caller,
                final_body=decision.text,
                media_id=media_id,
                satisfaction=decision.satisfaction,
            )
            if media_id is not None and draft.plan_id is not None:
                plans = PostgresPlans(self._tenant)
                entry_id = plans.take(draft, media_id, note=body, by=self._caller)
        return Decided(draft_id=draft_id, decision=outcome, media_id=media_id, entry_id=entry_id)


def _words_of(draft: Draft) -> str:
    tags = " ".join(f"#{tag}" for tag in draft.details.get("hashtags", []))
    return f"{draft.body}\n\n{tags}" if tags else draft.body
