"""Rules of logging in through a provider. Knows nothing of HTTP, SQL or AWS.

A person is known by what the provider calls them, never by an address alone: an account that
exists is linked by its owner, who is logged in, and by nobody else.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from functions.auth import links, service
from functions.auth.models import Grant, Member, User, Workspace
from functions.auth.oauth.models import Identity, Provider, Secrets, Start
from huntaze.domain.mails import Template
from huntaze.errors import ConflictError, ForbiddenError, InvalidInputError, UnauthorizedError
from huntaze.ids import new_id

START_LIFE = timedelta(minutes=10)
# A path of our own pages: a second slash would be another host, and browsers read \ as /.
_OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
_NAME_LENGTH = 120


class OAuthDeniedError(UnauthorizedError):
    """The person, or the provider, has said no."""


class OAuthStateError(UnauthorizedError):
    """This browser was not sent to the provider, or has been here before."""


class OAuthEmailUnverifiedError(ForbiddenError):
    """The provider knows no address of the person that it has verified."""


class AccountExistsError(ConflictError):
    """The address has an account; its owner logs in there and links the provider."""


class OAuthTakenError(ConflictError):
    """The person at the provider belongs to another account already."""


class OAuthStore(links.Links, Protocol):
    """Where accounts are kept, and what links them to providers."""

    def add_start(
        self,
        state_hash: bytes,
        browser_hash: bytes,
        provider: Provider,
        start: Start,
        end: datetime,
    ) -> None:
        """Remember a browser that goes to a provider, until ``end``."""
        ...

    def take_start(
        self, state_hash: bytes, browser_hash: bytes, provider: Provider, now: datetime
    ) -> Start | None:
        """Forget a browser that has come back; None when it was never sent, or long ago."""
        ...

    def find_linked(self, provider: Provider, subject: str) -> UUID | None:
        """Find the user whom a provider means."""
        ...

    def link(self, provider: Provider, subject: str, user_id: UUID, now: datetime) -> bool:
        """Let a provider speak for a user; False when either has another partner there."""
        ...

    def add_verified_owner(self, owner: Member, language: str, now: datetime) -> bool:
        """Add a person whose address is verified; False when somebody has verified it before."""
        ...


def own_path(return_to: str) -> str:
    """Check where a browser wants to go afterwards.

    Raises:
        InvalidInputError: It is no path of our own pages.
    """
    if len(return_to) > 500 or not _OWN_PATH.fullmatch(return_to):
        raise InvalidInputError(
            "Only a path of our own pages can be gone to.",
            fields={"return_to": "begins with one slash, such as /settings"},
        )
    return return_to


def secrets_of(state: str, browser: str) -> Secrets:
    """What belongs to a departure."""
    return Secrets(
        state=state,
        browser=browser,
        verifier=_derived("verifier", browser),
        nonce=_derived("nonce", browser),
    )


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier."""
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def begin(
    provider: Provider, start: Start, secrets: Secrets, store: OAuthStore, *, now: datetime
) -> None:
    """Remember a browser that goes to a provider."""
    store.add_start(
        _hash_of(secrets.state), _hash_of(secrets.browser), provider, start, now + START_LIFE
    )


def come_back(provider: Provider, secrets: Secrets, store: OAuthStore, *, now: datetime) -> Start:
    """Let in a browser that was sent away, once.

    Raises:
        OAuthStateError: It was not.
    """
    start = store.take_start(_hash_of(secrets.state), _hash_of(secrets.browser), provider, now)
    if start is None:
        raise OAuthStateError("This login was begun elsewhere or is over; begin again.")
    return start


def finish(
    start: Start,
    identity: Identity,
    store: OAuthStore,
    *,
    client: service.Client,
    language: str,
    now: datetime,
) -> Grant | None:
    """Log in whom the provider has seen, or link them; None when they were logged in before.

    Raises:
        AccountExistsError: Their address has an account that is not linked.
        OAuthEmailUnverifiedError: There is no address to make an account with.
        OAuthTakenError: Somebody else is linked with them.
        SessionOverError: The session that wanted the link has ended.
    """
    if start.link_session is not None:
        _link(start.link_session, identity, store, now)
        return None
    mail_id = None
    with store.transaction():
        user_id = store.find_linked(identity.provider, identity.subject)
        if user_id is None:
            user_id = _add_owner(identity, store, language, now)
            mail_id = store.add_mail(Template.WELCOME, user_id=user_id)
        member = store.find_by_user(user_id)
        if member is None:
            raise OAuthDeniedError("The account has no workspace any more.")
        grant = service.open_session(member, store, client=client, now=now)
    if mail_id:
        store.send_soon(mail_id)
    return grant


def _link(session_id: UUID, identity: Identity, store: OAuthStore, now: datetime) -> None:
    with store.transaction():
        found = store.find_by_session(session_id)
        if found is None:
            raise service.SessionOverError("The session is over; log in again.")
        user_id = found.account.user.id
        if store.find_linked(identity.provider, identity.subject) == user_id:
            return
        if not store.link(identity.provider, identity.subject, user_id, now):
            raise OAuthTakenError("One of the two is linked with another account already.")


def _add_owner(identity: Identity, store: OAuthStore, language: str, now: datetime) -> UUID:
    if identity.email is None:
        raise OAuthEmailUnverifiedError(
            "The provider has verified no address of yours; verify it there, or register here."
        )
    name = identity.name.strip()[:_NAME_LENGTH] or identity.email.partition("@")[0]
    owner = Member(
        user=User(id=new_id(), email=identity.email, name=name, email_verified=True),
        workspace=Workspace(id=new_id(), name=name, plan="trial"),
        role="owner",
    )
    # Who came with this address before and has not verified it keeps nothing but their own account.
    if not store.add_verified_owner(owner, language, now):
        raise AccountExistsError(
            "You have an account with this address: log in by password or mailed link, then link"
            " the provider in the settings."
        )
    if not store.link(identity.provider, identity.subject, owner.user.id, now):
        raise OAuthTakenError("Somebody else has just been linked with this person; log in again.")
    return owner.user.id


def new_secrets(token: Callable[[], str]) -> Secrets:
    """Make what a departure is bound to."""
    return secrets_of(token(), token())


def _derived(use: str, secret: str) -> str:
    return _base64url(hashlib.sha256(f"{use}\0{secret}".encode()).digest())


def _hash_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
