"""Shapes of platform connections."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from huntaze.domain.connections import Credentials


class CreatorChoice(BaseModel):
    """Which creator is meant."""

    model_config = ConfigDict(extra="forbid")

    creator_id: UUID | None = Field(None, description="Omitted: the workspace's only creator.")


class ConnectRequest(Credentials, CreatorChoice):
    """Credentials of a creator's own account, and the consent to use them."""


class CodeRequest(CreatorChoice):
    """The code that the platform has sent to the creator."""

    code: Annotated[str, Field(min_length=4, max_length=12, pattern=r"^[0-9A-Za-z-]+$")]


class Cookie(BaseModel):
    """A cookie, as Playwright writes it."""

    model_config = ConfigDict(extra="allow")

    name: Annotated[str, Field(min_length=1)]
    value: str
    domain: Annotated[str, Field(min_length=1)]
    path: Annotated[str, Field(min_length=1)] = "/"


class LocalItem(BaseModel):
    """An entry of a local storage."""

    model_config = ConfigDict(extra="allow")

    name: str
    value: str


class Origin(BaseModel):
    """What one origin keeps in its local storage."""

    model_config = ConfigDict(extra="allow")

    origin: Annotated[str, Field(min_length=1)]
    localStorage: list[LocalItem] = []  # noqa: N815  (Playwright's name)


class StorageState(BaseModel):
    """What a browser knows once it is logged in, as Playwright writes it."""

    cookies: Annotated[list[Cookie], Field(max_length=1000)] = []
    origins: Annotated[list[Origin], Field(max_length=100)] = []


class SessionRequest(CreatorChoice):
    """A session that the creator made in a browser of their own."""

    storage_state: StorageState
    consent: bool


class Order(BaseModel):
    """An order that the worker carries out soon; its state is in the connection's status."""

    command_id: UUID


class SyncOrders(BaseModel):
    """The syncs that are under way or come next: subscribers, earnings, chats."""

    command_ids: list[UUID]


class WebhookRequest(CreatorChoice):
    """The secret with which a creator's platform signs what it pushes."""

    secret: Annotated[
        SecretStr,
        Field(
            min_length=32,
            max_length=200,
            description="Random; the same as on the platform. It is never shown again.",
        ),
    ]


class WebhookStatus(BaseModel):
    """Where a creator's platform pushes what happens, and whether it does."""

    creator_id: UUID
    path: str = Field(description="Of this API; the address that the platform is given.")
    set_at: datetime
    previous_until: datetime | None = Field(
        description="So long what is signed with the secret before is taken, too."
    )
    last_event_at: datetime | None


class LastOrder(BaseModel):
    """The newest order to the worker and how it ended."""

    kind: str
    state: str
    result: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


class ConnectionStatus(BaseModel):
    """How a creator's connection is."""

    creator_id: UUID
    platform: str
    status: str
    stop_reason: str | None
    stopped_at: datetime | None
    kill_switch: bool
    driver_consent_at: datetime | None
    messages_per_minute: int
    waiting: int = Field(description="Messages that are planned and due.")
    last_progress_at: datetime | None
    last_order: LastOrder | None
    syncs: list[LastOrder] = Field(
        description="The newest sync of each kind; its result tells the pages and rows so far."
    )
