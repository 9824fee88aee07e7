"""HTTP door of the management feature: wiring and routes, no rules."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Depends, Request, Response

from functions.management import invitations, members, service
from functions.management.callers import Caller, Cursor, Limit, Workspace, number_of, tenant_with
from functions.management.erasures import routes as erasures
from functions.management.exports import routes as exports
from functions.management.invitation_repository import PostgresInvitations
from functions.management.member_repository import PostgresMembers
from functions.management.models import (
    Creator,
    CreatorChanges,
    Invitation,
    InvitationDraft,
    Member,
    MemberChanges,
)
from functions.management.repository import PostgresAuditLog, PostgresCreators
from functions.management.settings_repository import PostgresOwnSettings, PostgresSettings
from huntaze import outbox
from huntaze.auth import Principal, Right, current_principal
from huntaze.db import EVERY_MEMBER
from huntaze.domain import audit
from huntaze.domain.creators import accounts
from huntaze.domain.creators.accounts import CreatorDraft
from huntaze.domain.notices.preferences import Preferences, PreferencesDraft
from huntaze.domain.profiles import Profile, ProfileDraft
from huntaze.domain.workspaces import Settings
from huntaze.errors import BadRequestError, ForbiddenError
from huntaze.http import (
    PAGE_LIMIT,
    Page,
    create_app,
    decode_cursor,
    encode_cursor,
    lambda_entry,
)
from huntaze.platforms.limits import LaneLimits, lane_limits

app = create_app()
app.include_router(exports.router)
app.include_router(erasures.router)


def limits_in_force() -> Mapping[str, LaneLimits]:
    """How fast lanes may send, by platform."""
    return lane_limits()


def own_settings(request: Request) -> PostgresOwnSettings:
    """What the caller chooses for themselves."""
    caller = current_principal(request)
    return PostgresOwnSettings(tenant_with(caller, caller.user_id), caller.user_id)


Own = Annotated[PostgresOwnSettings, Depends(own_settings)]


@app.get("/api/management/creators", tags=["management"])
def list_creators(
    caller: Caller, tenant: Workspace, limit: Limit = PAGE_LIMIT, cursor: Cursor = None
) -> Page[Creator]:
    """List the creators that the caller may see, oldest first."""
    caller.require(Right.READ)
    after = _id_of(decode_cursor(cursor, 1)[0]) if cursor else None
    found = PostgresCreators(tenant, caller.user_id).page(after, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return Page(items=found[:limit], next_cursor=encode_cursor(last.id) if last else None)


@app.post("/api/management/creators", status_code=HTTPStatus.CREATED, tags=["management"])
def create_creator(
    draft: CreatorDraft,
    caller: Caller,
    tenant: Workspace,
    limits: Annotated[Mapping[str, LaneLimits], Depends(limits_in_force)],
) -> Creator:
    """Add a creator; it sends nothing before it is connected."""
    caller.require(Right.MANAGE)
    service.require_every_creator(sees_every_creator=caller.creators is None)
    creator_id = accounts.add(tenant, draft, limits, by=caller.user_id)
    outbox.nudge()
    return service.get(creator_id, PostgresCreators(tenant, caller.user_id))


@app.get("/api/management/creators/<creator_id>", tags=["management"])
def get_creator(creator_id: UUID, caller: Caller, tenant: Workspace) -> Creator:
    """Tell about one creator."""
    caller.require(Right.READ)
    return service.get(creator_id, PostgresCreators(tenant, caller.user_id))


@app.patch("/api/management/creators/<creator_id>", tags=["management"])
def change_creator(
    creator_id: UUID, changes: CreatorChanges, caller: Caller, tenant: Workspace
) -> Creator:
    """Change a creator's settings; what is left out stays."""
    caller.require(Right.MANAGE)
    creator = service.change(creator_id, changes, PostgresCreators(tenant, caller.user_id))
    outbox.nudge()
    return creator


@app.delete(
    "/api/management/creators/<creator_id>",
    status_code=HTTPStatus.NO_CONTENT,
    tags=["management"],
)
def delete_creator(creator_id: UUID, caller: Caller, tenant: Workspace) -> Response[None]:
    """Remove a creator that has no fans, campaigns, messages or money, and is not connected.

    A creator whose login has failed is disconnected first, too: its password is kept until then.
    """
    caller.require(Right.MANAGE)
    service.remove(creator_id, PostgresCreators(tenant, caller.user_id))
    outbox.nudge()
    return Response(status_code=HTTPStatus.NO_CONTENT)


@app.get("/api/management/members", tags=["management"])
def list_members(
    caller: Caller, tenant: Workspace, limit: Limit = PAGE_LIMIT, cursor: Cursor = None
) -> Page[Member]:
    """List the people of the workspace, those who came first first."""
    caller.require(Right.READ)
    found = PostgresMembers(tenant).page(_place_of(cursor) if cursor else None, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    next_cursor = encode_cursor(last.created_at.isoformat(), last.user_id) if last else None
    return Page(items=found[:limit], next_cursor=next_cursor)


@app.post("/api/management/members", status_code=HTTPStatus.ACCEPTED, tags=["management"])
def invite_member(draft: InvitationDraft, caller: Caller, tenant: Workspace) -> Invitation:
    """Invite somebody by e-mail, or send the invitation again, which ends its first link.

    The link is good for seven days, once. The answer is the same whether or not the address has an
    account.
    """
    caller.require(Right.INVITE)
    store = PostgresInvitations(tenant)
    return invitations.invite(draft, store, by=caller.user_id, now=datetime.now(UTC))


@app.get("/api/management/invitations", tags=["management"])
def list_invitations(
    caller: Caller, tenant: Workspace, limit: Limit = PAGE_LIMIT, cursor: Cursor = None
) -> Page[Invitation]:
    """List invitations that were neither accepted nor withdrawn, oldest first."""
    caller.require(Right.MANAGE)
    after = _id_of(decode_cursor(cursor, 1)[0]) if cursor else None
    found = PostgresInvitations(tenant).open_page(after, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return Page(items=found[:limit], next_cursor=encode_cursor(last.id) if last else None)


@app.delete(
    "/api/management/invitations/<invitation_id>",
    status_code=HTTPStatus.NO_CONTENT,
    tags=["management"],
)
def withdraw_invitation(invitation_id: UUID, caller: Caller, tenant: Workspace) -> Response[None]:
    """Withdraw an invitation; its link is good no more."""
    caller.require(Right.INVITE)
    store = PostgresInvitations(tenant)
    invitations.withdraw(invitation_id, store, by=caller.user_id, now=datetime.now(UTC))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@app.patch("/api/management/members/<member_id>", tags=["management"])
def change_member(
    member_id: UUID, changes: MemberChanges, caller: Caller, tenant: Workspace
) -> Member:
    """Give a member another role, other creators, or both, from the next request on.

    Owners change everybody; managers change chatters and analysts of creators that they see
    themselves. `role: owner` adds an owner. A workspace always has one.
    """
    caller.require(Right.MANAGE)
    return members.change(member_id, changes, PostgresMembers(tenant), by=caller.user_id)


@app.delete(
    "/api/management/members/<member_id>", status_code=HTTPStatus.NO_CONTENT, tags=["management"]
)
def remove_member(member_id: UUID, caller: Caller, tenant: Workspace) -> Response[None]:
    """Take a member out of the workspace; who is in no other one has no account any more.

    Their sessions in it end at once. With the caller's own id, it is `DELETE
    /api/management/account/me`, which needs a login of the last ten minutes.
    """
    if member_id == caller.user_id:
        return erasures.leave_account(caller, tenant)
    caller.require(Right.MANAGE)
    members.remove(member_id, PostgresMembers(tenant), by=caller.user_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@app.post("/api/management/members/<member_id>/transfer-ownership", tags=["management"])
def transfer_ownership(member_id: UUID, caller: Caller, tenant: Workspace) -> Member:
    """Make a member the owner in the caller's stead, who stays as a manager."""
    caller.require(Right.GOVERN)
    return members.transfer(member_id, PostgresMembers(tenant), by=caller.user_id)


@app.get("/api/management/audit-log", tags=["management"])
def list_audit_log(
    caller: Caller,
    tenant: Workspace,
    target_id: UUID | None = None,
    limit: Limit = PAGE_LIMIT,
    cursor: Cursor = None,
) -> Page[audit.Entry]:
    """List who did what, newest first; `target_id` keeps to one creator, fan or campaign."""
    _require_whole_workspace(caller)
    before = number_of(decode_cursor(cursor, 1)[0]) if cursor else None
    found = PostgresAuditLog(tenant).page(target_id, before, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return Page(items=found[:limit], next_cursor=encode_cursor(last.sequence) if last else None)


@app.get("/api/management/audit-log/verify", tags=["management"])
def verify_audit_log(caller: Caller, tenant: Workspace) -> audit.Verdict:
    """Compute every hash of the log anew and tell whether an entry was changed or removed."""
    _require_whole_workspace(caller)
    return PostgresAuditLog(tenant).verify()


@app.get("/api/management/profile", tags=["management"])
def read_profile(own: Own) -> Profile:
    """Read the caller's own profile; before there is one, what their account says."""
    return own.profile()


@app.put("/api/management/profile", tags=["management"])
def save_profile(draft: ProfileDraft, own: Own) -> Profile:
    """Replace the caller's own profile; `language` is that of their mails, in every workspace."""
    return own.save_profile(draft)


@app.get("/api/management/notifications", tags=["management"])
def read_notification_preferences(own: Own) -> Preferences:
    """Read of what the caller is told, and how."""
    return own.preferences()


@app.put("/api/management/notifications", tags=["management"])
def save_notification_preferences(draft: PreferencesDraft, own: Own) -> Preferences:
    """Replace what the caller wants to be told of, in the app and by mail, and when in digests."""
    return own.save_preferences(draft)


@app.get("/api/management/settings", tags=["management"])
def read_settings(caller: Caller) -> Settings:
    """Read the workspace's settings."""
    caller.require(Right.READ)
    return _settings_of(caller).read()


@app.put("/api/management/settings", tags=["management"])
def save_settings(settings: Settings, caller: Caller) -> Settings:
    """Replace the workspace's name and what its next creators and invitations begin with.

    Creators that are there keep what they have.
    """
    caller.require(Right.MANAGE)
    if caller.creators is not None:
        raise ForbiddenError("The settings are of all creators; you work for some only.")
    return _settings_of(caller).save(settings, by=caller.user_id)


def _settings_of(caller: Principal) -> PostgresSettings:
    return PostgresSettings(tenant_with(caller, EVERY_MEMBER))


def _require_whole_workspace(caller: Principal) -> None:
    caller.require(Right.MANAGE)
    if caller.creators is not None:
        raise ForbiddenError("The log is of all creators; ask an owner, you work for some only.")


def _id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadRequestError("The cursor is not one that this list gave.") from None


def _place_of(cursor: str) -> tuple[datetime, UUID]:
    moment, user_id = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(moment), _id_of(user_id)
    except ValueError:
        raise BadRequestError("The cursor is not one that this list gave.") from None


handler = lambda_entry(app)
