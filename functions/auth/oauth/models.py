"""Somebody on their way to a provider and back."""

from enum import StrEnum
from typing import Annotated, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Provider(StrEnum):
    """Who may tell us who somebody is."""

    GOOGLE = "google"
    GITHUB = "github"


class LinkOrder(BaseModel):
    """Which provider to link with the account, and where to go afterwards."""

    model_config = ConfigDict(extra="forbid")

    provider: Provider
    return_to: Annotated[str, Field(max_length=500)] = "/"


class Departure(BaseModel):
    """Where to send the browser."""

    url: str


class Start(NamedTuple):
    """A browser that was sent to a provider and has come back."""

    return_to: str
    link_session: UUID | None


class Identity(NamedTuple):
    """Whom a provider says that it has seen."""

    provider: Provider
    subject: str
    # None unless the provider has verified it.
    email: str | None
    name: str


class Secrets(NamedTuple):
    """What one departure is bound to; the browser keeps ``browser`` and brings back ``state``."""

    state: str
    browser: str
    # PKCE (RFC 7636) and OpenID Connect: made of the browser's secret, so that nobody stores them.
    verifier: str
    nonce: str
