"""HTTP door of logging in through a provider: redirects and cookies, no rules."""

import secrets as random
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Depends, Request, Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.shared.cookies import Cookie, SameSite
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.auth import cookies
from functions.auth.callers import client_of, language_of
from functions.auth.models import Grant, Language
from functions.auth.oauth import service
from functions.auth.oauth.models import Departure, LinkOrder, Provider, Start
from functions.auth.oauth.providers import CONNECTORS, Connector
from functions.auth.oauth.repository import PostgresOAuth
from functions.auth.oauth.settings import OAuthSettings
from functions.auth.service import Client
from huntaze import clients, tokens
from huntaze.auth import EmailUnverifiedError, Person, current_person
from huntaze.db import database
from huntaze.errors import HuntazeError, NotFoundError
from huntaze.http import create_app, lambda_entry
from huntaze.settings import load

BROWSER_COOKIE = "__Host-huntaze_oauth"
_NOT_KEPT = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}

app = create_app()


def stored_accounts() -> PostgresOAuth:
    """The accounts in the database of this function."""
    return PostgresOAuth(database())


def browser_secret(request: Request) -> str | None:
    """What this browser was given when it was sent away."""
    return cookies.find(request.resolved_event.headers.get("cookie", ""), BROWSER_COOKIE)


Accounts = Annotated[PostgresOAuth, Depends(stored_accounts)]
Caller = Annotated[Person, Depends(current_person)]
InPath = Annotated[Provider, Path(description="Who knows the person.")]
ReturnTo = Annotated[str, Query(max_length=500, description="A path of our pages.")]


@app.get("/api/auth/oauth/<provider>/start", status_code=HTTPStatus.FOUND, tags=["oauth"])
def start(provider: InPath, accounts: Accounts, return_to: ReturnTo = "/") -> Response[None]:
    """Send the browser to a provider, to log in or to make an account."""
    url, cookie = _depart(provider, Start(service.own_path(return_to), None), accounts)
    return Response(HTTPStatus.FOUND, headers={**_NOT_KEPT, "Location": url}, cookies=[cookie])


@app.post("/api/auth/oauth/link", tags=["oauth"])
def link(body: LinkOrder, accounts: Accounts, caller: Caller) -> Response[Departure]:
    """Tell where to go to link a provider with the account that is logged in.

    Not a redirect: only a page of our own can begin this, with the CSRF token of the session.
    """
    if not caller.email_verified:
        raise EmailUnverifiedError("Verify your e-mail address first; then link the provider.")
    departing = Start(service.own_path(body.return_to), caller.session_id)
    url, cookie = _depart(body.provider, departing, accounts)
    return Response(
        HTTPStatus.OK, "application/json", Departure(url=url), headers=_NOT_KEPT, cookies=[cookie]
    )


@app.get("/api/auth/oauth/<provider>/callback", status_code=HTTPStatus.FOUND, tags=["oauth"])
def callback(
    provider: InPath,
    accounts: Accounts,
    client: Annotated[Client, Depends(client_of)],
    language: Annotated[Language, Depends(language_of)],
    browser: Annotated[str | None, Depends(browser_secret)],
    code: Annotated[str, Query(max_length=2000)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    iss: Annotated[str | None, Query(max_length=200)] = None,
) -> Response[None]:
    """Take a browser back from a provider; go on to the page that it came from, logged in.

    Whatever goes wrong leads to the login page, with the name of the refusal in ``error``.
    """
    now = datetime.now(UTC)
    try:
        secrets = service.secrets_of(state, browser or "")
        started = service.come_back(provider, secrets, accounts, now=now)
        # RFC 9207: who says that it is another provider than the one we asked is not believed.
        if not code or iss not in (None, _settings().oauth_providers[provider].issuer):
            raise service.OAuthDeniedError("The provider has let nobody in.")
        secret = clients.secret_json(_settings().oauth_secrets_arn).get(provider, "")
        connector = _connector(provider, secret)
        identity = connector.identify(code, secrets, _redirect_uri(provider))
        grant = service.finish(
            started, identity, accounts, client=client, language=language, now=now
        )
    except HuntazeError as refusal:
        return _to("/login?" + urlencode({"error": refusal.code}), [_cookie("", timedelta(0))])
    return _to(started.return_to, [_cookie("", timedelta(0)), *_session(grant, now)])


def _depart(provider: Provider, departing: Start, accounts: PostgresOAuth) -> tuple[str, Cookie]:
    connector = _connector(provider, "")
    secrets = service.new_secrets(lambda: random.token_urlsafe(32))
    service.begin(provider, departing, secrets, accounts, now=datetime.now(UTC))
    url = connector.departure(secrets, _redirect_uri(provider))
    return url, _cookie(secrets.browser, service.START_LIFE)


def _connector(provider: Provider, secret: str) -> Connector:
    settings = _settings().oauth_providers.get(provider)
    if settings is None:
        raise NotFoundError("This stage does not offer that provider.")
    return CONNECTORS[provider](settings, secret)


def _settings() -> OAuthSettings:
    settings: OAuthSettings = load(OAuthSettings)
    return settings


def _redirect_uri(provider: Provider) -> str:
    return f"{_settings().oauth_callback_url}/api/auth/oauth/{provider}/callback"


def _to(path: str, more: list[Cookie]) -> Response[None]:
    headers = {**_NOT_KEPT, "Location": _settings().app_url + path}
    return Response(HTTPStatus.FOUND, headers=headers, cookies=more)


def _session(grant: Grant | None, now: datetime) -> list[Cookie]:
    if grant is None:
        return []
    user_id = grant.account.user.id
    access = tokens.issue(
        tokens.signing_key(), user_id=user_id, session_id=grant.session_id, now=now
    )
    return cookies.of_session(access.text, grant.refresh_token)


def _cookie(value: str, life: timedelta) -> Cookie:
    # Lax: it must come along when the provider sends the browser back.
    return Cookie(
        name=BROWSER_COOKIE,
        value=value,
        path="/",
        secure=True,
        http_only=True,
        max_age=int(life.total_seconds()),
        same_site=SameSite.LAX_MODE,
    )


_for_strangers = lambda_entry(app, authenticated=False, keeps_replies=False)
_for_members = lambda_entry(app, keeps_replies=False)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer strangers, who only read here, and members, who are asked for before anything else."""
    entry = _for_strangers if event.get("httpMethod") == "GET" else _for_members
    return entry(event, context)
