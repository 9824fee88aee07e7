"""HTTP door of campaigns: wiring and routes, no rules."""

import logging
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.openapi.params import Query
from botocore.exceptions import BotoCoreError, ClientError

from functions.campaigns import drafting, gateway, service
from functions.campaigns.api.settings import CampaignsApiSettings
from functions.campaigns.hybrid import routes as hybrid
from functions.campaigns.models import (
    Campaign,
    CampaignChanges,
    CampaignDraft,
    Cancellation,
    Decision,
    DryRun,
    Forecast,
    MessageTemplate,
    Metrics,
    Recipient,
    SendCreated,
    Settled,
    StoredCampaign,
    TestMessage,
    UnsendOrder,
)
from functions.campaigns.repository import PostgresCampaigns
from functions.campaigns.status import CampaignStatus
from functions.campaigns.templates import templates
from huntaze import outbox
from huntaze.auth import Principal, Right, current_principal
from huntaze.db import Tenant, database, once_committed
from huntaze.domain.creators import resolve_creator
from huntaze.domain.outbound.judging import Settlement
from huntaze.domain.outbound.states import SendState
from huntaze.domain.outbound.wake import wake_soon
from huntaze.errors import BadRequestError
from huntaze.http import (
    PAGE_LIMIT,
    PAGE_LIMIT_MAX,
    Page,
    create_app,
    decode_cursor,
    encode_cursor,
    lambda_entry,
)
from huntaze.settings import load

log = logging.getLogger(__name__)

# The library's constructor has no annotations.
router = Router()  # type: ignore[no-untyped-call]

Caller = Annotated[Principal, Depends(current_principal)]
Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)]


def _store(caller: Principal) -> PostgresCampaigns:
    return PostgresCampaigns(
        Tenant(database(), caller.workspace_id, caller.creators), caller.user_id
    )


def _cursor_id(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    (key,) = decode_cursor(cursor, 1)
    try:
        return UUID(key)
    except ValueError:
        raise BadRequestError("The cursor is not one that this list gave.") from None


@router.get("/", tags=["campaigns"])
def list_campaigns(
    caller: Caller,
    creator_id: Annotated[UUID | None, Query()] = None,
    status: Annotated[CampaignStatus | None, Query()] = None,
    limit: Limit = PAGE_LIMIT,
    cursor: Annotated[str | None, Query()] = None,
) -> Page[Campaign]:
    """List campaigns, newest first."""
    caller.require(Right.READ)
    store = _store(caller)
    with store.transaction() as connection:
        if creator_id is not None:
            resolve_creator(connection, creator_id)
        found = store.page(
            creator_id=creator_id, status=status, after=_cursor_id(cursor), limit=limit + 1
        )
    return Page(
        items=[campaign.public() for campaign in found[:limit]],
        next_cursor=encode_cursor(found[limit - 1].id) if len(found) > limit else None,
    )


@router.post("/", status_code=HTTPStatus.CREATED, tags=["campaigns"])
def create_campaign(draft: CampaignDraft, caller: Caller) -> Campaign:
    """Draft a campaign."""
    caller.require(Right.WRITE_CAMPAIGNS)
    store = _store(caller)
    with store.transaction() as connection:
        creator_id = resolve_creator(connection, draft.creator_id)
        campaign = drafting.create(
            draft, store, creator_id=creator_id, author=caller.user_id, now=datetime.now(UTC)
        )
    outbox.nudge()
    return campaign


@router.get("/templates", tags=["campaigns"])
def list_templates(
    caller: Caller, niche: Annotated[str | None, Query()] = None
) -> Page[MessageTemplate]:
    """List message templates with best practices, per niche."""
    caller.require(Right.READ)
    return Page(items=[one for one in templates() if niche in (None, one.niche)])


@router.get("/<campaign_id>", tags=["campaigns"])
def get_campaign(campaign_id: UUID, caller: Caller) -> Campaign:
    """Read a campaign."""
    caller.require(Right.READ)
    return _store(caller).get(campaign_id).public()


@router.patch("/<campaign_id>", tags=["campaigns"])
def change_campaign(campaign_id: UUID, changes: CampaignChanges, caller: Caller) -> Campaign:
    """Change a campaign that is not sending yet; an approval given before is void."""
    caller.require(Right.WRITE_CAMPAIGNS)
    campaign, execution = drafting.change(
        campaign_id, changes, _store(caller), now=datetime.now(UTC)
    )
    once_committed(partial(gateway.stop_execution, execution, "The campaign was changed."))
    outbox.nudge()
    return campaign


@router.delete("/<campaign_id>", status_code=HTTPStatus.NO_CONTENT, tags=["campaigns"])
def delete_campaign(campaign_id: UUID, caller: Caller) -> Response[None]:
    """Delete a draft."""
    caller.require(Right.WRITE_CAMPAIGNS)
    drafting.delete(campaign_id, _store(caller))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/<campaign_id>/dry-run", tags=["campaigns"])
def dry_run_campaign(campaign_id: UUID, caller: Caller) -> DryRun:
    """Tell who would get what, when it would be done, and what it may earn; nothing is sent."""
    caller.require(Right.WRITE_CAMPAIGNS)
    return service.run_dry(campaign_id, _store(caller))


@router.post("/<campaign_id>/launch", status_code=HTTPStatus.ACCEPTED, tags=["campaigns"])
def launch_campaign(campaign_id: UUID, caller: Caller) -> Campaign:
    """Prepare a draft and put it up for approval."""
    caller.require(Right.WRITE_CAMPAIGNS)
    store = _store(caller)
    campaign = service.launch(campaign_id, store, now=datetime.now(UTC))
    once_committed(partial(_start, campaign, store))
    outbox.nudge()
    return store.get(campaign_id).public()


def _start(campaign: StoredCampaign, store: PostgresCampaigns) -> None:
    try:
        arn = gateway.start_execution(
            campaign, load(CampaignsApiSettings).campaign_state_machine_arn
        )
        store.started(campaign, arn)
    except (BotoCoreError, ClientError):
        # The launch is committed: the sweeper starts what could not be started here.
        log.warning("the state machine was not started", exc_info=True)


@router.post("/<campaign_id>/approve", tags=["campaigns"])
def approve_campaign(campaign_id: UUID, decision: Decision, caller: Caller) -> Campaign:
    """Approve the version that was looked at; it goes out at its time."""
    caller.require(Right.APPROVE)
    store = _store(caller)
    _decide(campaign_id, decision, caller, approved=True)
    # The event wakes the sweeper, which alone lets the state machine go on.
    outbox.nudge()
    return store.get(campaign_id).public()


@router.post("/<campaign_id>/reject", tags=["campaigns"])
def reject_campaign(campaign_id: UUID, decision: Decision, caller: Caller) -> Campaign:
    """Send a campaign back to its author as a draft."""
    caller.require(Right.APPROVE)
    store = _store(caller)
    before = _decide(campaign_id, decision, caller, approved=False)
    once_committed(
        partial(gateway.stop_execution, before.execution_arn, "The campaign was rejected.")
    )
    outbox.nudge()
    return store.get(campaign_id).public()


def _decide(
    campaign_id: UUID, decision: Decision, caller: Principal, *, approved: bool
) -> StoredCampaign:
    return service.decide(
        campaign_id,
        decision,
        _store(caller),
        approved=approved,
        decided_by=caller.user_id,
        now=datetime.now(UTC),
    )


@router.post("/<campaign_id>/pause", tags=["campaigns"])
def pause_campaign(campaign_id: UUID, caller: Caller) -> Campaign:
    """Hold a campaign; a message that is being submitted may still arrive."""
    caller.require(Right.WRITE_CAMPAIGNS)
    campaign = service.pause(campaign_id, _store(caller))
    outbox.nudge()
    return campaign


@router.post("/<campaign_id>/resume", tags=["campaigns"])
def resume_campaign(campaign_id: UUID, caller: Caller) -> Campaign:
    """Let a paused campaign go on."""
    caller.require(Right.WRITE_CAMPAIGNS)
    campaign = service.resume(campaign_id, _store(caller))
    wake_soon(campaign.creator_id)
    outbox.nudge()
    return campaign


@router.post("/<campaign_id>/cancel", tags=["campaigns"])
def cancel_campaign(campaign_id: UUID, caller: Caller) -> Cancellation:
    """Stop a campaign for good."""
    caller.require(Right.WRITE_CAMPAIGNS)
    answer, execution = service.cancel(campaign_id, _store(caller))
    once_committed(partial(gateway.stop_execution, execution, "The campaign was cancelled."))
    outbox.nudge()
    return answer


@router.post("/<campaign_id>/unsend", status_code=HTTPStatus.ACCEPTED, tags=["campaigns"])
def unsend_campaign(campaign_id: UUID, caller: Caller) -> UnsendOrder:
    """Take back every message of a campaign that is not sending, but those that were paid for."""
    caller.require(Right.APPROVE)
    store = _store(caller)
    order = service.unsend(campaign_id, store, requested_by=caller.user_id)
    wake_soon(store.get(campaign_id).creator_id)
    return order


@router.post("/<campaign_id>/test-message", status_code=HTTPStatus.ACCEPTED, tags=["campaigns"])
def send_test_message(campaign_id: UUID, test: TestMessage, caller: Caller) -> SendCreated:
    """Send one variant to one fan of yours, without price or media."""
    caller.require(Right.WRITE_CAMPAIGNS)
    campaign, created = service.send_test(
        campaign_id, test.fan_id, test.variant, _store(caller), requested_by=caller.user_id
    )
    wake_soon(campaign.creator_id)
    return created


@router.get("/<campaign_id>/recipients", tags=["campaigns"])
def list_recipients(
    campaign_id: UUID,
    caller: Caller,
    state: Annotated[SendState | None, Query()] = None,
    limit: Limit = PAGE_LIMIT,
    cursor: Annotated[str | None, Query()] = None,
) -> Page[Recipient]:
    """List what became of each fan's message."""
    caller.require(Right.READ)
    store = _store(caller)
    store.get(campaign_id)
    found = store.recipients(campaign_id, state=state, after=_cursor_id(cursor), limit=limit + 1)
    return Page(
        items=found[:limit],
        next_cursor=encode_cursor(found[limit - 1].id) if len(found) > limit else None,
    )


@router.post("/<campaign_id>/recipients/<recipient_id>/settle", tags=["campaigns"])
def settle_recipient(
    campaign_id: UUID, recipient_id: UUID, settlement: Settlement, caller: Caller
) -> Settled:
    """Settle an unknown outcome: assume that it was sent, or send it again."""
    caller.require(Right.APPROVE)
    campaign, settled = service.settle(
        campaign_id, recipient_id, settlement, _store(caller), decided_by=caller.user_id
    )
    if settled.new_send_id is not None:
        wake_soon(campaign.creator_id)
    return settled


@router.get("/<campaign_id>/metrics", tags=["campaigns"])
def campaign_metrics(campaign_id: UUID, caller: Caller) -> Metrics:
    """Count a campaign's messages by outcome; the states add up to the audience."""
    caller.require(Right.READ)
    return service.metrics(campaign_id, _store(caller))


@router.get("/<campaign_id>/forecast", tags=["campaigns"])
def campaign_forecast(campaign_id: UUID, caller: Caller) -> Forecast:
    """Compare the dry run with what has happened and what is left."""
    caller.require(Right.READ)
    return service.forecast(campaign_id, _store(caller))


app = create_app()
app.include_router(router, prefix="/api/marketing/campaigns")
# The front end's older path for the same thing.
app.include_router(router, prefix="/api/of/campaigns")
app.include_router(hybrid.router, prefix="/api/v2/campaigns")

handler = lambda_entry(app)
