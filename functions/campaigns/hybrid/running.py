"""Running a step: once, however often it is called, and never without saying how it ended."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.campaigns.hybrid.models import (
    Step,
    StoredStep,
    StoredWorkflow,
    WorkflowStatus,
)
from functions.campaigns.hybrid.store import WorkflowStore
from functions.campaigns.hybrid.work import (
    WORK,
    Bench,
    BlockedError,
    CampaignEndedError,
    CampaignNotReadyError,
)
from functions.campaigns.store import CampaignStore
from huntaze import ai
from huntaze.domain.outbound.moments import SendTimePassedError
from huntaze.domain.workflows.runs import (
    HALT,
    ModelsUnavailable,
    RunOvertaken,
    StepBusy,
    ending_of,
    halt_of,
)
from huntaze.errors import NotFoundError

# Longer than a call of the function lasts: whoever holds it has died.
LEASE = timedelta(seconds=110)
_REASONS = {"CampaignNotReady": "The campaign did not come to its approval in time."}
# Trying again would end the same: other texts are another workflow.
_FINAL = (BlockedError, CampaignEndedError, SendTimePassedError)


class CampaignNotReady(Exception):  # noqa: N818  (the state machine's retry rules name it)
    """The campaign does not await its approval yet."""


class StepRequest(BaseModel):
    """What the state machine passes to a step."""

    model_config = ConfigDict(frozen=True)

    step: str
    workspace_id: UUID
    workflow_id: UUID
    run: int
    failed_step: str | None = None
    error: dict[str, Any] | None = None
    # What the execution was started with.
    input: dict[str, Any] = Field(default_factory=dict)


def run(
    request: StepRequest,
    store: WorkflowStore,
    campaigns: CampaignStore,
    writer: ai.Writer,
    *,
    now: datetime,
) -> UUID | None:
    """Run one step.

    Returns:
        The campaign that the step has launched, if it has.

    Raises:
        RunOvertaken: The workflow is no longer this execution's.
        StepBusy: Somebody else is at it.
        ModelsUnavailable: No model answered.
        CampaignNotReady: The campaign is not where it should be yet.
        RunStopped: The budget has no room.
        RunRefused: The workflow cannot go on.
    """
    try:
        workflow = store.get(request.workflow_id)
    except NotFoundError:
        raise RunOvertaken("the workflow is erased") from None
    if workflow.run != request.run or workflow.status is not WorkflowStatus.RUNNING:
        if request.step == HALT:
            return None
        raise RunOvertaken(f"run {request.run}: now {workflow.run}, {workflow.status}")
    if request.step == HALT:
        halt = halt_of(request.failed_step, request.error, _REASONS)
        store.end(workflow, WorkflowStatus.FAILED, halt)
        return None
    step = Step(request.step)
    taken = store.claim(workflow, step, LEASE)
    if taken is None:
        raise StepBusy(f"{step} is being worked on")
    if taken.finished_at is None:
        _work(workflow, taken, store, campaigns, writer, now)
    return store.get(workflow.id).campaign_id if step is Step.CAMPAIGN else None


def _work(
    workflow: StoredWorkflow,
    taken: StoredStep,
    store: WorkflowStore,
    campaigns: CampaignStore,
    writer: ai.Writer,
    now: datetime,
) -> None:
    step = taken.step
    found = {name: one.result for name, one in store.steps(workflow.id).items() if one.result}
    bench = Bench(workflow, step, found, taken.reply, store, campaigns, writer, now)
    try:
        if step in (Step.CAMPAIGN, Step.HANDOVER):
            _write(bench)
        else:
            store.finish(workflow, step, WORK[step](bench))
    except Exception as error:
        store.let_go(workflow, step)
        _tell(workflow, step, error, store, now)
        raise


def _write(bench: Bench) -> None:
    """What a step writes and that it is done are one transaction: a campaign is made once."""
    with bench.store.transaction():
        bench.store.get(bench.workflow.id, lock=True)
        bench.store.finish(bench.workflow, bench.step, WORK[bench.step](bench))
        if bench.step is Step.HANDOVER:
            bench.store.end(bench.workflow, WorkflowStatus.COMPLETED)


def _tell(
    workflow: StoredWorkflow, step: Step, error: Exception, store: WorkflowStore, now: datetime
) -> None:
    """Write down how a step ended that cannot go on, in words that the state machine knows."""
    if isinstance(error, ai.NoAnswerError):
        raise ModelsUnavailable(error.detail) from error
    if isinstance(error, CampaignNotReadyError):
        raise CampaignNotReady(error.detail) from error
    ending = ending_of(error, step.value, now=now, final=_FINAL)
    if ending is not None:
        status = WorkflowStatus.STOPPED if ending.stopped else WorkflowStatus.FAILED
        store.end(workflow, status, ending.halt)
        raise ending.told from error
