"""Who calls: the principal that the authorizer has put into the request's context."""

from enum import StrEnum
from uuid import UUID

from aws_lambda_powertools.event_handler.request import Request
from pydantic import BaseModel, ConfigDict

from huntaze.errors import ForbiddenError, TooManyRequestsError, UnauthorizedError

# How the authorizer writes the scope of a member who sees every creator.
EVERY_CREATOR = "*"


class Role(StrEnum):
    """What a member may do; each role's rights are in ``RIGHTS``."""

    OWNER = "owner"
    MANAGER = "manager"
    CHATTER = "chatter"
    ANALYST = "analyst"


class Right(StrEnum):
    """One thing that a role may or may not do."""

    READ = "read"
    WRITE_FANS = "write_fans"
    ERASE_FANS = "erase_fans"
    IMPORT = "import"
    REPLY = "reply"
    WRITE_CAMPAIGNS = "write_campaigns"
    APPROVE = "approve"
    CONNECT = "connect"
    MANAGE = "manage"
    BILL = "bill"
    INVITE = "invite"
    GOVERN = "govern"


# The one place that says who may do what; ``docs/rights.md`` is made from it.
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    # Who pays decides what is paid.
    Role.MANAGER: frozenset(Right) - {Right.BILL, Right.GOVERN},
    Role.CHATTER: frozenset({Right.READ, Right.WRITE_FANS, Right.REPLY}),
    Role.ANALYST: frozenset({Right.READ}),
}


# Rights that reach other people: they wait until the caller's own address is proven to be theirs.
VERIFIED_ONLY = frozenset({Right.CONNECT, Right.INVITE})


_VERIFY_FIRST = (
    "Verify your e-mail address first: follow the link in the mail, or ask for another at POST"
    " /api/auth/resend-verification."
)


class EmailUnverifiedError(ForbiddenError):
    """The caller has not shown yet that their e-mail address is theirs."""


class NoWorkspaceError(ForbiddenError):
    """The caller is logged in, and in no workspace."""


class Person(BaseModel):
    """Who is logged in, whether or not they are in a workspace."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    session_id: UUID
    email_verified: bool = False
    # Of the platform: above all workspaces, and given by none.
    operator: bool = False

    def require_operator(self) -> None:
        """Refuse unless the caller is an operator of the platform.

        Raises:
            ForbiddenError: They are not.
            EmailUnverifiedError: They are, but their address is not verified.
        """
        if not self.operator:
            raise ForbiddenError("Only operators of the platform may do this.")
        if not self.email_verified:
            raise EmailUnverifiedError(_VERIFY_FIRST)


class Principal(Person):
    """A member of a workspace, as the authorizer found it."""

    workspace_id: UUID
    role: Role
    # None is every creator of the workspace.
    creators: list[UUID] | None = None
    plan: str

    def require(self, right: Right) -> None:
        """Refuse unless the role has ``right``.

        Raises:
            ForbiddenError: It has not.
            EmailUnverifiedError: It has, but the caller's address is not verified.
        """
        if right not in RIGHTS[self.role]:
            who = "an owner" if right is Right.BILL else "an owner or a manager"
            raise ForbiddenError(f"The role {self.role} may not do this; ask {who}.")
        if right in VERIFIED_ONLY and not self.email_verified:
            raise EmailUnverifiedError(_VERIFY_FIRST)


def person_from(context: dict[str, str] | None) -> Person:
    """Read who calls from the authorizer's context (API Gateway passes text only).

    Raises:
        UnauthorizedError: There is none: the route was reached without the authorizer.
        TooManyRequestsError: The authorizer found the caller over a limit.
    """
    return Person.model_validate(_admitted(context))


def principal_from(context: dict[str, str] | None) -> Principal:
    """Read the member who calls from the authorizer's context.

    Raises:
        UnauthorizedError: There is none: the route was reached without the authorizer.
        TooManyRequestsError: The authorizer found the caller over a limit.
        NoWorkspaceError: The caller is a member of no workspace.
    """
    known = _admitted(context)
    if "workspace_id" not in known:
        raise NoWorkspaceError("You are in no workspace; ask somebody to invite you into one.")
    # A scope that is missing or empty sees nothing; only the star sees everything.
    scope = known.get("creators", "")
    creators = None if scope == EVERY_CREATOR else [c for c in scope.split(",") if c]
    return Principal.model_validate({**known, "creators": creators})


def _admitted(context: dict[str, str] | None) -> dict[str, str]:
    if not context or "user_id" not in context:
        raise UnauthorizedError("Log in first.")
    if context.get("retry_after"):
        raise TooManyRequestsError(
            "Too many requests in this minute; slow down.", retry_after=int(context["retry_after"])
        )
    return context


def current_principal(request: Request) -> Principal:
    """The member who calls; a provider for ``Depends``."""
    return principal_from(_context_of(request))


def current_person(request: Request) -> Person:
    """Who calls, in a workspace or in none; a provider for ``Depends``."""
    return person_from(_context_of(request))


def _context_of(request: Request) -> dict[str, str] | None:
    context: dict[str, str] | None = request.resolved_event.raw_event.get("requestContext", {}).get(
        "authorizer"
    )
    return context
