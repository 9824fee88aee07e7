"""The route of the figures: wiring, no rules."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.conversations.callers import Caller, tenant_of
from functions.conversations.figures.models import TeamFigures
from functions.conversations.figures.repository import PostgresFigures
from huntaze.auth import Right, Role

# The library's constructor has no annotations.
router = Router()  # type: ignore[no-untyped-call]


@router.get("/api/crm/conversations/figures", tags=["conversations"])
def read_figures(
    caller: Caller,
    creator_id: UUID | None = None,
    days: Annotated[int, Query(ge=1, le=92)] = 28,
) -> TeamFigures:
    """Read how members answer a creator's fans, and what that has sold, over the last `days`.

    Chatters read their own figures, everybody else the whole team's.
    """
    store = PostgresFigures(tenant_of(caller, Right.READ))
    since = datetime.now(UTC) - timedelta(days=days)
    only = caller.user_id if caller.role is Role.CHATTER else None
    return store.of_team(creator_id, since=since, only=only)
