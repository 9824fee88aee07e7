"""Rules of connecting: consent first, secrets out of the database, the worker does the rest."""

from typing import Any, Protocol
from uuid import UUID

from functions.platforms.models import (
    CodeRequest,
    ConnectionStatus,
    SessionRequest,
    WebhookStatus,
)
from huntaze.crypto import Envelope
from huntaze.domain.connections import require_consent
from huntaze.domain.pushes import Webhook
from huntaze.errors import ConflictError, InvalidInputError, NotFoundError, TooLargeError
from huntaze.platforms.pushes import pushes_events

# An item of DynamoDB holds 400 KB, and sealing adds a little.
MAX_SESSION_BYTES = 300_000


class NoPushesError(ConflictError):
    """The platform calls nobody: what happens there is read from its pages."""


class NoWebhookError(NotFoundError):
    """Nothing is pushed for this creator."""


class NotConnectedError(ConflictError):
    """There is nothing to resume: the creator was never connected."""


class ConnectionStore(Protocol):
    """The connections of a workspace."""

    def consent(self, creator_id: UUID, *, by: UUID) -> None: ...

    def order(self, creator_id: UUID, kind: str, payload: dict[str, Any], *, by: UUID) -> UUID: ...

    def sync(self, creator_id: UUID, *, by: UUID) -> list[UUID]: ...

    def disconnect(self, creator_id: UUID, *, by: UUID) -> None: ...

    def activate(self, creator_id: UUID, *, by: UUID) -> None: ...

    def status(self, creator_id: UUID) -> ConnectionStatus: ...

    def take_pushes(self, creator_id: UUID, sealed: Envelope, *, by: UUID) -> None: ...

    def end_pushes(self, creator_id: UUID, *, by: UUID) -> None: ...

    def webhook(self, creator_id: UUID) -> Webhook | None: ...


class SecretStore(Protocol):
    """Where credentials and sessions lie, sealed per creator."""

    def secret_id(self, creator_id: UUID) -> str: ...

    def keep_session(self, creator_id: UUID, storage_state: dict[str, Any]) -> None: ...

    def seal_webhook(self, creator_id: UUID, secret: str) -> Envelope: ...

    def forget(self, creator_id: UUID) -> None: ...


def enter_code(
    creator_id: UUID,
    request: CodeRequest,
    store: ConnectionStore,
    secrets: SecretStore,
    *,
    by: UUID,
) -> UUID:
    """Log in again with the code that the platform has sent."""
    _require_connected(store.status(creator_id))
    payload = {"secret_id": secrets.secret_id(creator_id), "code": request.code}
    return store.order(creator_id, "connect", payload, by=by)


def bring_session(
    creator_id: UUID,
    request: SessionRequest,
    store: ConnectionStore,
    secrets: SecretStore,
    *,
    by: UUID,
) -> ConnectionStatus:
    """Use a session that the creator has made; no password is needed then."""
    require_consent(given=request.consent)
    if not request.storage_state.cookies:
        raise InvalidInputError(
            "The storage state holds no cookies; export it after logging in.",
            fields={"storage_state": "no cookies"},
        )
    if len(request.storage_state.model_dump_json()) > MAX_SESSION_BYTES:
        raise TooLargeError(
            "The storage state is too large; export it from a browser that knows this site alone."
        )
    secrets.keep_session(creator_id, request.storage_state.model_dump(mode="json"))
    store.consent(creator_id, by=by)
    store.activate(creator_id, by=by)
    return store.status(creator_id)


def resume(creator_id: UUID, store: ConnectionStore, secrets: SecretStore, *, by: UUID) -> UUID:
    """Log in again after the creator was stopped."""
    status = store.status(creator_id)
    _require_connected(status)
    return store.order(creator_id, "connect", {"secret_id": secrets.secret_id(creator_id)}, by=by)


def sync(creator_id: UUID, store: ConnectionStore, *, by: UUID) -> list[UUID]:
    """Order the worker to read subscribers, earnings and chats; what waits already is not doubled.

    A creator who is stopped is read once they go on.
    """
    _require_connected(store.status(creator_id))
    return store.sync(creator_id, by=by)


def disconnect(
    creator_id: UUID, store: ConnectionStore, secrets: SecretStore, *, by: UUID
) -> ConnectionStatus:
    """Stop the creator's sends and forget credentials and session; planned messages stay."""
    store.disconnect(creator_id, by=by)
    secrets.forget(creator_id)
    return store.status(creator_id)


def take_pushes(
    creator_id: UUID, secret: str, store: ConnectionStore, secrets: SecretStore, *, by: UUID
) -> WebhookStatus:
    """Take what the creator's platform pushes, signed with a secret.

    What is signed with the one before is taken for another day.

    Raises:
        NoPushesError: The platform pushes nothing.
    """
    platform = store.status(creator_id).platform
    if not pushes_events(platform):
        raise NoPushesError(
            f"The platform {platform} pushes nothing: what happens there is read from its pages."
        )
    store.take_pushes(creator_id, secrets.seal_webhook(creator_id, secret), by=by)
    return webhook(creator_id, store)


def webhook(creator_id: UUID, store: ConnectionStore) -> WebhookStatus:
    """Tell where the creator's platform pushes.

    Raises:
        NoWebhookError: Nowhere.
    """
    found = store.webhook(creator_id)
    if found is None:
        raise NoWebhookError("Nothing is pushed for this creator; POST /api/of/webhook changes it.")
    platform = store.status(creator_id).platform
    return WebhookStatus(
        creator_id=creator_id,
        path=f"/api/webhooks/platforms/{platform}?connection={creator_id}",
        set_at=found.set_at,
        previous_until=found.previous_until,
        last_event_at=found.last_event_at,
    )


def _require_connected(status: ConnectionStatus) -> None:
    if status.driver_consent_at is None or status.stop_reason == "disconnected":
        raise NotConnectedError("Connect the creator first: POST /api/of/connect.")
