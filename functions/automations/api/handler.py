"""HTTP door of automations: wiring and routes, no rules."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.automations.models import (
    Automation,
    AutomationDraft,
    Rehearsal,
    RehearsalRequest,
    Run,
    RunStatus,
)
from functions.automations.repository import PostgresAutomations, RunFilter
from huntaze.auth import Principal, Right, current_principal
from huntaze.db import Tenant, database
from huntaze.http import PAGE_LIMIT, PAGE_LIMIT_MAX, Page, create_app, lambda_entry

app = create_app()

Caller = Annotated[Principal, Depends(current_principal)]
Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)]
_PATH = "/api/marketing/automations"


def _store(caller: Principal, *rights: Right) -> PostgresAutomations:
    for right in rights:
        caller.require(right)
    tenant = Tenant(database(), caller.workspace_id, caller.creators)
    return PostgresAutomations(tenant, caller.user_id)


@app.get(_PATH, tags=["automations"])
def list_automations(
    caller: Caller,
    creator_id: UUID | None = None,
    limit: Limit = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[Automation]:
    """List a creator's automations, newest first."""
    return _store(caller, Right.READ).page(creator_id, limit=limit, cursor=cursor)


@app.post(_PATH, status_code=HTTPStatus.CREATED, tags=["automations"])
def create_automation(draft: AutomationDraft, caller: Caller) -> Automation:
    """Store an automation, which is off; one that would loop is refused with the way it takes."""
    return _store(caller, Right.WRITE_CAMPAIGNS).add(draft)


@app.get(f"{_PATH}/<automation_id>", tags=["automations"])
def read_automation(automation_id: UUID, caller: Caller) -> Automation:
    """Read an automation."""
    return _store(caller, Right.READ).get(automation_id)


# What it says goes out without another look: whoever changes it must be one who may approve.
@app.put(f"{_PATH}/<automation_id>", tags=["automations"])
def replace_automation(automation_id: UUID, draft: AutomationDraft, caller: Caller) -> Automation:
    """Give an automation a new version; runs under way go on with the one that they began with."""
    store = _store(caller, Right.WRITE_CAMPAIGNS, Right.APPROVE)
    return store.replace(automation_id, draft, now=datetime.now(UTC))


@app.delete(f"{_PATH}/<automation_id>", status_code=HTTPStatus.NO_CONTENT, tags=["automations"])
def delete_automation(automation_id: UUID, caller: Caller) -> None:
    """Delete an automation: its runs stop, and what it planned is cancelled."""
    _store(caller, Right.WRITE_CAMPAIGNS).delete(automation_id)


@app.post(f"{_PATH}/<automation_id>/enable", tags=["automations"])
def enable_automation(automation_id: UUID, caller: Caller) -> Automation:
    """Let an automation act on what happens from now on."""
    store = _store(caller, Right.WRITE_CAMPAIGNS, Right.APPROVE)
    return store.enable(automation_id, now=datetime.now(UTC))


@app.post(f"{_PATH}/<automation_id>/disable", tags=["automations"])
def disable_automation(automation_id: UUID, caller: Caller) -> Automation:
    """Turn an automation off: its runs stop, and what it planned is cancelled."""
    return _store(caller, Right.WRITE_CAMPAIGNS).disable(automation_id)


@app.post(f"{_PATH}/<automation_id>/test", tags=["automations"])
def rehearse_automation(
    automation_id: UUID, request: RehearsalRequest, caller: Caller
) -> Rehearsal:
    """Tell what a run would do with a fan now, step by step; nothing is done."""
    store = _store(caller, Right.WRITE_CAMPAIGNS)
    return store.rehearse(automation_id, request.fan_id, now=datetime.now(UTC))


@app.get(f"{_PATH}/<automation_id>/runs", tags=["automations"])
def list_runs(
    automation_id: UUID,
    caller: Caller,
    fan_id: UUID | None = None,
    status: RunStatus | None = None,
    limit: Limit = PAGE_LIMIT,
    cursor: str | None = None,
) -> Page[Run]:
    """List runs with every step that they have taken and why it ended so, newest first."""
    wanted = RunFilter(fan_id, status)
    return _store(caller, Right.READ).runs(automation_id, wanted, limit=limit, cursor=cursor)


handler = lambda_entry(app)
