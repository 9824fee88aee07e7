"""Shapes of the auth routes, and what is stored about people and sessions."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from functions.auth import passwords
from huntaze.domain.addresses import Email

type Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
type NewPassword = Annotated[
    str,
    StringConstraints(min_length=passwords.MIN_LENGTH, max_length=passwords.MAX_INPUT_LENGTH),
    AfterValidator(passwords.accept),
]


class Language(StrEnum):
    """In which language a person is written to."""

    ENGLISH = "en"
    FRENCH = "fr"


class Registration(BaseModel):
    """A person who wants an account and a workspace of their own."""

    email: Email
    name: Name
    workspace_name: Name | None = None
    # Behind what it must not repeat.
    password: NewPassword
    # As the browser says when it is left out.
    language: Language | None = None

    @field_validator("password")
    @classmethod
    def _not_personal(cls, password: str, given: ValidationInfo) -> str:
        told = (given.data.get(fact) for fact in ("email", "name", "workspace_name"))
        if why := passwords.personal(password, *(fact for fact in told if fact)):
            raise ValueError(why)
        return password


class Login(BaseModel):
    """A person who has an account."""

    email: Email
    # What is no acceptable password is simply a wrong one here.
    password: Annotated[str, Field(max_length=passwords.MAX_INPUT_LENGTH)]


class LinkRequest(BaseModel):
    """Whom to mail a link to."""

    email: Email


class LinkToken(BaseModel):
    """What stands behind ``#token=`` in a mailed link."""

    token: Annotated[str, Field(min_length=1, max_length=200)]


class PasswordReset(LinkToken):
    """A new password, by the link of a mail."""

    password: NewPassword


class AcceptedInvitation(LinkToken):
    """The link of an invitation; name and password are for who has no account yet."""

    name: Name | None = None
    password: NewPassword | None = None


class Accepted(BaseModel):
    """What is said whether or not the address has an account."""

    detail: str = "If there is something to send to this address, a mail is on its way."


class Refresh(BaseModel):
    """A program's refresh token; browsers send theirs as a cookie."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class User(BaseModel):
    """A person."""

    id: UUID
    email: str
    name: str
    email_verified: bool


class Workspace(BaseModel):
    """What owns creators, fans, money and a plan."""

    id: UUID
    name: str
    plan: str


class Account(BaseModel):
    """A person in a workspace; an operator of the platform may be in none."""

    user: User
    workspace: Workspace | None = None
    role: str | None = None


class Member(Account):
    """A person in a workspace."""

    workspace: Workspace
    role: str


class Membership(BaseModel):
    """A workspace that the caller is in."""

    workspace: Workspace
    role: str


class LoggedIn(Account):
    """Who has logged in, with the proofs of a session."""

    access_token: str
    access_expires_at: datetime
    refresh_token: str
    # For the header X-CSRF-Token, beside the cookie, on requests that change something.
    csrf_token: str


class Me(Account):
    """Who calls, in which session."""

    session_id: UUID
    csrf_token: str
    # Of the platform.
    operator: bool


class Session(BaseModel):
    """A place where the caller is logged in."""

    id: UUID
    user_agent: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    # Whether it is the session of this request.
    current: bool


class StoredAccount(BaseModel):
    """A person and the hash of the password."""

    model_config = ConfigDict(frozen=True)

    account: Account
    # None: this person logs in by a mailed link or through a provider.
    password_hash: str | None


class Candidates(NamedTuple):
    """Who may mean themselves by an address."""

    # Whose address it is.
    owner: StoredAccount | None
    # Who came with it last and has not shown that it is theirs.
    newest: StoredAccount | None


class StoredToken(NamedTuple):
    """A refresh token as it is known, with its session."""

    session_id: UUID
    user_id: UUID
    # When its person showed who they are.
    begun_at: datetime
    # False when the session was revoked or is over, or the token itself is.
    alive: bool
    used_at: datetime | None
    # Whether a token that was given for this one was used in turn.
    successor_used: bool
    # What its successor was made with; None before there was one.
    successor_salt: bytes | None


class OpenSession(NamedTuple):
    """Whose session it is, and what its own pages show beside the cookie."""

    account: Account
    csrf_token: str


class Grant(NamedTuple):
    """A session that was just opened or renewed."""

    account: Account
    csrf_token: str
    session_id: UUID
    refresh_token: str
