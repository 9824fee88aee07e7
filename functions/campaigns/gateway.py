"""The state machine as campaigns see it: start, stop, release a waiting step."""

import json
import logging

from botocore.exceptions import ClientError

from functions.campaigns.models import StoredCampaign
from huntaze import clients

log = logging.getLogger(__name__)

# The step is not waiting any more: released already, timed out, or its execution is over.
_RELEASED = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")


def start_execution(campaign: StoredCampaign, state_machine_arn: str) -> str:
    """Start the execution of one launch; starting it twice is starting it once.

    Returns:
        The ARN of the execution.
    """
    name = f"{campaign.id}-{campaign.launch}"
    try:
        return clients.step_functions().start_execution(
            stateMachineArn=state_machine_arn,
            name=name,
            input=json.dumps(
                {
                    "workspace_id": str(campaign.workspace_id),
                    "campaign_id": str(campaign.id),
                    "launch": campaign.launch,
                    "correlation_id": campaign.correlation_id and str(campaign.correlation_id),
                }
            ),
            # An execution that the sweeper starts is in the trace of the launch, too.
            **({} if campaign.trace is None else {"traceHeader": campaign.trace}),
        )["executionArn"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        return f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"


def stop_execution(execution_arn: str | None, cause: str) -> None:
    """Stop an execution; one that is over, or never began, is left alone."""
    if execution_arn is None:
        return
    try:
        clients.step_functions().stop_execution(executionArn=execution_arn, cause=cause)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ExecutionDoesNotExist", "ValidationException"):
            raise
        log.info("the execution was over already")


def release_step(task_token: str, output: dict[str, str]) -> None:
    """Let a waiting step go on; one that was released already is left alone."""
    try:
        clients.step_functions().send_task_success(taskToken=task_token, output=json.dumps(output))
    except ClientError as error:
        if error.response["Error"]["Code"] not in _RELEASED:
            raise
        log.info("the step was released already")
