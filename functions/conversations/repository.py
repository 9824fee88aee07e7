"""Direct messages in the ledger."""

from uuid import UUID

from psycopg.rows import class_row

from functions.conversations.models import DirectMessage, Send, SendQueued, SendSettled
from huntaze.db import Connection, Tenant
from huntaze.domain.outbound import cancelling, judging, planning, queue
from huntaze.domain.outbound.judging import Settlement
from huntaze.domain.outbound.offers import require_media
from huntaze.domain.outbound.states import Priority
from huntaze.errors import NotFoundError


class PostgresOutbox:
    """The direct messages of one workspace; row level security hides all others."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def platform(self, creator_id: UUID) -> str:
        """The platform of a creator."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "SELECT platform FROM creators WHERE workspace_id = %s AND id = %s",
                (self._tenant.workspace_id, creator_id),
            ).fetchone()
        if row is None:
            raise NotFoundError("There is no such creator in this workspace.")
        platform: str = row[0]
        return platform

    def check_media(self, creator_id: UUID, media_ids: list[UUID]) -> None:
        """Refuse media of another creator."""
        with self._tenant.transaction() as connection:
            require_media(connection, creator_id, media_ids)

    def queue(
        self, creator_id: UUID, message: DirectMessage, *, author: UUID, answers: str | None
    ) -> SendQueued:
        """Write the row; the caller wakes the lane after the commit."""
        with self._tenant.transaction() as connection:
            eta = queue.outlook(connection, creator_id).seconds_for_person()
            send_id = planning.plan_direct(
                connection,
                planning.DirectSend(
                    workspace_id=self._tenant.workspace_id,
                    creator_id=creator_id,
                    fan_id=message.fan_id,
                    text=message.message,
                    authorship=planning.Authorship("person", author_id=author),
                    priority=Priority.PERSON,
                    price_cents=message.price_cents,
                    media_ids=message.media_ids,
                    expected_message_id=answers,
                ),
            )
            return SendQueued(send=self.send(send_id), eta_seconds=eta)

    def send(self, send_id: UUID) -> Send:
        """Read one direct message.

        Raises:
            NotFoundError: The workspace has no such message.
        """
        with self._tenant.transaction() as connection:
            return self._read(connection, send_id)

    def call_back(self, send_id: UUID, *, by: UUID) -> Send:
        """Cancel a direct message if it still waits, and read what it is then.

        Raises:
            NotFoundError: The workspace has no such message.
        """
        with self._tenant.transaction() as connection:
            cancelling.call_back(connection, send_id, by=by)
            return self._read(connection, send_id)

    def settle_unknown(self, send_id: UUID, settlement: Settlement, *, by: UUID) -> SendSettled:
        """Settle an unknown direct message; the caller wakes the lane after the commit.

        Raises:
            NotFoundError: The workspace has no such message.
            ConflictError: Its outcome is known, or it was sent again already.
        """
        with self._tenant.transaction() as connection:
            # A campaign's message is settled among its recipients.
            self._read(connection, send_id)
            repeated = judging.settle(connection, send_id, settlement, decided_by=by)
            return SendSettled(send=self._read(connection, send_id), new_send_id=repeated)

    def _read(self, connection: Connection, send_id: UUID) -> Send:
        with connection.cursor(row_factory=class_row(Send)) as cursor:
            found = cursor.execute(
                "SELECT id, creator_id, fan_id, state, reason, text, price_cents, media_ids,"
                " due_at, settled_at, platform_message_id, unsent_at FROM sends"
                " WHERE workspace_id = %s AND id = %s AND campaign_id IS NULL",
                (self._tenant.workspace_id, send_id),
            ).fetchone()
        if found is None:
            raise NotFoundError("There is no such direct message.")
        return found
