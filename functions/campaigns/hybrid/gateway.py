"""The state machine of workflows: starting it."""

import logging

from botocore.exceptions import BotoCoreError, ClientError

from functions.campaigns.hybrid.models import StoredWorkflow
from functions.campaigns.hybrid.repository import WorkflowRows
from huntaze.domain.workflows import executions

log = logging.getLogger(__name__)


def start_execution(workflow: StoredWorkflow, state_machine_arn: str) -> str:
    """Start the execution of one run, and return its ARN."""
    execution = executions.Execution(
        workflow.workspace_id,
        ("workflow_id", workflow.id),
        ("run", workflow.run),
        workflow.correlation_id,
        workflow.trace,
    )
    return executions.start(execution, state_machine_arn)


def start_or_leave(workflow: StoredWorkflow, rows: WorkflowRows, state_machine_arn: str) -> None:
    """Start the execution now; what cannot be started is left to the sweeper."""
    try:
        rows.started(workflow.id, workflow.run, start_execution(workflow, state_machine_arn))
    except (BotoCoreError, ClientError):
        log.warning("the workflow was not started", exc_info=True)
