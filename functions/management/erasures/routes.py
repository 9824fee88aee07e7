"""The routes of leaving, for a workspace and for one person: wiring, no rules."""

from datetime import UTC, datetime
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from functions.management.callers import Caller, Workspace
from functions.management.erasures import leaving
from functions.management.erasures.leaving_repository import PostgresLeaving
from functions.management.erasures.models import Account, Confirmation, Erasure
from functions.management.member_repository import PostgresMembers
from huntaze.auth import Right

# The library's constructor has no annotations.
router = Router()  # type: ignore[no-untyped-call]


@router.get("/api/management/account", tags=["management"])
def read_account(caller: Caller, tenant: Workspace) -> Account:
    """Tell the workspace's name, and whether and when it is going to be erased."""
    caller.require(Right.READ)
    return PostgresLeaving(tenant).account()


@router.delete("/api/management/account", status_code=HTTPStatus.ACCEPTED, tags=["management"])
def erase_account(confirmation: Confirmation, caller: Caller, tenant: Workspace) -> Erasure:
    """Erase the workspace and everything in it, seven days from now.

    Needs a login of the last ten minutes. Sends stop and the logins of creators are forgotten at
    once; until it begins, an owner can withdraw the order. What the law wants kept stays without
    names: invoices, charges, disputes.
    """
    caller.require(Right.GOVERN)
    return leaving.erase_workspace(
        confirmation.workspace_name,
        PostgresLeaving(tenant),
        session_id=caller.session_id,
        by=caller.user_id,
        now=datetime.now(UTC),
    )


@router.post("/api/management/account/keep", tags=["management"])
def keep_account(caller: Caller, tenant: Workspace) -> Account:
    """Withdraw the order to erase the workspace; creators have to be connected again."""
    caller.require(Right.GOVERN)
    return leaving.keep_workspace(PostgresLeaving(tenant), by=caller.user_id)


@router.delete("/api/management/account/me", status_code=HTTPStatus.NO_CONTENT, tags=["management"])
def leave_account(caller: Caller, tenant: Workspace) -> Response[None]:
    """Leave the workspace for good; who is in no other one has no account any more.

    Needs a login of the last ten minutes.
    """
    leaving.leave(
        caller.user_id,
        PostgresLeaving(tenant),
        PostgresMembers(tenant),
        session_id=caller.session_id,
        now=datetime.now(UTC),
    )
    return Response(status_code=HTTPStatus.NO_CONTENT)
