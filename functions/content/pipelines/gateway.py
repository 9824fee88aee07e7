"""The state machine of pipelines: starting it, and stopping it."""

import json
import logging
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from functions.content.pipelines.models import StoredPlan
from functions.content.pipelines.settings import PipelineSettings
from huntaze import clients
from huntaze.settings import load

log = logging.getLogger(__name__)


type Note = Callable[[StoredPlan, str], None]


def start(plan: StoredPlan, note: Note) -> None:
    """Start the execution of a run, and note which it is; starting it twice is starting it once."""
    machine = load(PipelineSettings).pipeline_state_machine_arn
    name = f"{plan.id}-{plan.run}"
    ids = {
        "workspace_id": str(plan.workspace_id),
        "plan_id": str(plan.id),
        "run": plan.run,
        "correlation_id": plan.correlation_id and str(plan.correlation_id),
    }
    try:
        arn = clients.step_functions().start_execution(
            stateMachineArn=machine,
            name=name,
            input=json.dumps(ids),
            **({} if plan.trace is None else {"traceHeader": plan.trace}),
        )["executionArn"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
    note(plan, arn)


def start_or_leave(plan: StoredPlan, note: Note) -> None:
    """Start the execution now; what cannot be started is left to the sweep."""
    try:
        start(plan, note)
    except (BotoCoreError, ClientError):
        log.warning("the pipeline was not started", exc_info=True)


def stop(plan: StoredPlan) -> None:
    """Stop the execution of a run that is over; its next step would find that, too."""
    if plan.execution_arn is None:
        return
    try:
        clients.step_functions().stop_execution(
            executionArn=plan.execution_arn, cause="The pipeline was cancelled."
        )
    except (BotoCoreError, ClientError):
        log.warning("the execution was not stopped", exc_info=True)
