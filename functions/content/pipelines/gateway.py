"""The state machine of pipelines: starting it, and stopping it."""

import logging
from typing import Protocol
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

from functions.content.pipelines.models import StoredPlan
from functions.content.pipelines.settings import PipelineSettings
from huntaze.domain.workflows import executions
from huntaze.settings import load

log = logging.getLogger(__name__)


class Note(Protocol):
    """Keeps the execution of a run."""

    def __call__(self, row_id: UUID, run: int, execution_arn: str) -> None:
        """Keep it."""
        ...


def start(plan: StoredPlan, note: Note) -> None:
    """Start the execution of a run, and note which it is; starting it twice is starting it once."""
    machine = load(PipelineSettings).pipeline_state_machine_arn
    execution = executions.Execution(
        plan.workspace_id, ("plan_id", plan.id), ("run", plan.run), plan.correlation_id, plan.trace
    )
    note(plan.id, plan.run, executions.start(execution, machine))


def start_or_leave(plan: StoredPlan, note: Note) -> None:
    """Start the execution now; what cannot be started is left to the sweep."""
    try:
        start(plan, note)
    except (BotoCoreError, ClientError):
        log.warning("the pipeline was not started", exc_info=True)


def stop(plan: StoredPlan) -> None:
    """Stop the execution of a run that is over; its next step would find that, too."""
    try:
        executions.stop(plan.execution_arn, "The pipeline was cancelled.")
    except (BotoCoreError, ClientError):
        log.warning("the execution was not stopped", exc_info=True)
