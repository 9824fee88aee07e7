"""Rules of pipelines: who may start, stop and resume one, and how far it is."""

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from functions.content.generation.models import Cost, Tokens
from functions.content.pipelines.models import (
    Item,
    Pipeline,
    PipelineOrder,
    PipelineStatus,
    Step,
    StepProgress,
    StoredPlan,
    WholePipeline,
)
from huntaze.domain.workflows.runs import Halt
from huntaze.errors import ConflictError, InvalidInputError

# As far as the calendar reaches.
_FURTHEST = timedelta(days=700)
# What is lost so often is not lost by chance.
MAX_RUNS = 5


class NotResumableError(ConflictError):
    """Going on would end the same way, or the pipeline has not stopped."""


class PipelineOverError(ConflictError):
    """The pipeline has ended."""


class Pipelines(Protocol):
    """The pipelines of a workspace; ``PostgresPlans`` documents each method."""

    def transaction(self) -> AbstractContextManager[Any]: ...

    def creator(self, creator_id: UUID | None) -> tuple[UUID, str]: ...

    def add(self, order: PipelineOrder, creator_id: UUID, *, by: UUID) -> UUID: ...

    def get(self, plan_id: UUID, *, lock: bool = False) -> StoredPlan: ...

    def items(self, plan_id: UUID) -> list[Item]: ...

    def run_again(self, row_id: UUID, *, by: UUID | None) -> None: ...

    def end(
        self, plan: StoredPlan, status: PipelineStatus, halt: Halt | None = None, *, by: UUID | None
    ) -> bool: ...


def start(order: PipelineOrder, store: Pipelines, *, by: UUID, now: datetime) -> StoredPlan:
    """Store a pipeline that is about to run.

    Raises:
        InvalidInputError: Its first day has gone by, or is years away.
        PaymentRequiredError: The workspace's plan has no AI.
    """
    with store.transaction():
        creator_id, zone = store.creator(order.creator_id)
        today = now.astimezone(ZoneInfo(order.schedule.time_zone or zone)).date()
        first = order.schedule.first
        if first is not None and not today <= first <= today + _FURTHEST:
            raise InvalidInputError(
                f"The first day is between today and {today + _FURTHEST}.",
                fields={"schedule.first": "out of range"},
            )
        return store.get(store.add(order, creator_id, by=by))


def cancel(plan_id: UUID, store: Pipelines, *, by: UUID) -> StoredPlan:
    """End a pipeline for good where it is; what it has made stays.

    Raises:
        PipelineOverError: It does not run.
    """
    with store.transaction():
        plan = store.get(plan_id, lock=True)
        if not store.end(plan, PipelineStatus.CANCELLED, by=by):
            raise PipelineOverError(f"The pipeline is {plan.status} already.")
        return store.get(plan_id)


def resume(plan_id: UUID, store: Pipelines, *, by: UUID) -> StoredPlan:
    """Go on where a pipeline has stopped; what it has is not asked for again.

    Raises:
        NotResumableError: It has not stopped, or would stop again for the same reason.
    """
    with store.transaction():
        plan = store.get(plan_id, lock=True)
        if plan.status in (PipelineStatus.RUNNING, PipelineStatus.COMPLETED):
            raise NotResumableError(f"The pipeline is {plan.status}; nothing holds it.")
        if plan.status is PipelineStatus.CANCELLED:
            raise NotResumableError("The pipeline was cancelled for good; start another one.")
        if plan.halt is not None and not plan.halt.resumable:
            raise NotResumableError(
                "Going on would end the same way; start another pipeline about something else."
            )
        store.run_again(plan_id, by=by)
        return store.get(plan_id)


def take_up(plan_id: UUID, store: Pipelines, *, silent_since: datetime) -> StoredPlan | None:
    """Begin a run anew whose execution was lost; None where there is nothing to begin.

    Args:
        plan_id: Which pipeline.
        store: Where it is.
        silent_since: A run that was heard of after that is not lost.
    """
    with store.transaction():
        plan = store.get(plan_id, lock=True)
        if plan.status is not PipelineStatus.RUNNING:
            return None
        if plan.execution_arn is None:
            return plan
        if plan.updated_at > silent_since:
            return None
        if plan.run >= MAX_RUNS:
            halt = Halt(
                step=plan.step.value,
                error="Lost",
                reason="Nothing was heard of the pipeline, several times.",
                resumable=True,
            )
            store.end(plan, PipelineStatus.FAILED, halt, by=None)
            return None
        store.run_again(plan_id, by=None)
        return store.get(plan_id)


def show(plan_id: UUID, store: Pipelines) -> WholePipeline:
    """Tell how far a pipeline is, with everything that it has made."""
    with store.transaction():
        plan, items = store.get(plan_id), store.items(plan_id)
    return WholePipeline(**progress(plan, items).model_dump(), items=items)


def progress(plan: StoredPlan, items: list[Item]) -> Pipeline:
    """How far a pipeline is."""
    steps = _steps(plan, items)
    return Pipeline(
        id=plan.id,
        creator_id=plan.creator_id,
        status=plan.status,
        percent=sum(100 * one.done // (one.of or 1) for one in steps) // len(steps),
        steps=steps,
        halt=plan.halt,
        optimized_for=plan.platforms,
        blocked=plan.blocked,
        model=plan.model,
        tokens=Tokens(
            input=plan.input_tokens, cached=plan.cached_tokens, output=plan.output_tokens
        ),
        latency_ms=plan.latency_ms,
        cost=Cost.of(plan.cost_nanos),
        degraded=plan.degraded,
        created_at=plan.created_at,
        finished_at=plan.finished_at,
    )


def _steps(plan: StoredPlan, items: list[Item]) -> list[StepProgress]:
    captioned = sum(item.draft_id is not None or item.refused is not None for item in items)
    counted = {Step.IDEAS: (plan.asked, plan.request.count), Step.CAPTIONS: (captioned, len(items))}
    order = list(Step)
    found = []
    for step in order[:-1]:
        done, of = counted.get(step, (0, 1))
        if order.index(step) < order.index(plan.step):
            found.append(StepProgress(step=step, status="done", done=of or 1, of=of or 1))
            continue
        is_next = step is plan.step and plan.status is PipelineStatus.RUNNING
        status = "running" if is_next else "waiting"
        found.append(StepProgress(step=step, status=status, done=done, of=of or 1))
    return found
