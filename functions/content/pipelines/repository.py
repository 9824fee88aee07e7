"""Pipelines in Postgres: the one writer of ``ai_plan`` and ``ai_plan_item``."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.content.pipelines.models import (
    Item,
    PipelineOrder,
    PipelineStatus,
    Spent,
    Step,
    StoredPlan,
)
from functions.content.pipelines.slots import Slot
from functions.content.pipelines.store import LostPlanError, NewItem, Refused
from functions.content.schedule.models import EntryDraft
from functions.content.schedule.repository import EntryExistsError, PostgresSchedule
from huntaze import correlation
from huntaze.ai import Outcome, settle_outcomes
from huntaze.ai.agents import Client
from huntaze.db import Connection, Tenant
from huntaze.domain import ai_configs, drafts, media
from huntaze.domain.billing import entitlements
from huntaze.domain.creators import resolve_creator
from huntaze.domain.drafts import Draft, NewDraft
from huntaze.domain.media import MediaKind
from huntaze.domain.workflows.rows import RunRows
from huntaze.domain.workflows.runs import Halt
from huntaze.errors import NotFoundError
from huntaze.ids import new_id

_PLAN = """
  SELECT p.*, k.platform, k.time_zone
    FROM ai_plan p JOIN creators k ON k.workspace_id = p.workspace_id AND k.id = p.creator_id
   WHERE p.workspace_id = %s AND p.id = %s
"""
_ITEMS = """
  SELECT i.position, i.kind, i.title, i.body AS description, i.details ->> 'platform' AS platform,
         ARRAY(SELECT jsonb_array_elements_text(i.details -> 'search_words')) AS search_words,
         i.asset_id, m.title AS asset_title, d.id AS draft_id, d.body AS caption,
         ARRAY(SELECT jsonb_array_elements_text(d.details -> 'hashtags')) AS hashtags, d.decision,
         i.refused, i.local_at, i.time_zone, i.at, i.media_id, i.entry_id
    FROM ai_plan_item i
    LEFT JOIN media m ON m.workspace_id = i.workspace_id AND m.id = i.asset_id
    LEFT JOIN ai_drafts d ON d.workspace_id = i.workspace_id AND d.plan_id = i.plan_id
     AND d.plan_position = i.position
   WHERE i.workspace_id = %s AND i.plan_id = %s
   ORDER BY i.position
"""
_LATELY = 30
# Of one word; the newest are the likeliest.
_MOST_FOUND = 20
_LONGEST_NOTE = 1000


class PostgresPlans(RunRows):
    """The pipelines of one workspace, as far as the caller may see its creators."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(tenant, "ai_plan", "pipeline", "leased_until = NULL")

    def creator(self, creator_id: UUID | None) -> tuple[UUID, str]:
        """Whose pipeline it would be, if the plan has AI at all, and the zone of their clocks."""
        with self._tenant.transaction() as connection:
            entitlements.require_ai(connection, self._tenant.workspace_id)
            found = resolve_creator(connection, creator_id)
            (zone,) = connection.execute(
                "SELECT time_zone FROM creators WHERE id = %s", (found,)
            ).fetchone() or ("UTC",)
        return found, zone

    def add(self, order: PipelineOrder, creator_id: UUID, *, by: UUID) -> UUID:
        """Store a pipeline that is about to run."""
        plan_id = new_id()
        work = correlation.current()
        with self._tenant.transaction() as connection:
            connection.execute(
                "INSERT INTO ai_plan (workspace_id, id, creator_id, request, created_by,"
                " correlation_id, trace) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (
                    *(self._tenant.workspace_id, plan_id, creator_id),
                    *(Jsonb(order.model_dump(mode="json")), by),
                    *(work and work.correlation_id, work and work.trace),
                ),
            )
            self.note(connection, plan_id, "started", by=by)
        return plan_id

    def get(self, plan_id: UUID, *, lock: bool = False) -> StoredPlan:
        """Read one pipeline.

        Raises:
            NotFoundError: The caller has no such pipeline.
        """
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(StoredPlan)) as reading,
        ):
            found = reading.execute(
                _PLAN + " FOR UPDATE OF p" if lock else _PLAN,
                (self._tenant.workspace_id, plan_id),
            ).fetchone()
        if found is None:
            raise NotFoundError("There is no such pipeline in this workspace.")
        return found

    def items(self, plan_id: UUID) -> list[Item]:
        """Read what a pipeline has made, in its order."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Item)) as reading,
        ):
            return reading.execute(_ITEMS, (self._tenant.workspace_id, plan_id)).fetchall()

    def end(
        self, plan: StoredPlan, status: PipelineStatus, halt: Halt | None = None, *, by: UUID | None
    ) -> bool:
        """End the present run; False where it is over."""
        return self.end_run(plan.id, plan.run, status.value, halt, by=by)

    def claim(self, plan_id: UUID, run: int, lease: timedelta) -> StoredPlan | None:
        """Take a run, so that nobody else asks the same question meanwhile; None: somebody has."""
        with self._tenant.transaction() as connection:
            taken = connection.execute(
                "UPDATE ai_plan SET fence = fence + 1, updated_at = clock_timestamp(),"
                " leased_until = clock_timestamp() + %s"
                " WHERE id = %s AND run = %s AND status = 'running'"
                " AND (leased_until IS NULL OR leased_until <= clock_timestamp())",
                (lease, plan_id, run),
            )
            return self.get(plan_id) if taken.rowcount else None

    def let_go(self, plan: StoredPlan) -> None:
        """Leave a run to whoever comes next, at once."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE ai_plan SET leased_until = NULL WHERE id = %s AND fence = %s",
                (plan.id, plan.fence),
            )

    def client(self, plan: StoredPlan) -> Client:
        """For whom the agent works."""
        with self._tenant.transaction() as connection:
            voice = ai_configs.voice_of(connection, plan.creator_id)
        return Client(self._tenant.workspace_id, plan.creator_id, voice)

    def published(self, creator_id: UUID) -> list[str]:
        """Titles of what the creator has in the library, newest first."""
        with self._tenant.transaction() as connection:
            page = media.read_media(connection, creator_id, limit=_LATELY)
        return [item.title for item in page.items]

    def find(self, creator_id: UUID, kind: MediaKind, word: str) -> list[UUID]:
        """Items of the library that a word finds, newest first."""
        with self._tenant.transaction() as connection:
            page = media.read_media(
                connection, creator_id, kind=kind, search=word, limit=_MOST_FOUND
            )
        return [item.id for item in page.items]

    def scheduled(self, creator_id: UUID) -> list[tuple[datetime, UUID]]:
        """What is in the creator's calendar, and when; people may have put several at a moment."""
        with self._tenant.transaction() as connection:
            return connection.execute(
                "SELECT at, media_id FROM content_schedule"
                " WHERE creator_id = %s AND status = 'scheduled'",
                (creator_id,),
            ).fetchall()

    def keep_ideas(
        self,
        plan: StoredPlan,
        items: Sequence[NewItem],
        blocked: list[list[str]],
        spent: Spent,
        *,
        asked: int,
    ) -> None:
        """Keep the ideas of one answer."""
        with self._tenant.transaction() as connection:
            self._hold(connection, plan)
            (first,) = connection.execute(
                "SELECT coalesce(max(position) + 1, 0) FROM ai_plan_item WHERE plan_id = %s",
                (plan.id,),
            ).fetchone() or (0,)
            for position, one in enumerate(items, first):
                connection.execute(
                    "INSERT INTO ai_plan_item (workspace_id, creator_id, plan_id, position, kind,"
                    " title, body, details) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                    (
                        *(self._tenant.workspace_id, plan.creator_id, plan.id, position),
                        *(one.kind, one.title, one.description, Jsonb(one.details)),
                    ),
                )
            connection.execute(
                "UPDATE ai_plan SET asked = asked + %s, blocked = blocked || %s WHERE id = %s",
                (asked, Jsonb(blocked), plan.id),
            )
            self._spend(connection, plan, spent)
            # Of ideas nobody says a word: taken are those that the checks let pass.
            outcome = Outcome.ACCEPTED if items else Outcome.REJECTED
            settle_outcomes(connection, [spent.generation_id], outcome)

    def keep_assets(self, plan: StoredPlan, assets: dict[int, UUID]) -> None:
        """Keep what of the library shows each item."""
        with self._tenant.transaction() as connection:
            self._hold(connection, plan)
            for position, asset in assets.items():
                # What was taken out of the library meanwhile shows nothing.
                connection.execute(
                    "UPDATE ai_plan_item SET asset_id = (SELECT id FROM media WHERE id = %s"
                    " AND retired_at IS NULL) WHERE plan_id = %s AND position = %s",
                    (asset, plan.id, position),
                )

    def keep_captions(
        self, plan: StoredPlan, kept: Sequence[NewDraft], refused: Sequence[Refused], spent: Spent
    ) -> None:
        """Keep what stands beside items, and why what does not."""
        with self._tenant.transaction() as connection:
            self._hold(connection, plan)
            for draft in kept:
                drafts.add(connection, draft, by=plan.created_by)
            for one in refused:
                connection.execute(
                    "UPDATE ai_plan_item SET refused = %s WHERE plan_id = %s AND position = %s",
                    (one.reasons, plan.id, one.position),
                )
            self._spend(connection, plan, spent)
            if not kept:
                settle_outcomes(connection, [spent.generation_id], Outcome.REJECTED)

    def keep_slots(self, plan: StoredPlan, slots: dict[int, Slot]) -> None:
        """Keep when each item could be published."""
        with self._tenant.transaction() as connection:
            self._hold(connection, plan)
            for position, slot in slots.items():
                connection.execute(
                    "UPDATE ai_plan_item SET local_at = %s, time_zone = %s, at = %s"
                    " WHERE plan_id = %s AND position = %s",
                    (slot.local_at, slot.time_zone, slot.at, plan.id, position),
                )

    def advance(self, plan: StoredPlan) -> None:
        """Go on to the next step; after the last one the pipeline is complete."""
        with self._tenant.transaction() as connection:
            self._hold(connection, plan)
            step = plan.step.after
            connection.execute(
                "UPDATE ai_plan SET step = %(step)s, leased_until = NULL,"
                " status = CASE WHEN %(done)s THEN 'completed' ELSE status END,"
                " finished_at = CASE WHEN %(done)s THEN clock_timestamp() END WHERE id = %(id)s",
                {"step": step.value, "done": step is Step.DONE, "id": plan.id},
            )
            if step is Step.DONE:
                self.note(connection, plan.id, "completed")

    def take(self, draft: Draft, text_id: UUID, *, note: str, by: UUID) -> UUID | None:
        """Put an item into the calendar, now that a person has taken what stands beside it.

        Args:
            draft: What stands beside the item.
            text_id: The text of the library that it became.
            note: What it says, for whoever publishes the item.
            by: Who took it.

        Returns:
            The entry; None where the item's moment has gone by, or anything else has it by now.
        """
        with self._tenant.transaction() as connection:
            # Items of two pipelines may have the same moment: the one that is taken first gets it.
            connection.execute(
                "SELECT FROM creators WHERE id = %s FOR NO KEY UPDATE", (draft.creator_id,)
            )
            row = connection.execute(
                # What was taken out of the library shows nothing any more.
                "SELECT m.id, i.local_at, i.time_zone, i.at FROM ai_plan_item i"
                " LEFT JOIN media m ON m.workspace_id = i.workspace_id AND m.id = i.asset_id"
                "  AND m.retired_at IS NULL"
                " WHERE i.plan_id = %s AND i.position = %s AND i.at > clock_timestamp()"
                " AND NOT EXISTS (SELECT FROM content_schedule s"
                "  WHERE s.workspace_id = i.workspace_id AND s.creator_id = i.creator_id"
                "   AND s.at = i.at)",
                (draft.plan_id, draft.plan_position),
            ).fetchone()
            entry_id = None if row is None else self._schedule(row, text_id, note, by)
            connection.execute(
                "UPDATE ai_plan_item SET media_id = %s, entry_id = %s"
                " WHERE plan_id = %s AND position = %s",
                (text_id, entry_id, draft.plan_id, draft.plan_position),
            )
        return entry_id

    def _schedule(self, slot: tuple[Any, ...], text_id: UUID, note: str, by: UUID) -> UUID | None:
        asset_id, local_at, time_zone, at = slot
        entry = EntryDraft(
            media_id=asset_id or text_id,
            local_at=local_at,
            time_zone=time_zone,
            # The text itself needs no words beside it.
            note=note[:_LONGEST_NOTE] if asset_id else None,
        )
        try:
            return PostgresSchedule(self._tenant, by).add(entry, at, new_id()).id
        except EntryExistsError:
            return None

    def _hold(self, connection: Connection, plan: StoredPlan) -> None:
        """Lock the plan.

        Raises:
            LostPlanError: The run is over, or somebody else has it.
        """
        held = connection.execute(
            "UPDATE ai_plan SET updated_at = clock_timestamp()"
            " WHERE id = %s AND fence = %s AND run = %s AND status = 'running'",
            (plan.id, plan.fence, plan.run),
        )
        if held.rowcount == 0:
            raise LostPlanError("the run is over, or somebody else's")

    def _spend(self, connection: Connection, plan: StoredPlan, spent: Spent) -> None:
        connection.execute(
            "UPDATE ai_plan SET model = %(model)s, input_tokens = input_tokens + %(input_tokens)s,"
            " cached_tokens = cached_tokens + %(cached_tokens)s,"
            " output_tokens = output_tokens + %(output_tokens)s,"
            " cost_nanos = cost_nanos + %(cost_nanos)s, latency_ms = latency_ms + %(latency_ms)s,"
            " degraded = degraded OR %(degraded)s WHERE id = %(id)s",
            {**spent.model_dump(exclude={"generation_id", "checks"}), "id": plan.id},
        )
        settle_outcomes(connection, spent.checks, Outcome.RESOLVED)
