"""Who asks, in which workspace, for which page: what routes of this feature begin with."""

from typing import Annotated, Literal
from uuid import UUID

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.event_handler.openapi.params import Query

from huntaze.auth import Principal, current_principal
from huntaze.db import Tenant, database
from huntaze.errors import BadRequestError
from huntaze.http import PAGE_LIMIT_MAX

# More than a sequence of the log can have.
_DIGITS = 19


def tenant_of(request: Request) -> Tenant:
    """The workspace of the caller, as far as the caller may see it."""
    caller = current_principal(request)
    return Tenant(database(), caller.workspace_id, caller.creators)


def tenant_with(caller: Principal, member: UUID | Literal["*"]) -> Tenant:
    """The whole workspace, and what in it is a member's own; ``EVERY_MEMBER``: is anybody's."""
    return Tenant(database(), caller.workspace_id, member=member)


# Plain names: Powertools does not look behind a `type` statement.
Caller = Annotated[Principal, Depends(current_principal)]
Workspace = Annotated[Tenant, Depends(tenant_of)]
Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=200)]


def number_of(text: str) -> int:
    """The number in a cursor.

    Raises:
        BadRequestError: It is not one that a list gave.
    """
    if not (text.isdecimal() and len(text) < _DIGITS):
        raise BadRequestError("The cursor is not one that this list gave.")
    return int(text)
