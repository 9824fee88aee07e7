"""Workflows in Postgres: their rows and those of their steps."""

from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.campaigns.hybrid.models import (
    AiForecast,
    HybridOrder,
    Reply,
    Step,
    StoredStep,
    StoredWorkflow,
    WorkflowStatus,
)
from functions.campaigns.repository import generations_of
from huntaze import correlation
from huntaze.ai import Outcome, settle_outcomes
from huntaze.db import Connection, Tenant
from huntaze.domain.workflows.rows import RunRows
from huntaze.domain.workflows.runs import Halt
from huntaze.errors import NotFoundError
from huntaze.ids import new_id

_WORKFLOW = """
  SELECT w.*, k.platform, c.status AS campaign_status
    FROM workflows w
    JOIN creators k ON k.workspace_id = w.workspace_id AND k.id = w.creator_id
    LEFT JOIN campaigns c ON c.workspace_id = w.workspace_id AND c.id = w.campaign_id
   WHERE w.workspace_id = %s AND w.id = %s
"""


class WorkflowRows(RunRows):
    """The workflows of one workspace; row level security hides all others."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(tenant, "workflows", "workflow", "started_at = clock_timestamp()")

    def add(
        self, order: HybridOrder, forecast: AiForecast, *, creator_id: UUID, requested_by: UUID
    ) -> UUID:
        """Store a workflow that is about to run."""
        workflow_id = new_id()
        work = correlation.current()
        with self._tenant.transaction() as connection:
            connection.execute(
                "INSERT INTO workflows (workspace_id, id, creator_id, request, forecast,"
                " requested_by, correlation_id, trace) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    *(self._tenant.workspace_id, workflow_id, creator_id),
                    *(Jsonb(order.model_dump(mode="json")), Jsonb(forecast.model_dump())),
                    *(requested_by, work and work.correlation_id, work and work.trace),
                ),
            )
            self.note(connection, workflow_id, "started", by=requested_by)
        return workflow_id

    def get(self, workflow_id: UUID, *, lock: bool = False) -> StoredWorkflow:
        """Read one workflow.

        Args:
            workflow_id: Which.
            lock: Hold the row until the caller's transaction ends.

        Raises:
            NotFoundError: The workspace has no such workflow.
        """
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(StoredWorkflow)) as cursor,
        ):
            found = cursor.execute(
                _WORKFLOW + " FOR UPDATE OF w" if lock else _WORKFLOW,
                (self._tenant.workspace_id, workflow_id),
            ).fetchone()
        if found is None:
            raise NotFoundError("There is no such workflow.")
        return found

    def newest(self) -> UUID:
        """The workflow that was started last.

        Raises:
            NotFoundError: There is none yet.
        """
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT id FROM workflows WHERE workspace_id = %s ORDER BY id DESC LIMIT 1",
                (self._tenant.workspace_id,),
            ).fetchone()
        if row is None:
            raise NotFoundError("There is no workflow yet.")
        found: UUID = row[0]
        return found

    def steps(self, workflow_id: UUID) -> dict[Step, StoredStep]:
        """The steps that were begun."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(StoredStep)) as cursor,
        ):
            rows = cursor.execute(
                "SELECT step, attempts, reply, result, started_at, finished_at"
                " FROM workflow_steps WHERE workspace_id = %s AND workflow_id = %s",
                (self._tenant.workspace_id, workflow_id),
            ).fetchall()
        return {row.step: row for row in rows}

    def claim(self, workflow: StoredWorkflow, step: Step, lease: timedelta) -> StoredStep | None:
        """Take a step, so that nobody else asks the same question meanwhile.

        Returns:
            The step, which may be done already; None: somebody works on it.
        """
        with self._tenant.transaction() as connection:
            taken = connection.execute(
                "INSERT INTO workflow_steps AS s"
                " (workspace_id, creator_id, workflow_id, step, leased_until)"
                " VALUES (%s, %s, %s, %s, clock_timestamp() + %s)"
                " ON CONFLICT (workspace_id, workflow_id, step) DO UPDATE"
                " SET attempts = s.attempts + 1, leased_until = excluded.leased_until"
                " WHERE s.finished_at IS NULL"
                " AND (s.leased_until IS NULL OR s.leased_until <= clock_timestamp())"
                " RETURNING step",
                (
                    *(workflow.workspace_id, workflow.creator_id, workflow.id),
                    *(step.value, lease),
                ),
            ).fetchone()
            self._touch(connection, workflow)
        found = self.steps(workflow.id)[step]
        return found if taken is not None or found.finished_at is not None else None

    def let_go(self, workflow: StoredWorkflow, step: Step) -> None:
        """Leave a step to whoever comes next, at once."""
        self._step(workflow, step, "leased_until = NULL", {})

    def keep_reply(self, workflow: StoredWorkflow, step: Step, reply: Reply) -> Reply:
        """Keep what a model answered; the first answer to a question stays."""
        self._step(
            workflow,
            step,
            "reply = coalesce(reply, %(reply)s)",
            {"reply": Jsonb(reply.model_dump(mode="json"))},
        )
        kept = self.steps(workflow.id)[step].reply
        return reply if kept is None else kept

    def finish(self, workflow: StoredWorkflow, step: Step, result: dict[str, Any]) -> None:
        """Keep what a step found, once."""
        with self._tenant.transaction() as connection:
            self._step(
                workflow,
                step,
                "result = %(result)s, finished_at = clock_timestamp(), leased_until = NULL",
                {"result": Jsonb(result)},
            )
            if step in (Step.COMPLIANCE, Step.REVIEW):
                checks = generations_of(connection, workflow.id, step.value)
                settle_outcomes(connection, checks, Outcome.RESOLVED)

    def link(self, workflow: StoredWorkflow, campaign_id: UUID) -> None:
        """Say which campaign a workflow has led to."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE workflows SET updated_at = clock_timestamp(), campaign_id = %s"
                " WHERE workspace_id = %s AND id = %s",
                (campaign_id, workflow.workspace_id, workflow.id),
            )

    def end(
        self, workflow: StoredWorkflow, status: WorkflowStatus, halt: Halt | None = None
    ) -> None:
        """End a run; what it has found stays."""
        with self._tenant.transaction() as connection:
            ended = self.end_run(workflow.id, workflow.run, status.value, halt, by=None)
            if ended and halt is not None and not halt.resumable:
                # Nobody will ever decide on it.
                written = generations_of(connection, workflow.id)
                settle_outcomes(connection, written, Outcome.REJECTED)

    def _step(
        self,
        workflow: StoredWorkflow,
        step: Step,
        assignments: LiteralString,
        values: dict[str, Any],
    ) -> None:
        with self._tenant.transaction() as connection:
            connection.execute(
                # The callers' own words, never a value.
                f"UPDATE workflow_steps SET {assignments}"  # noqa: S608
                " WHERE workspace_id = %(workspace)s AND workflow_id = %(workflow)s"
                " AND step = %(step)s AND finished_at IS NULL",
                {
                    **values,
                    "workspace": workflow.workspace_id,
                    "workflow": workflow.id,
                    "step": step.value,
                },
            )
            self._touch(connection, workflow)

    def _touch(self, connection: Connection, workflow: StoredWorkflow) -> None:
        connection.execute(
            "UPDATE workflows SET updated_at = clock_timestamp()"
            " WHERE workspace_id = %s AND id = %s",
            (workflow.workspace_id, workflow.id),
        )
