"""Workflows that were never started, or whose execution has gone silent."""

from uuid import UUID

from functions.campaigns.hybrid.figures import PostgresWorkflows
from functions.campaigns.hybrid.gateway import start_execution
from functions.campaigns.hybrid.models import WorkflowStatus
from huntaze.domain.workflows.runs import Halt

DUE = "SELECT * FROM workflows_to_move()"


def move(what: str, workflow_id: UUID, store: PostgresWorkflows, state_machine_arn: str) -> None:
    """Start a run whose start was lost, or end one that nothing will end any more."""
    workflow = store.get(workflow_id)
    if workflow.status is not WorkflowStatus.RUNNING:
        return
    if what == "start":
        store.started(workflow.id, workflow.run, start_execution(workflow, state_machine_arn))
        return
    halt = Halt(
        step="unknown",
        error="Lost",
        reason="Nothing was heard of the workflow for hours.",
        resumable=True,
    )
    store.end(workflow, WorkflowStatus.FAILED, halt)
