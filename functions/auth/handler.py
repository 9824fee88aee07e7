"""HTTP door of the auth feature: wiring, cookies and routes, no rules."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Depends, Request, Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from functions.auth import cookies, invitations, links, service
from functions.auth.callers import client_of, language_of
from functions.auth.invitation_repository import PostgresInvitations
from functions.auth.link_repository import PostgresLinks
from functions.auth.models import (
    Accepted,
    AcceptedInvitation,
    Grant,
    Language,
    LinkRequest,
    LinkToken,
    LoggedIn,
    Login,
    Me,
    Membership,
    PasswordReset,
    Refresh,
    Registration,
    Session,
    User,
)
from huntaze import tokens
from huntaze.auth import Person, current_person
from huntaze.db import database
from huntaze.domain.mails import Template
from huntaze.errors import BadRequestError, NotFoundError, UnauthorizedError
from huntaze.http import (
    PAGE_LIMIT,
    PAGE_LIMIT_MAX,
    Page,
    create_app,
    decode_cursor,
    encode_cursor,
    lambda_entry,
)
from huntaze.token_keys import PublicKeys

app = create_app()

# Tokens must not stay in a cache on the way.
_NOT_KEPT = {"Cache-Control": "no-store"}
# The next key is public for weeks before it signs.
_KEYS_KEPT_SECONDS = 3600


def stored_accounts() -> PostgresLinks:
    """The accounts in the database of this function."""
    return PostgresLinks(database())


def stored_invitations() -> PostgresInvitations:
    """The invitations in the database of this function."""
    return PostgresInvitations(database())


def refresh_cookie(request: Request) -> str | None:
    """The refresh token that a browser has sent along."""
    return cookies.find(request.resolved_event.headers.get("cookie", ""), cookies.REFRESH_COOKIE)


# Plain names: Powertools does not look behind a `type` statement.
Accounts = Annotated[PostgresLinks, Depends(stored_accounts)]
CallingClient = Annotated[service.Client, Depends(client_of)]
Caller = Annotated[Person, Depends(current_person)]


@app.post("/api/auth/register", status_code=HTTPStatus.CREATED, tags=["auth"])
def register(
    registration: Registration,
    accounts: Accounts,
    client: CallingClient,
    browser: Annotated[Language, Depends(language_of)],
) -> Response[LoggedIn]:
    """Make an account with a workspace of its own, and log in.

    The answer is the same for an address that somebody has: the mail to it tells its owner. Until
    the link in that mail was followed, no creator can be connected.
    """
    now = datetime.now(UTC)
    language = registration.language or browser
    grant = service.register(registration, accounts, client=client, language=language, now=now)
    return _logged_in(grant, now, HTTPStatus.CREATED)


@app.post("/api/auth/login", tags=["auth"])
def log_in(login: Login, accounts: Accounts, client: CallingClient) -> Response[LoggedIn]:
    """Log in with e-mail address and password."""
    now = datetime.now(UTC)
    return _logged_in(service.log_in(login, accounts, client=client, now=now), now)


@app.post("/api/auth/verify-email", tags=["auth"])
def verify_email(body: LinkToken, accounts: Accounts, _client: CallingClient) -> User:
    """Confirm an address with the token of the mailed link."""
    return links.verify_email(body.token, accounts, now=datetime.now(UTC))


@app.post("/api/auth/resend-verification", status_code=HTTPStatus.ACCEPTED, tags=["auth"])
def resend_verification(body: LinkRequest, accounts: Accounts, client: CallingClient) -> Accepted:
    """Mail the link that confirms an address once more."""
    return _mailed(Template.VERIFY_EMAIL, body, accounts, client)


@app.post("/api/auth/forgot-password", status_code=HTTPStatus.ACCEPTED, tags=["auth"])
def forgot_password(body: LinkRequest, accounts: Accounts, client: CallingClient) -> Accepted:
    """Mail a link with which a new password can be chosen."""
    return _mailed(Template.RESET_PASSWORD, body, accounts, client)


@app.post("/api/auth/reset-password", status_code=HTTPStatus.NO_CONTENT, tags=["auth"])
def reset_password(
    body: PasswordReset, accounts: Accounts, _client: CallingClient
) -> Response[None]:
    """Choose a new password with the token of the mailed link; every session ends."""
    links.reset_password(body.token, body.password, accounts, now=datetime.now(UTC))
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=_NOT_KEPT)


@app.post("/api/auth/magic-link", status_code=HTTPStatus.ACCEPTED, tags=["auth"])
def send_magic_link(body: LinkRequest, accounts: Accounts, client: CallingClient) -> Accepted:
    """Mail a link that logs in."""
    return _mailed(Template.MAGIC_LINK, body, accounts, client)


@app.post("/api/auth/magic-link/consume", tags=["auth"])
def consume_magic_link(
    body: LinkToken, accounts: Accounts, client: CallingClient
) -> Response[LoggedIn]:
    """Log in with the token of the mailed link."""
    now = datetime.now(UTC)
    return _logged_in(links.log_in_by_link(body.token, accounts, client=client, now=now), now)


@app.post("/api/auth/accept-invitation", tags=["auth"])
def accept_invitation(
    body: AcceptedInvitation,
    store: Annotated[PostgresInvitations, Depends(stored_invitations)],
    client: CallingClient,
    browser: Annotated[Language, Depends(language_of)],
) -> Response[LoggedIn]:
    """Join a workspace with the token of the mailed link, and log in there.

    The link proves the address: its account joins. Where there is none, `name` and `password`
    make one.
    """
    now = datetime.now(UTC)
    grant = invitations.accept(body, store, client=client, language=browser, now=now)
    return _logged_in(grant, now)


@app.post("/api/auth/refresh", tags=["auth"])
def refresh(
    accounts: Accounts,
    _client: CallingClient,
    cookie: Annotated[str | None, Depends(refresh_cookie)],
    body: Annotated[Refresh | None, Body()] = None,
) -> Response[LoggedIn]:
    """Renew the session with a refresh token, from the cookie or the body.

    A token is good for one renewal. One that comes back later ends the session.
    """
    now = datetime.now(UTC)
    token = (body.refresh_token if body else None) or cookie
    if not token:
        raise UnauthorizedError("There is no refresh token; log in.")
    return _logged_in(service.refresh(token, accounts, now=now), now)


@app.post("/api/auth/logout", status_code=HTTPStatus.NO_CONTENT, tags=["auth"])
def log_out(accounts: Accounts, caller: Caller) -> Response[None]:
    """End the session of this request."""
    accounts.revoke_session(caller.session_id, caller.user_id, datetime.now(UTC))
    return Response(
        status_code=HTTPStatus.NO_CONTENT, headers=_NOT_KEPT, cookies=cookies.of_nobody()
    )


@app.get("/api/auth/me", tags=["auth"])
def me(accounts: Accounts, caller: Caller) -> Response[Me]:
    """Tell who calls, and the CSRF token of the session."""
    found = accounts.find_by_session(caller.session_id)
    if found is None:
        raise UnauthorizedError("The session is over; log in again.")
    answer = Me(
        **dict(found.account),
        session_id=caller.session_id,
        csrf_token=found.csrf_token,
        operator=caller.operator,
    )
    return Response(HTTPStatus.OK, "application/json", answer, headers=_NOT_KEPT)


@app.get("/api/auth/workspaces", tags=["auth"])
def list_workspaces(
    accounts: Accounts,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Page[Membership]:
    """List the workspaces that the caller is in, oldest first."""
    found = accounts.memberships(caller.user_id, _id_of(cursor) if cursor else None, limit + 1)
    items = [Membership(workspace=one.workspace, role=one.role) for one in found[:limit]]
    more = len(found) > limit
    return Page(items=items, next_cursor=encode_cursor(items[-1].workspace.id) if more else None)


@app.post("/api/auth/workspaces/<workspace_id>/switch", tags=["auth"])
def switch_workspace(
    workspace_id: UUID, accounts: Accounts, client: CallingClient, caller: Caller
) -> Response[LoggedIn]:
    """Go on in another workspace of the caller's; the session of this request ends.

    Logging in opens the workspace that somebody was in first.
    """
    now = datetime.now(UTC)
    grant = service.switch_workspace(workspace_id, caller, accounts, client=client, now=now)
    return _logged_in(grant, now)


@app.get("/api/auth/sessions", tags=["auth"])
def list_sessions(
    accounts: Accounts,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Page[Session]:
    """List where the caller is logged in, newest first."""
    found = accounts.sessions(
        caller.user_id,
        current=caller.session_id,
        now=datetime.now(UTC),
        before=_id_of(cursor) if cursor else None,
        limit=limit + 1,
    )
    more = len(found) > limit
    return Page(
        items=found[:limit], next_cursor=encode_cursor(found[limit - 1].id) if more else None
    )


@app.get("/api/auth/sessions/<session_id>", tags=["auth"])
def get_session(session_id: UUID, accounts: Accounts, caller: Caller) -> Session:
    """Tell about one place where the caller is logged in."""
    found = accounts.session(
        session_id, caller.user_id, current=caller.session_id, now=datetime.now(UTC)
    )
    if found is None:
        raise NotFoundError("There is no such session of yours.")
    return found


@app.delete("/api/auth/sessions", status_code=HTTPStatus.NO_CONTENT, tags=["auth"])
def end_other_sessions(accounts: Accounts, caller: Caller) -> Response[None]:
    """Log out everywhere but here."""
    accounts.revoke_other_sessions(caller.session_id, caller.user_id, datetime.now(UTC))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@app.delete("/api/auth/sessions/<session_id>", status_code=HTTPStatus.NO_CONTENT, tags=["auth"])
def end_session(session_id: UUID, accounts: Accounts, caller: Caller) -> Response[None]:
    """Log out in one place."""
    service.end_session(session_id, caller.user_id, accounts, now=datetime.now(UTC))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@app.get("/api/auth/jwks.json", tags=["auth"])
def jwks() -> Response[PublicKeys]:
    """The public keys of access tokens (RFC 7517), for programs that check tokens themselves."""
    return Response(
        HTTPStatus.OK,
        "application/json",
        tokens.key_ring().keys(),
        headers={"Cache-Control": f"public, max-age={_KEYS_KEPT_SECONDS}"},
    )


def _mailed(
    template: Template, body: LinkRequest, accounts: PostgresLinks, client: service.Client
) -> Accepted:
    links.ask_for(template, body.email, accounts, client=client, now=datetime.now(UTC))
    return Accepted()


def _logged_in(
    grant: Grant, now: datetime, status: HTTPStatus = HTTPStatus.OK
) -> Response[LoggedIn]:
    access = tokens.issue(
        tokens.signing_key(), user_id=grant.account.user.id, session_id=grant.session_id, now=now
    )
    return Response(
        status,
        "application/json",
        LoggedIn(
            **dict(grant.account),
            access_token=access.text,
            access_expires_at=access.expires_at,
            refresh_token=grant.refresh_token,
            csrf_token=grant.csrf_token,
        ),
        headers=_NOT_KEPT,
        cookies=cookies.of_session(access.text, grant.refresh_token),
    )


def _id_of(cursor: str) -> UUID:
    try:
        return UUID(decode_cursor(cursor, 1)[0])
    except ValueError:
        raise BadRequestError("The cursor is not one that this list gave.") from None


# Strangers come here to become somebody; the private routes ask for the principal themselves.
handler = lambda_entry(app, authenticated=False)
