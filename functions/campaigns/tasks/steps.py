"""The steps of a campaign: each may run twice and does its work once."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.campaigns import plan
from functions.campaigns.models import StoredCampaign
from functions.campaigns.status import CampaignStatus, IllegalMoveError, Move
from functions.campaigns.store import CampaignStore
from huntaze import correlation
from huntaze.domain.outbound import planning
from huntaze.domain.outbound.states import SendState
from huntaze.domain.outbound.wake import wake_creators
from huntaze.errors import HuntazeError

_MOVING = (CampaignStatus.SENDING, CampaignStatus.PAUSED)
# A launch that is taken up after a database restore begins anew wherever its campaign stands.
_PREPARED = (CampaignStatus.AWAITING_APPROVAL, CampaignStatus.SCHEDULED, *_MOVING)


class CampaignRefused(Exception):  # noqa: N818  (the state machine's retry rules name it)
    """The campaign cannot go on and trying again will not help; the text is the reason."""


class CampaignOvertaken(Exception):  # noqa: N818  (as above)
    """A person has changed or cancelled the campaign: this execution is no longer its own."""


class StepRequest(BaseModel):
    """What the state machine passes to a step."""

    model_config = ConfigDict(frozen=True)

    step: str
    workspace_id: UUID
    campaign_id: UUID
    launch: int
    task_token: str | None = None
    failed_step: str | None = None
    error: dict[str, Any] | None = None
    # What the execution was started with.
    input: dict[str, Any] = Field(default_factory=dict)


type Step = Callable[[StoredCampaign, CampaignStore, StepRequest], dict[str, Any]]


def prepare(campaign: StoredCampaign, store: CampaignStore, _: StepRequest) -> dict[str, Any]:
    """Check that everything the campaign refers to is still there."""
    if campaign.status in _PREPARED:
        return {}
    _expect(campaign, CampaignStatus.PREPARING)
    plan.campaign_plan(campaign, store)
    return {}


def check_compliance(
    campaign: StoredCampaign, _store: CampaignStore, _: StepRequest
) -> dict[str, Any]:
    """Refuse a text that the rules forbid."""
    if campaign.status in _PREPARED:
        return {}
    _expect(campaign, CampaignStatus.PREPARING)
    objections = plan.objections(campaign)
    if objections:
        raise CampaignRefused("The rules forbid this text: " + "; ".join(objections))
    return {}


def dry_run(campaign: StoredCampaign, store: CampaignStore, _: StepRequest) -> dict[str, Any]:
    """Keep what the approver will see: audience, exclusions, time, forecast."""
    if campaign.status in _PREPARED:
        return {}
    _expect(campaign, CampaignStatus.PREPARING)
    with store.transaction() as connection:
        result = plan.dry_run(connection, campaign, store)
        store.record(campaign.id, dry_run=result.model_dump(mode="json"))
    return {}


def await_approval(
    campaign: StoredCampaign, store: CampaignStore, request: StepRequest
) -> dict[str, Any]:
    """Store the token first, then ask: whoever decides from now on finds it."""
    _expect(campaign, CampaignStatus.PREPARING, *_PREPARED)
    store.record(campaign.id, approval_token=request.task_token)
    if campaign.status is CampaignStatus.PREPARING:
        store.advance(campaign, Move.ASK_APPROVAL)
    return {}


def freeze(campaign: StoredCampaign, store: CampaignStore, _: StepRequest) -> dict[str, Any]:
    """Write the ledger: audience, texts, prices and media as they are approved."""
    at = campaign.scheduled_at or datetime.now(UTC)
    until = {"scheduled_at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    if campaign.status in _MOVING:
        store.record(campaign.id, approval_token=None)
        return until
    _expect(campaign, CampaignStatus.SCHEDULED)
    approval_id = store.approval_id(campaign)
    if approval_id is None:
        raise CampaignRefused("The present version of the campaign is not approved.")
    store.record(campaign.id, approval_token=None)
    with store.transaction() as connection:
        # Frozen is frozen: who joined since the first run of this step gets nothing.
        if not planning.is_planned(connection, campaign.id):
            plan.require_as_seen(campaign, store)
            rows = planning.plan_campaign(
                connection, plan.campaign_plan(campaign, store, approval_id=approval_id)
            )
            store.tell("campaign.planned", campaign.id, {"rows": rows})
    return until


def release(campaign: StoredCampaign, store: CampaignStore, _: StepRequest) -> dict[str, Any]:
    """Let the lane have the campaign's rows."""
    if campaign.status is CampaignStatus.SCHEDULED:
        store.advance(campaign, Move.RELEASE)
        work = correlation.current()
        # The messages hang below this step in the trace; untraced, they hang where the launch is.
        trace = {"trace": work.trace} if work is not None and work.trace is not None else {}
        store.record(campaign.id, released_at=datetime.now(UTC), **trace)
    else:
        _expect(campaign, *_MOVING)
    return {}


def await_delivery(
    campaign: StoredCampaign, store: CampaignStore, request: StepRequest
) -> dict[str, Any]:
    """Store the token; the event makes the sweeper ask whether anything is left."""
    _expect(campaign, *_MOVING)
    store.record(campaign.id, delivery_token=request.task_token)
    store.tell("campaign.delivery_awaited", campaign.id, {})
    return {}


def announce(campaign: StoredCampaign, store: CampaignStore, _: StepRequest) -> dict[str, Any]:
    """Tell, once, that every message is settled."""
    _expect(campaign, *_MOVING)
    if campaign.delivered_at is None:
        with store.transaction() as connection:
            counts = planning.totals(connection, campaign.id)
        store.record(
            campaign.id,
            delivery_token=None,
            delivered_at=datetime.now(UTC),
            finish_reason=_why_nothing_went_out(counts),
        )
        store.tell("campaign.delivered", campaign.id, dict(counts))
    return {}


def summarise(campaign: StoredCampaign, store: CampaignStore, _: StepRequest) -> dict[str, Any]:
    """Close the campaign."""
    if campaign.status is not CampaignStatus.COMPLETED:
        _expect(campaign, *_MOVING)
        store.advance(campaign, Move.COMPLETE, {"reason": campaign.finish_reason})
        store.record(campaign.id, finished_at=datetime.now(UTC))
    return {}


def fail(campaign: StoredCampaign, store: CampaignStore, request: StepRequest) -> dict[str, Any]:
    """Name the failed step and cancel what has not gone out; a person's cancellation stands."""
    closed = (CampaignStatus.CANCELLED, CampaignStatus.COMPLETED, CampaignStatus.FAILED)
    if campaign.status in (*closed, CampaignStatus.DRAFT):
        return {}
    failure = {"step": request.failed_step, "reason": _reason(request)}
    store.advance(campaign, Move.FAIL, failure)
    store.record(
        campaign.id,
        failure=failure,
        finished_at=datetime.now(UTC),
        approval_token=None,
        delivery_token=None,
    )
    with store.transaction() as connection:
        planning.cancel_planned(connection, campaign.id)
    return {}


STEPS: dict[str, Step] = {
    step.__name__: step
    for step in (
        prepare,
        check_compliance,
        dry_run,
        await_approval,
        freeze,
        release,
        await_delivery,
        announce,
        summarise,
        fail,
    )
}


def run(request: StepRequest, store: CampaignStore) -> dict[str, Any]:
    """Run one step under the campaign's lock.

    Raises:
        CampaignOvertaken: The execution belongs to an earlier launch, or the status has moved.
        CampaignRefused: The campaign cannot go on.
    """
    step = STEPS[request.step]
    try:
        creator_id, result = _run_locked(step, request, store)
    except IllegalMoveError as error:
        raise CampaignOvertaken(error.detail) from error
    except HuntazeError as error:
        # A segment that is gone, a text that cannot be filled: the same call would end the same.
        raise CampaignRefused(error.detail) from error
    if request.step == release.__name__:
        # After the commit, so that the worker finds the campaign sending.
        wake_creators([creator_id])
    return result


def _run_locked(
    step: Step, request: StepRequest, store: CampaignStore
) -> tuple[UUID, dict[str, Any]]:
    with store.transaction():
        campaign = store.get(request.campaign_id, lock=True)
        if campaign.launch != request.launch:
            if request.step == fail.__name__:
                return campaign.creator_id, {}
            raise CampaignOvertaken(f"launch {request.launch} was followed by {campaign.launch}")
        return campaign.creator_id, step(campaign, store, request)


def _why_nothing_went_out(counts: dict[str, int]) -> str | None:
    """Why a campaign is complete without a message to anyone, if it is."""
    tried = (SendState.SENT, SendState.UNKNOWN, SendState.NOT_SENT, SendState.CANCELLED)
    if any(counts[state] for state in tried):
        return None
    return "all_excluded" if any(counts[state] for state in SendState) else "no_fans"


def _expect(campaign: StoredCampaign, *statuses: CampaignStatus) -> None:
    if campaign.status not in statuses:
        raise CampaignOvertaken(f"the campaign is {campaign.status}")


def _reason(request: StepRequest) -> str:
    error = request.error or {}
    return f"{error.get('Error', 'unknown')}: {error.get('Cause', '')}"[:1000]
