"""Who asks, and the workspace that they work in: what all routes of this feature begin with."""

from typing import Annotated

from aws_lambda_powertools.event_handler.depends import Depends

from huntaze.auth import Principal, Right, current_principal
from huntaze.db import Tenant, database

Caller = Annotated[Principal, Depends(current_principal)]


def tenant_of(caller: Principal, right: Right) -> Tenant:
    """The caller's workspace, as far as they may see it.

    Raises:
        ForbiddenError: The caller's role has not the right.
    """
    caller.require(right)
    return Tenant(database(), caller.workspace_id, caller.creators)
