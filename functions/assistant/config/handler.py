"""HTTP door of the assistant's configuration: wiring and routes, no rules."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Depends, Request

from functions.assistant.config import service
from functions.assistant.config.models import Config, ConfigDraft
from functions.assistant.config.repository import PostgresConfigs
from huntaze.auth import Principal, Right, Role, current_principal
from huntaze.db import Tenant, database
from huntaze.http import create_app, lambda_entry

app = create_app()


def stored_configs(request: Request) -> PostgresConfigs:
    """The configurations of the creators that the caller may see."""
    caller = current_principal(request)
    tenant = Tenant(database(), caller.workspace_id, caller.creators)
    return PostgresConfigs(tenant, caller.user_id)


Caller = Annotated[Principal, Depends(current_principal)]
Configs = Annotated[PostgresConfigs, Depends(stored_configs)]


@app.get("/api/ai/config", tags=["ai-config"])
def read_ai_config(caller: Caller, configs: Configs, creator_id: UUID | None = None) -> Config:
    """Tell how the assistant writes for a creator."""
    caller.require(Right.READ)
    return service.get(creator_id, configs)


@app.post("/api/ai/config", status_code=HTTPStatus.CREATED, tags=["ai-config"])
def create_ai_config(draft: ConfigDraft, caller: Caller, configs: Configs) -> Config:
    """Say for the first time how the assistant writes for a creator."""
    caller.require(Right.MANAGE)
    return service.save(draft, configs, is_owner=_is_owner(caller), new=True)


@app.put("/api/ai/config", tags=["ai-config"])
def replace_ai_config(draft: ConfigDraft, caller: Caller, configs: Configs) -> Config:
    """Replace how the assistant writes for a creator, whole.

    Only an owner turns `auto_send` on, and only where the creator's platform lets us; who manages
    the workspace may turn it off.
    """
    caller.require(Right.MANAGE)
    return service.save(draft, configs, is_owner=_is_owner(caller), new=False)


def _is_owner(caller: Principal) -> bool:
    return caller.role is Role.OWNER


handler = lambda_entry(app)
