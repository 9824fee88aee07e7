"""A mail on its way: the row, the person, and what goes out."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from huntaze.domain.mails import Template


class QueuedMail(BaseModel):
    """What a message of the queue says."""

    mail_id: UUID
    # Of the request that it comes of.
    correlation_id: UUID | None = None


class PlannedMail(BaseModel):
    """A mail that this process alone may send now."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    template: Template
    user_id: UUID | None
    address: str | None
    parameters: dict[str, str]
    attempts: int


class Person(BaseModel):
    """Whom a mail goes to."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    email: str
    name: str
    language: str
    verified: bool


class Link(NamedTuple):
    """What a mailed link proves, and for how long."""

    purpose: str
    user_id: UUID
    email: str
    token_hash: bytes
    issued_at: datetime
    expires_at: datetime


class Letter(NamedTuple):
    """What goes out."""

    to: str
    subject: str
    text: str
    html: str
