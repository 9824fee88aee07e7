"""What the authorizer is asked and what it found."""

from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Credentials(NamedTuple):
    """The proof that a request brings."""

    token: str
    # A browser sends its cookie to us whoever wrote the page; a program sends its token on purpose.
    from_cookie: bool
    csrf_token: str | None


class Caller(BaseModel):
    """Who a living session belongs to: a member, or an operator who is in no workspace."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    # None, as are role and plan: an operator who is in no workspace.
    workspace_id: UUID | None
    role: str | None
    # None is every creator of the workspace.
    creator_scope: list[UUID] | None
    plan: str | None
    email_verified: bool
    operator: bool
    # What the session's own pages show beside the cookie.
    csrf_token: str
    # Seconds until the caller is within the limits again.
    retry_after: int | None


class Admission(BaseModel):
    """The answer to a request with a valid proof."""

    model_config = ConfigDict(frozen=True)

    caller: Caller
    session_id: UUID
    # False: the session is alive, but this request may be another site's doing.
    allowed: bool
