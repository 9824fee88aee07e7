"""Rows of runs: where each stands, in the tables of the features that have any."""

from contextlib import AbstractContextManager
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from huntaze import correlation, outbox
from huntaze.db import Connection, Tenant
from huntaze.domain import audit
from huntaze.domain.audit import ActorKind
from huntaze.domain.workflows.runs import Halt


class RunRows:
    """The rows of one workspace; row level security hides all others.

    Args:
        tenant: Whose.
        table: One with the columns status, run, execution_arn, halt, correlation_id, trace,
            updated_at and finished_at.
        name: What events and the audit log call such a thing.
        afresh: What else begins anew with a run, as assignments.
    """

    def __init__(
        self, tenant: Tenant, table: LiteralString, name: str, afresh: LiteralString
    ) -> None:
        self._tenant = tenant
        self._table = table
        self._name = name
        self._afresh = afresh

    def transaction(self) -> AbstractContextManager[Connection]:
        """Open the transaction that several calls share."""
        return self._tenant.transaction()

    def started(self, row_id: UUID, run: int, execution_arn: str) -> None:
        """Keep the execution of a run, unless the row has left that run behind."""
        with self._tenant.transaction() as connection:
            connection.execute(
                f"UPDATE {self._table} SET execution_arn = %s,"  # noqa: S608 - our own words
                " updated_at = clock_timestamp()"
                " WHERE workspace_id = %s AND id = %s AND run = %s",
                (execution_arn, self._tenant.workspace_id, row_id, run),
            )

    def end_run(
        self, row_id: UUID, run: int, status: str, halt: Halt | None = None, *, by: UUID | None
    ) -> bool:
        """End a run, what it has found stays; False where it is over already."""
        with self._tenant.transaction() as connection:
            ended = connection.execute(
                f"UPDATE {self._table} SET status = %s, halt = %s,"  # noqa: S608 - as above
                " finished_at = clock_timestamp(), updated_at = clock_timestamp()"
                " WHERE workspace_id = %s AND id = %s AND status = 'running' AND run = %s",
                (
                    *(status, None if halt is None else Jsonb(halt.model_dump(mode="json"))),
                    *(self._tenant.workspace_id, row_id, run),
                ),
            )
            if ended.rowcount:
                facts = {} if halt is None else {"step": halt.step, "error": halt.error}
                self.note(connection, row_id, status, facts, by=by)
        return bool(ended.rowcount)

    def run_again(self, row_id: UUID, *, by: UUID | None) -> None:
        """Let a locked row go on where it stopped, in another execution.

        Its correlation id stays the one of the order.
        """
        work = correlation.current()
        with self._tenant.transaction() as connection:
            connection.execute(
                f"UPDATE {self._table} SET status = 'running', run = run + 1,"  # noqa: S608 - as above
                " execution_arn = NULL, halt = NULL, finished_at = NULL, trace = %s,"
                f" updated_at = clock_timestamp(), {self._afresh}"
                " WHERE workspace_id = %s AND id = %s",
                (work and work.trace, self._tenant.workspace_id, row_id),
            )
            self.note(connection, row_id, "resumed", by=by)

    def note(
        self,
        connection: Connection,
        row_id: UUID,
        what: str,
        facts: dict[str, Any] | None = None,
        *,
        by: UUID | None = None,
    ) -> None:
        """Tell others, and the audit log."""
        outbox.add(
            connection,
            f"{self._name}.{what}",
            workspace_id=self._tenant.workspace_id,
            aggregate=(self._name, row_id),
            payload=facts or {},
        )
        audit.record(
            connection,
            f"{self._name}.{what}",
            audit.Target(self._name, row_id),
            actor_id=by,
            actor_kind=ActorKind.MEMBER if by else ActorKind.WORKFLOW,
            facts=facts or {},
        )
