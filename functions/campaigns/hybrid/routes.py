"""The routes of workflows: wiring, no rules."""

from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.campaigns.hybrid import gateway, service
from functions.campaigns.hybrid.figures import PostgresWorkflows
from functions.campaigns.hybrid.models import (
    MOST_SEGMENTS,
    AiForecast,
    HybridOrder,
    StoredWorkflow,
    Workflow,
)
from functions.campaigns.hybrid.settings import HybridApiSettings
from functions.campaigns.repository import PostgresCampaigns
from huntaze import flags, outbox
from huntaze.auth import Principal, Right, current_principal
from huntaze.db import Tenant, database, once_committed
from huntaze.domain.creators import resolve_creator
from huntaze.settings import load

# The library's constructor has no annotations.
router = Router()  # type: ignore[no-untyped-call]

Caller = Annotated[Principal, Depends(current_principal)]


def _tenant(caller: Principal) -> Tenant:
    return Tenant(database(), caller.workspace_id, caller.creators)


def _start(store: PostgresWorkflows, workflow: StoredWorkflow) -> None:
    arn = load(HybridApiSettings).hybrid_state_machine_arn
    once_committed(partial(gateway.start_or_leave, workflow, store, arn))
    outbox.nudge()


@router.post("/hybrid", status_code=HTTPStatus.ACCEPTED, tags=["campaigns"])
def start_hybrid_campaign(order: HybridOrder, caller: Caller) -> Workflow:
    """Have models prepare a campaign, which then awaits a person's approval.

    Models write; whom it goes to, what it costs and what is attached are yours to say. The answer's
    `forecast` is what it will take of the budget for AI, however many fans there are.
    """
    caller.require(Right.WRITE_CAMPAIGNS)
    service.require_on(flags.flags(), caller.workspace_id)
    tenant = _tenant(caller)
    store = PostgresWorkflows(tenant)
    with tenant.transaction() as connection:
        workflow = service.start(
            order,
            store,
            PostgresCampaigns(tenant, caller.user_id),
            workspace_id=caller.workspace_id,
            creator_id=resolve_creator(connection, order.creator_id),
            requested_by=caller.user_id,
            now=datetime.now(UTC),
        )
    _start(store, workflow)
    return service.show(workflow.id, store)


@router.get("/hybrid/forecast", tags=["campaigns"])
def forecast_hybrid_campaign(
    caller: Caller,
    creator_id: Annotated[UUID | None, Query()] = None,
    segments: Annotated[int, Query(ge=1, le=MOST_SEGMENTS)] = 1,
) -> AiForecast:
    """Tell what a hybrid campaign would take of the budget for AI; nothing is started."""
    caller.require(Right.READ)
    tenant = _tenant(caller)
    with tenant.transaction() as connection:
        return service.estimate(
            PostgresWorkflows(tenant),
            workspace_id=caller.workspace_id,
            creator_id=resolve_creator(connection, creator_id),
            segments=segments,
            now=datetime.now(UTC),
        )


@router.post("/hybrid/<workflow_id>/resume", status_code=HTTPStatus.ACCEPTED, tags=["campaigns"])
def resume_hybrid_campaign(workflow_id: UUID, caller: Caller) -> Workflow:
    """Go on where a workflow has stopped; nothing that it has is paid again."""
    caller.require(Right.WRITE_CAMPAIGNS)
    service.require_on(flags.flags(), caller.workspace_id)
    store = PostgresWorkflows(_tenant(caller))
    workflow = service.resume(workflow_id, store, requested_by=caller.user_id)
    _start(store, workflow)
    return service.show(workflow.id, store)


@router.get("/status", tags=["campaigns"])
def hybrid_campaign_status(
    caller: Caller, workflow_id: Annotated[UUID | None, Query()] = None
) -> Workflow:
    """Tell how far a workflow is, with everything that it has found so far.

    Without an id it is the one that was started last.
    """
    caller.require(Right.READ)
    store = PostgresWorkflows(_tenant(caller))
    return service.show(workflow_id or store.newest(), store)
