"""HTTP door of onboarding: wiring and routes, no rules."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Request
from aws_lambda_powertools.event_handler.depends import Depends

from functions.onboarding import service
from functions.onboarding.models import Onboarding, PlatformDraft
from functions.onboarding.repository import PostgresOnboarding
from huntaze import outbox
from huntaze.auth import Right, current_principal
from huntaze.db import Tenant, database
from huntaze.domain.ai_configs import AiConfigDraft
from huntaze.domain.connections.secrets import CreatorCredentials, CredentialSettings
from huntaze.domain.outbound.wake import wake_soon
from huntaze.domain.profiles import ProfileDraft
from huntaze.errors import ForbiddenError
from huntaze.http import create_app, lambda_entry
from huntaze.platforms.limits import lane_limits
from huntaze.settings import load

app = create_app()


def onboarding_store(request: Request) -> PostgresOnboarding:
    """The onboarding of the caller's workspace, for those who set it up."""
    caller = current_principal(request)
    caller.require(Right.MANAGE)
    if caller.creators is not None:
        raise ForbiddenError("You work for some creators only; ask an owner to set up.")
    tenant = Tenant(database(), caller.workspace_id, member=caller.user_id)
    return PostgresOnboarding(tenant, caller.user_id)


Store = Annotated[PostgresOnboarding, Depends(onboarding_store)]


@app.get("/api/onboarding", tags=["onboarding"])
def read_onboarding(store: Store) -> Onboarding:
    """Tell how far the workspace has come, and what is missing."""
    return store.read()


@app.post("/api/onboarding/save-profile", tags=["onboarding"])
def save_profile(draft: ProfileDraft, store: Store) -> Onboarding:
    """Save who the caller is; saving again replaces it."""
    store.save_profile(draft)
    return store.read()


@app.post("/api/onboarding/save-ai-config", tags=["onboarding"])
def save_ai_config(draft: AiConfigDraft, store: Store) -> Onboarding:
    """Save how the assistant writes; before a creator is connected it waits for the first one."""
    store.save_ai_config(draft)
    return store.read()


@app.post("/api/onboarding/connect-platform", status_code=HTTPStatus.ACCEPTED, tags=["onboarding"])
def connect_platform(draft: PlatformDraft, store: Store) -> Onboarding:
    """Add a creator and log in to its account; the answer to a code is POST /api/of/connect/code.

    Sent again for the same account, it logs in again with what was sent last.
    """
    secrets = CreatorCredentials(load(CredentialSettings))
    wake_soon(store.connect(draft, lane_limits(), secrets))
    outbox.nudge()
    return store.read()


@app.post("/api/onboarding/complete", tags=["onboarding"])
def complete_onboarding(store: Store) -> Onboarding:
    """End onboarding once every step is done; ending it again changes nothing."""
    service.require_complete(store.read())
    store.complete()
    outbox.nudge()
    return store.read()


handler = lambda_entry(app)
