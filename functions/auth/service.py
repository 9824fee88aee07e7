"""Rules of accounts and sessions. Knows nothing of HTTP, SQL or AWS."""

import base64
import hashlib
import hmac
import math
import secrets
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import NamedTuple, Protocol
from uuid import UUID

from functions.auth import passwords, throttle
from functions.auth.addresses import Network
from functions.auth.models import (
    Account,
    Candidates,
    Grant,
    Login,
    Member,
    OpenSession,
    Registration,
    StoredToken,
    User,
    Workspace,
)
from functions.auth.throttle import Allowance, Failures
from huntaze.auth import Person
from huntaze.domain.mails import Template
from huntaze.errors import (
    ConflictError,
    NotFoundError,
    TooManyRequestsError,
    UnauthorizedError,
)
from huntaze.ids import new_id

# A session sleeps for so long and can be renewed, but not for ever.
SESSION_LIFE = timedelta(days=30)
LONGEST_SESSION = timedelta(days=90)
# How long after its use a refresh token may come again: the reply was lost, or two tabs asked.
REPLAY_GRACE = timedelta(seconds=10)
_USER_AGENT_LENGTH = 400


class EmailTakenError(ConflictError):
    """Somebody else has shown that this address is theirs."""


class WrongCredentialsError(UnauthorizedError):
    """The address and the password do not belong together."""


class TooManyLoginsError(TooManyRequestsError):
    """Too many tries have failed; a growing delay is on."""


class SessionOverError(UnauthorizedError):
    """The session has ended, was revoked, or its refresh token came from a thief."""


class Client(NamedTuple):
    """Where a request comes from."""

    network: Network | None
    user_agent: str | None


class Accounts(Protocol):
    """Where people, sessions and their tokens are kept."""

    def transaction(self) -> AbstractContextManager[object]:
        """Open a transaction around several calls."""
        ...

    def delay(self, subject: str, allowance: Allowance, now: datetime) -> timedelta:
        """Count a request of ``subject``'s, or tell how long it has to wait."""
        ...

    def add_mail(
        self, template: Template, *, user_id: UUID | None = None, address: str | None = None
    ) -> UUID:
        """Store a mail to a person, or to whoever has an address."""
        ...

    def send_soon(self, mail_id: UUID) -> None:
        """Let a stored mail go; to be called after the transaction."""
        ...

    def failures(
        self, email: str, network: Network | None, now: datetime
    ) -> tuple[Failures, Failures]:
        """Count recent failures of the account and of the network, alone until the end."""
        ...

    def add_attempt(self, email: str, network: Network | None, now: datetime) -> UUID:
        """Record a try as failed."""
        ...

    def mark_successful(self, attempt_id: UUID) -> None:
        """Say that the try has succeeded."""
        ...

    def find_by_email(self, email: str) -> Candidates:
        """Find who may mean themselves by an address, each in their oldest workspace."""
        ...

    def find_member(self, user_id: UUID, workspace_id: UUID) -> Member | None:
        """Find a person in one of their workspaces."""
        ...

    def find_by_session(self, session_id: UUID) -> OpenSession | None:
        """Find a session that was not revoked, and whose it is."""
        ...

    def add_owner(self, owner: Member, password_hash: str | None, language: str) -> None:
        """Add a person and their workspace."""
        ...

    def replace_password_hash(self, user_id: UUID, password_hash: str | None) -> None:
        """Store another hash."""
        ...

    def add_session(
        self,
        session_id: UUID,
        opened: OpenSession,
        *,
        user_agent: str | None,
        now: datetime,
        proven_at: datetime,
    ) -> None:
        """Add a session, which lives as long as its refresh tokens."""
        ...

    def add_refresh_token(
        self, token_hash: bytes, session_id: UUID, *, now: datetime, end: datetime
    ) -> None:
        """Add a token and let its session live as long."""
        ...

    def find_refresh_token(self, token_hash: bytes, now: datetime) -> StoredToken | None:
        """Find a token and hold its session until the end of the transaction."""
        ...

    def use_refresh_token(
        self, token_hash: bytes, session_id: UUID, salt: bytes, now: datetime
    ) -> None:
        """Mark a token as used, with what its successor is made with."""
        ...

    def hold(self, user_id: UUID) -> str | None:
        """Let nobody end a person's sessions, or choose their password, until the end; its hash."""
        ...

    def revoke_session(self, session_id: UUID, user_id: UUID, now: datetime) -> datetime | None:
        """End a living session of a user; when they had shown who they are, None: there is none."""
        ...

    def revoke_other_sessions(self, session_id: UUID, user_id: UUID, now: datetime) -> None:
        """End every session of a user but one."""
        ...


def register(
    registration: Registration, accounts: Accounts, *, client: Client, language: str, now: datetime
) -> Grant:
    """Make an account with a workspace, and log it in; the address is not theirs yet.

    Whether somebody has the address makes no difference here: the mail to it will tell its owner.

    Raises:
        TooManyRequestsError: The network has made too many accounts lately.
    """
    owner = Member(
        user=User(
            id=new_id(), email=registration.email, name=registration.name, email_verified=False
        ),
        workspace=Workspace(
            id=new_id(), name=registration.workspace_name or registration.name, plan="trial"
        ),
        role="owner",
    )
    if client.network:
        delay = accounts.delay(
            f"accounts from {client.network}", throttle.ACCOUNTS_FROM_NETWORK, now
        )
        throttle.refuse(delay, "Many accounts were made from here; wait and try again.")
    password_hash = passwords.make_hash(registration.password)
    with accounts.transaction():
        accounts.add_owner(owner, password_hash, language)
        grant = open_session(owner, accounts, client=client, now=now)
        # Its owner was sent enough of them otherwise.
        may_mail = not accounts.delay(f"mail to {owner.user.email}", throttle.MAILS_TO_ADDRESS, now)
        mail_id = (
            accounts.add_mail(Template.VERIFY_EMAIL, user_id=owner.user.id) if may_mail else None
        )
    if mail_id:
        accounts.send_soon(mail_id)
    return grant


def log_in(login: Login, accounts: Accounts, *, client: Client, now: datetime) -> Grant:
    """Open a session for a person who knows their password.

    Raises:
        WrongCredentialsError: The two do not belong together.
        TooManyLoginsError: The account or the network has failed too often lately.
    """
    attempt = _begin_attempt(login.email, accounts, client=client, now=now)
    # Both are tried in any case: the work must not tell who there is.
    right = [
        (found.account, found.password_hash)
        for found in accounts.find_by_email(login.email)
        if passwords.matches(login.password, found.password_hash if found else None)
        and found
        and found.password_hash
    ]
    if not right:
        raise WrongCredentialsError("The e-mail address or the password is wrong.")
    account, stored = right[0]
    new_hash = passwords.make_hash(login.password) if passwords.is_outdated(stored) else None
    with accounts.transaction():
        if accounts.hold(account.user.id) != stored:
            # Another was chosen while this one was tried, and every session ended.
            raise WrongCredentialsError("The e-mail address or the password is wrong.")
        accounts.mark_successful(attempt)
        if new_hash:
            accounts.replace_password_hash(account.user.id, new_hash)
        return open_session(account, accounts, client=client, now=now)


def _begin_attempt(email: str, accounts: Accounts, *, client: Client, now: datetime) -> UUID:
    with accounts.transaction():
        of_account, of_network = accounts.failures(email, client.network, now)
        delay = max(
            throttle.wait(throttle.ACCOUNT, of_account, now),
            throttle.wait(throttle.ADDRESS, of_network, now),
        )
        if not delay:
            return accounts.add_attempt(email, client.network, now)
    raise TooManyLoginsError(
        "Too many failed tries; wait and try again.",
        retry_after=math.ceil(delay.total_seconds()),
    )


class Verdict(Enum):
    """What to do with a refresh token that came in."""

    RENEW = auto()
    # The reply to its first use was lost, or two tabs asked at once: give the same reply again.
    REPEAT = auto()
    REFUSE = auto()
    # Two parties hold the session, and one of them is not its owner.
    REVOKE = auto()


def judge(token: StoredToken, now: datetime) -> Verdict:
    """Decide about a refresh token that is ours."""
    if not token.alive:
        return Verdict.REFUSE
    if token.used_at is None:
        return Verdict.RENEW
    is_late = now - token.used_at > REPLAY_GRACE
    if token.successor_used or is_late or token.successor_salt is None:
        return Verdict.REVOKE
    return Verdict.REPEAT


def refresh(refresh_token: str, accounts: Accounts, *, now: datetime) -> Grant:
    """Renew a session, and give a new refresh token for the old one.

    Raises:
        SessionOverError: The token is unknown or over, or it came back after its successor was
            in use; then the session is revoked.
    """
    token_hash = _hash_of(refresh_token)
    with accounts.transaction():
        token = accounts.find_refresh_token(token_hash, now)
        verdict = judge(token, now) if token else Verdict.REFUSE
        if token and verdict is Verdict.REVOKE:
            accounts.revoke_session(token.session_id, token.user_id, now)
        opened = accounts.find_by_session(token.session_id) if token else None
        if token and opened and verdict in (Verdict.RENEW, Verdict.REPEAT):
            salt = token.successor_salt or secrets.token_bytes(32)
            successor = _successor(refresh_token, salt)
            if verdict is Verdict.RENEW:
                accounts.use_refresh_token(token_hash, token.session_id, salt, now)
                _keep(successor, token.session_id, accounts, now, begun=token.begun_at)
            return Grant(*opened, token.session_id, successor)
    raise SessionOverError("The session is over; log in again.")


def end_session(session_id: UUID, user_id: UUID, accounts: Accounts, *, now: datetime) -> None:
    """End one of a user's sessions.

    Raises:
        NotFoundError: The user has no such session.
    """
    if accounts.revoke_session(session_id, user_id, now) is None:
        raise NotFoundError("There is no such session of yours.")


def switch_workspace(
    workspace_id: UUID, caller: Person, accounts: Accounts, *, client: Client, now: datetime
) -> Grant:
    """Go on in another workspace of the caller's: a session there for the one here.

    Raises:
        NotFoundError: The caller is in no such workspace.
        SessionOverError: The session here has just ended.
    """
    with accounts.transaction():
        accounts.hold(caller.user_id)
        member = accounts.find_member(caller.user_id, workspace_id)
        if member is None:
            raise NotFoundError("You are in no such workspace.")
        proven_at = accounts.revoke_session(caller.session_id, caller.user_id, now)
        if proven_at is None:
            raise SessionOverError("The session is over; log in again.")
        return open_session(member, accounts, client=client, now=now, proven_at=proven_at)


def open_session(
    account: Account,
    accounts: Accounts,
    *,
    client: Client,
    now: datetime,
    proven_at: datetime | None = None,
) -> Grant:
    """Log somebody in.

    Args:
        account: Who, and where.
        accounts: Where sessions are kept.
        client: Where the request comes from.
        now: The moment.
        proven_at: When they have shown who they are, if not now: the longest session begins there.
    """
    session_id = new_id()
    agent = client.user_agent[:_USER_AGENT_LENGTH] if client.user_agent else None
    opened = OpenSession(account, csrf_token=secrets.token_urlsafe(32))
    begun = proven_at or now
    accounts.add_session(session_id, opened, user_agent=agent, now=now, proven_at=begun)
    token = secrets.token_urlsafe(32)
    _keep(token, session_id, accounts, now, begun=begun)
    return Grant(*opened, session_id, token)


def _keep(
    token: str, session_id: UUID, accounts: Accounts, now: datetime, *, begun: datetime
) -> None:
    end = min(now + SESSION_LIFE, begun + LONGEST_SESSION)
    accounts.add_refresh_token(_hash_of(token), session_id, now=now, end=end)


def _successor(token: str, salt: bytes) -> str:
    """The one token that follows ``token``: who asks again within the grace gets no other.

    The database knows the salt and a hash, the owner knows the token; neither makes it alone.
    """
    digest = hmac.digest(token.encode(), salt, "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _hash_of(refresh_token: str) -> bytes:
    # 256 random bits need no salt and no slow hash.
    return hashlib.sha256(refresh_token.encode()).digest()
