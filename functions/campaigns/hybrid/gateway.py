"""The state machine of workflows: starting it."""

import json
import logging

from botocore.exceptions import BotoCoreError, ClientError

from functions.campaigns.hybrid.models import StoredWorkflow
from functions.campaigns.hybrid.repository import WorkflowRows
from huntaze import clients

log = logging.getLogger(__name__)


def start_execution(workflow: StoredWorkflow, state_machine_arn: str) -> str:
    """Start the execution of one run; starting it twice is starting it once.

    Returns:
        The ARN of the execution.
    """
    name = f"{workflow.id}-{workflow.run}"
    ids = {
        "workspace_id": str(workflow.workspace_id),
        "workflow_id": str(workflow.id),
        "run": workflow.run,
        "correlation_id": workflow.correlation_id and str(workflow.correlation_id),
    }
    try:
        return clients.step_functions().start_execution(
            stateMachineArn=state_machine_arn,
            name=name,
            input=json.dumps(ids),
            **({} if workflow.trace is None else {"traceHeader": workflow.trace}),
        )["executionArn"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        return f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"


def start_or_leave(workflow: StoredWorkflow, rows: WorkflowRows, state_machine_arn: str) -> None:
    """Start the execution now; what cannot be started is left to the sweeper."""
    try:
        rows.started(workflow, start_execution(workflow, state_machine_arn))
    except (BotoCoreError, ClientError):
        log.warning("the workflow was not started", exc_info=True)
