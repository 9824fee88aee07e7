"""The routes of pipelines: wiring, no rules."""

from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.depends import Depends

from functions.content.pipelines import gateway, service
from functions.content.pipelines.models import PipelineOrder, StoredPlan, WholePipeline
from functions.content.pipelines.repository import PostgresPlans
from huntaze import outbox
from huntaze.auth import Principal, Right, current_principal
from huntaze.db import Tenant, database, once_committed

# The library's constructor has no annotations.
router = Router()  # type: ignore[no-untyped-call]

Caller = Annotated[Principal, Depends(current_principal)]


def _store(caller: Principal, right: Right) -> PostgresPlans:
    caller.require(right)
    return PostgresPlans(Tenant(database(), caller.workspace_id, caller.creators))


def _begin(plan: StoredPlan, store: PostgresPlans) -> WholePipeline:
    once_committed(partial(gateway.start_or_leave, plan, store.started))
    outbox.nudge()
    return service.show(plan.id, store)


@router.post("/", status_code=HTTPStatus.ACCEPTED, tags=["content"])
def start_pipeline(order: PipelineOrder, caller: Caller) -> WholePipeline:
    """Plan content: ideas, what of the library shows them, captions and hashtags, and when.

    The steps run by themselves; each text passes both checks or is not kept. Nothing enters the
    library or the calendar before a person takes it: POST /api/content/drafts/{draft_id}/decide.
    """
    store = _store(caller, Right.WRITE_CAMPAIGNS)
    plan = service.start(order, store, by=caller.user_id, now=datetime.now(UTC))
    return _begin(plan, store)


@router.get("/<plan_id>", tags=["content"])
def read_pipeline(plan_id: UUID, caller: Caller) -> WholePipeline:
    """Read how far a pipeline is, and everything that it has made so far."""
    return service.show(plan_id, _store(caller, Right.READ))


@router.post("/<plan_id>/cancel", tags=["content"])
def cancel_pipeline(plan_id: UUID, caller: Caller) -> WholePipeline:
    """End a pipeline where it is; what it has made stays."""
    store = _store(caller, Right.WRITE_CAMPAIGNS)
    plan = service.cancel(plan_id, store, by=caller.user_id)
    once_committed(partial(gateway.stop, plan))
    outbox.nudge()
    return service.show(plan_id, store)


@router.post("/<plan_id>/resume", status_code=HTTPStatus.ACCEPTED, tags=["content"])
def resume_pipeline(plan_id: UUID, caller: Caller) -> WholePipeline:
    """Go on where a pipeline has stopped; nothing that it has is paid again."""
    store = _store(caller, Right.WRITE_CAMPAIGNS)
    return _begin(service.resume(plan_id, store, by=caller.user_id), store)
