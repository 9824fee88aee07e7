"""Rules of connecting: consent first, secrets out of the database, the worker does the rest."""

from typing import Any, Protocol
from uuid import UUID

from functions.platforms.models import (
    CodeRequest,
    ConnectionStatus,
    SessionRequest,
)
from huntaze.domain.connections import require_consent
from huntaze.errors import ConflictError, InvalidInputError, TooLargeError

# An item of DynamoDB holds 400 KB, and sealing adds a little.
MAX_SESSION_BYTES = 300_000


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


class SecretStore(Protocol):
    """Where credentials and sessions lie, sealed per creator."""

    def secret_id(self, creator_id: UUID) -> str: ...

    def keep_session(self, creator_id: UUID, storage_state: dict[str, Any]) -> None: ...

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


def _require_connected(status: ConnectionStatus) -> None:
    if status.driver_consent_at is None or status.stop_reason == "disconnected":
        raise NotConnectedError("Connect the creator first: POST /api/of/connect.")
