"""The secrets with which platforms sign, each sealed for its creator."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from psycopg.rows import class_row

from huntaze.crypto import Envelope, Owner, seal_for, unseal_for
from huntaze.db import Connection, outside_of_transaction
from huntaze.settings import Settings, load

# What the sealed secret is, in the eyes of KMS.
KIND = "platform_webhook"
# So long a platform may take to sign with the new secret.
OVERLAP = timedelta(hours=24)


class SealSettings(Settings):
    """The key that seals secrets."""

    sessions_key_arn: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """How a creator's platform may call us.

    Attributes:
        previous_until: So long the secret before is valid, too.
        last_event_at: When the last event came, of the last thirty days.
    """

    set_at: datetime
    previous_until: datetime | None
    last_event_at: datetime | None


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """Whose events may come in, and what signs them, sealed."""

    workspace_id: UUID
    creator_id: UUID
    sealed: tuple[Envelope, ...]

    def opened(self) -> list[str]:
        """Open them, outside of any transaction."""
        return [_unsealed(self.workspace_id, self.creator_id, one) for one in self.sealed]


def seal_secret(workspace_id: UUID, creator_id: UUID, secret: str) -> Envelope:
    """Seal a creator's secret."""
    owner = _owner(workspace_id, creator_id)
    with outside_of_transaction():
        return seal_for(owner, secret.encode(), key_arn=load(SealSettings).sessions_key_arn)


def keep_secret(connection: Connection, creator_id: UUID, sealed: Envelope, *, by: UUID) -> None:
    """Let a creator's events be signed with a secret; the one before stays valid for a while."""
    connection.execute(
        "INSERT INTO platform_webhooks AS w (workspace_id, creator_id, sealed_key, sealed, set_by)"
        " VALUES (current_setting('app.workspace_id')::uuid, %(creator)s, %(key)s, %(sealed)s,"
        "  %(by)s)"
        " ON CONFLICT (workspace_id, creator_id) DO UPDATE"
        " SET generation = w.generation + 1, previous_sealed_key = w.sealed_key,"
        "  previous_sealed = w.sealed, previous_until = clock_timestamp() + %(overlap)s,"
        "  sealed_key = excluded.sealed_key, sealed = excluded.sealed, set_by = excluded.set_by,"
        "  set_at = clock_timestamp()",
        {
            "creator": creator_id,
            "key": sealed.sealed_key,
            "sealed": sealed.sealed,
            "by": by,
            "overlap": OVERLAP,
        },
    )


def forget_secret(connection: Connection, creator_id: UUID) -> bool:
    """Take nothing more from a creator's platform; whether anything was taken before."""
    gone = connection.execute("DELETE FROM platform_webhooks WHERE creator_id = %s", (creator_id,))
    return gone.rowcount > 0


def webhook_of(connection: Connection, creator_id: UUID) -> Webhook | None:
    """How a creator's platform may call us; None: not at all."""
    with connection.cursor(row_factory=class_row(Webhook)) as cursor:
        return cursor.execute(
            "SELECT w.set_at, CASE WHEN w.previous_until > clock_timestamp()"
            "  THEN w.previous_until END AS previous_until,"
            " (SELECT max(e.received_at) FROM platform_events e"
            "   WHERE e.workspace_id = w.workspace_id AND e.creator_id = w.creator_id)"
            "  AS last_event_at"
            " FROM platform_webhooks w WHERE w.creator_id = %s",
            (creator_id,),
        ).fetchone()


def secrets_of(connection: Connection, creator_id: UUID, platform: str) -> WebhookSecrets | None:
    """The secrets that may sign a creator's events now; None: nobody's events are taken."""
    row = connection.execute(
        "SELECT workspace_id, sealed_key, sealed, previous_sealed_key, previous_sealed"
        " FROM platform_webhook(%s, %s)",
        (creator_id, platform),
    ).fetchone()
    if row is None:
        return None
    workspace_id, *sealed = row
    envelopes = tuple(
        Envelope(bytes(key), bytes(data))
        for key, data in zip(sealed[::2], sealed[1::2], strict=True)
        if key is not None
    )
    return WebhookSecrets(workspace_id, creator_id, envelopes)


@lru_cache(maxsize=1000)
def _unsealed(workspace_id: UUID, creator_id: UUID, envelope: Envelope) -> str:
    """Open an envelope once: whoever sends forged bodies must not make us ask KMS each time."""
    owner = _owner(workspace_id, creator_id)
    return unseal_for(owner, envelope, key_arn=load(SealSettings).sessions_key_arn).decode()


def _owner(workspace_id: UUID, creator_id: UUID) -> Owner:
    context = {"workspace_id": str(workspace_id), "kind": KIND}
    return Owner(context, creator_id.bytes)
