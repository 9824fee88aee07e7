"""The state machine as campaigns see it: start, stop, release a waiting step."""

import json
import logging

from botocore.exceptions import ClientError

from functions.campaigns.models import StoredCampaign
from huntaze import clients
from huntaze.domain.workflows import executions

log = logging.getLogger(__name__)

# The step is not waiting any more: released already, timed out, or its execution is over.
_RELEASED = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")


def start_execution(campaign: StoredCampaign, state_machine_arn: str) -> str:
    """Start the execution of one launch; starting it twice is starting it once.

    Returns:
        The ARN of the execution.
    """
    execution = executions.Execution(
        campaign.workspace_id,
        ("campaign_id", campaign.id),
        ("launch", campaign.launch),
        campaign.correlation_id,
        campaign.trace,
    )
    return executions.start(execution, state_machine_arn)


def stop_execution(execution_arn: str | None, cause: str) -> None:
    """Stop an execution; one that is over, or never began, is left alone."""
    executions.stop(execution_arn, cause)


def release_step(task_token: str, output: dict[str, str]) -> None:
    """Let a waiting step go on; one that was released already is left alone."""
    try:
        clients.step_functions().send_task_success(taskToken=task_token, output=json.dumps(output))
    except ClientError as error:
        if error.response["Error"]["Code"] not in _RELEASED:
            raise
        log.info("the step was released already")
