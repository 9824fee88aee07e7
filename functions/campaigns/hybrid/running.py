"""Running a step: once, however often it is called, and never without saying how it ended."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.campaigns.hybrid.models import (
    Halt,
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
from huntaze.errors import HuntazeError, NotFoundError

# Longer than a call of the function lasts: whoever holds it has died.
LEASE = timedelta(seconds=110)
# What the state machine calls when no retry is left.
HALT = "halt"
# Trying again would end the same: other texts are another workflow.
_FINAL = (BlockedError, CampaignEndedError)


class WorkflowRefused(Exception):  # noqa: N818  (the state machine's retry rules name it)
    """The workflow cannot go on; its row says why."""


class WorkflowOvertaken(Exception):  # noqa: N818  (as above)
    """The execution belongs to an earlier run, or the workflow has ended."""


class WorkflowStopped(Exception):  # noqa: N818  (as above)
    """The budget has no room; its row says until when."""


class ModelsUnavailable(Exception):  # noqa: N818  (as above)
    """No model answered. Nothing is approved by that; the step is tried again."""


class StepBusy(Exception):  # noqa: N818  (as above)
    """Somebody works on the step, or has died with it."""


class CampaignNotReady(Exception):  # noqa: N818  (as above)
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
        WorkflowOvertaken: The workflow is no longer this execution's.
        StepBusy: Somebody else is at it.
        ModelsUnavailable: No model answered.
        CampaignNotReady: The campaign is not where it should be yet.
        WorkflowStopped: The budget has no room.
        WorkflowRefused: The workflow cannot go on.
    """
    try:
        workflow = store.get(request.workflow_id)
    except NotFoundError:
        raise WorkflowOvertaken("the workflow is erased") from None
    if workflow.run != request.run or workflow.status is not WorkflowStatus.RUNNING:
        if request.step == HALT:
            return None
        raise WorkflowOvertaken(f"run {request.run}: now {workflow.run}, {workflow.status}")
    if request.step == HALT:
        store.end(workflow, WorkflowStatus.FAILED, _halt_of(request))
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
    if isinstance(error, ai.BudgetUsedUpError):
        resets_at = now + timedelta(seconds=error.retry_after)
        halt = Halt(
            step=step.value,
            error=error.code,
            reason=error.detail,
            resumable=True,
            resets_at=resets_at,
        )
        store.end(workflow, WorkflowStatus.STOPPED, halt)
        raise WorkflowStopped(f"no budget until {resets_at.isoformat()}") from error
    if isinstance(error, HuntazeError):
        halt = Halt(
            step=step.value,
            error=error.code,
            reason=error.detail,
            resumable=not isinstance(error, _FINAL),
        )
        store.end(workflow, WorkflowStatus.FAILED, halt)
        raise WorkflowRefused(error.code) from error


def _halt_of(request: StepRequest) -> Halt:
    error = request.error or {}
    name = str(error.get("Error", "unknown"))
    reasons = {
        ModelsUnavailable.__name__: "No model answered, several times; nothing was approved.",
        StepBusy.__name__: "The step was worked on for longer than it may last.",
        CampaignNotReady.__name__: "The campaign did not come to its approval in time.",
    }
    return Halt(
        step=request.failed_step or "unknown",
        error=name,
        reason=reasons.get(name, "The step failed, several times; the log says how."),
        resumable=True,
    )
