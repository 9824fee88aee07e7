"""What callers may do with workflows: see their price, start them, look at them, go on."""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from functions.campaigns.hybrid.forecast import forecast
from functions.campaigns.hybrid.models import (
    AiForecast,
    HybridOrder,
    Step,
    StepState,
    StoredStep,
    StoredWorkflow,
    Workflow,
    WorkflowStatus,
)
from functions.campaigns.hybrid.store import WorkflowStore
from functions.campaigns.service import NotCompliantError
from functions.campaigns.store import CampaignStore
from huntaze import ai
from huntaze.ai.ledger import room_of
from huntaze.db import Connection
from huntaze.domain import compliance
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Feature
from huntaze.domain.outbound.moments import check_time
from huntaze.errors import ConflictError, ForbiddenError, InvalidInputError
from huntaze.flags import Flag

# Whoever asks for a time must leave a person time to approve; a month is as far as habits reach.
_FARTHEST = timedelta(days=31)


class FeatureOffError(ForbiddenError):
    """The feature is not switched on for this workspace yet."""


class NotResumableError(ConflictError):
    """Going on would end the same way, or the workflow has not stopped."""


class Flags(Protocol):
    """Which features a workspace has already."""

    def is_on(self, flag: str, workspace_id: UUID) -> bool:
        """Whether it has one."""
        ...


def require_on(flags: Flags, workspace_id: UUID) -> None:
    """Refuse a workspace that the feature has not reached yet.

    Raises:
        FeatureOffError: It has not.
    """
    if not flags.is_on(Flag.HYBRID_CAMPAIGNS, workspace_id):
        raise FeatureOffError("Hybrid campaigns are not switched on for this workspace yet.")


def estimate(
    store: WorkflowStore, *, workspace_id: UUID, creator_id: UUID, segments: int, now: datetime
) -> AiForecast:
    """Tell what a workflow would take of the budget for AI."""
    voice = store.voice(creator_id)
    return forecast(workspace_id, voice, now.date(), economy=False, segments=segments)


def start(
    order: HybridOrder,
    store: WorkflowStore,
    campaigns: CampaignStore,
    *,
    workspace_id: UUID,
    creator_id: UUID,
    requested_by: UUID,
    now: datetime,
) -> StoredWorkflow:
    """Store a workflow, once everything is known that could be refused for no money.

    Raises:
        BudgetUsedUpError: The budget has no room for all of it.
        NotCompliantError: The offer itself is not allowed.
        PaymentRequiredError: The workspace's plan does not include it.
    """
    _check_times(order, now)
    with store.transaction() as connection:
        campaigns.check_references(
            creator_id, segment_ids=order.segments, media_ids=order.media_ids
        )
        _check_entitled(connection, order, workspace_id, creator_id)
        voice = store.voice(creator_id)
        _check_offer(order, voice.platform)
        parts = max(1, len(order.segments))
        estimated = forecast(workspace_id, voice, now.date(), economy=False, segments=parts)
        least = forecast(workspace_id, voice, now.date(), economy=True, segments=parts)
        _check_budget(connection, workspace_id, estimated, least, now)
        workflow_id = store.add(order, estimated, creator_id=creator_id, requested_by=requested_by)
        return store.get(workflow_id)


def resume(workflow_id: UUID, store: WorkflowStore, *, requested_by: UUID) -> StoredWorkflow:
    """Go on where a workflow has stopped; what it has found is not asked for again.

    Raises:
        NotResumableError: It has not stopped, or would stop again for the same reason.
    """
    with store.transaction():
        workflow = store.get(workflow_id, lock=True)
        if workflow.halt is None:
            raise NotResumableError(f"The workflow is {workflow.status}; nothing holds it.")
        if not workflow.halt.resumable:
            raise NotResumableError(
                "Going on would end the same way; start another workflow with another goal."
            )
        store.run_again(workflow_id, by=requested_by)
        return store.get(workflow_id)


def show(workflow_id: UUID, store: WorkflowStore) -> Workflow:
    """Tell how far a workflow is, with everything that it has found."""
    with store.transaction():
        workflow = store.get(workflow_id)
        steps = store.steps(workflow_id)
    return Workflow(
        **workflow.model_dump(
            exclude={"id", "platform", "request", "execution_arn", "requested_by", "trace"}
        ),
        workflow_id=workflow.id,
        ai_cost_nano_usd=sum(
            one.reply.cost_nano_usd for one in steps.values() if one.reply is not None
        ),
        steps=[_state(step, steps.get(step), workflow) for step in Step],
    )


def _state(step: Step, stored: StoredStep | None, workflow: StoredWorkflow) -> StepState:
    reply = stored and stored.reply
    running = stored is not None and workflow.status is WorkflowStatus.RUNNING
    done = stored is not None and stored.finished_at is not None
    return StepState(
        step=step,
        status="done" if done else "running" if running else "waiting",
        attempts=stored.attempts if stored else 0,
        started_at=stored and stored.started_at,
        finished_at=stored and stored.finished_at,
        result=stored and stored.result,
        generation_id=reply.generation_id if reply else None,
        model=reply.model if reply else None,
        cost_nano_usd=reply.cost_nano_usd if reply else 0,
        tier=reply.tier if reply else None,
        reason=reply.reason if reply else None,
        degraded=reply.degraded if reply else False,
    )


def _check_times(order: HybridOrder, now: datetime) -> None:
    check_time(order.scheduled_at, now)
    for name, at in (("not_before", order.not_before), ("not_after", order.not_after)):
        if at is None:
            continue
        if at > now + _FARTHEST:
            raise InvalidInputError(
                f"Choose from the next {_FARTHEST.days} days.", fields={name: "too far ahead"}
            )
        if name == "not_after" and at <= now:
            raise InvalidInputError("not_after has gone by.", fields={name: "in the past"})


def _check_offer(order: HybridOrder, platform: str) -> None:
    """Price and media against the platform's rules, before anything is written for them."""
    verdict = compliance.check(
        "Hello", platform=platform, price_cents=order.price_cents, media_count=len(order.media_ids)
    )
    goal = compliance.check(order.goal, platform=platform)
    reasons = [*verdict.reasons, *goal.reasons]
    if reasons:
        raise NotCompliantError("The rules of the platform forbid this: " + "; ".join(reasons))


def _check_entitled(
    connection: Connection, order: HybridOrder, workspace_id: UUID, creator_id: UUID
) -> None:
    if (order.variants or 1) > 1 or order.holdout_percent:
        entitlements.require(connection, workspace_id, Feature.AB_TESTS)
    entitlements.require_sending(connection, workspace_id, creator_id)


def _check_budget(
    connection: Connection,
    workspace_id: UUID,
    estimated: AiForecast,
    least: AiForecast,
    now: datetime,
) -> None:
    """Refuse what would surely be left half done; what is dearer than expected stops later."""
    room = room_of(connection, workspace_id)
    needed = least if room.may_degrade else estimated
    if room.nanos is not None and room.nanos < needed.expected_nano_usd:
        raise ai.BudgetUsedUpError(
            "The budget for AI has no room for a campaign until"
            f" {room.resets_at:%Y-%m-%d %H:%M %Z}; raise it, or try again then.",
            retry_after=max(1, round((room.resets_at - now).total_seconds())),
        )
