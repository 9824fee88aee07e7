"""What a platform tells of single messages: changed, seen by the fan, taken back."""

from uuid import UUID

from huntaze.db import Connection
from huntaze.domain.conversations.models import SeenMessage
from huntaze.domain.conversations.storing import take_back


def correct(connection: Connection, creator_id: UUID, seen: SeenMessage) -> bool:
    """Bring words and price of a message to what they are now; whether they were others.

    What the ledger has frozen of a message of ours stays: it was approved so.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose message it is.
        seen: The newest that was told of it.
    """
    corrected = connection.execute(
        "UPDATE messages SET text = %(text)s, price_cents = %(price)s, media = %(media)s"
        " WHERE creator_id = %(creator)s AND platform_message_id = %(id)s AND send_id IS NULL"
        "   AND (text, price_cents, media) IS DISTINCT FROM"
        "       (%(text)s::text, %(price)s::bigint, %(media)s::text[])",
        {
            "creator": creator_id,
            "id": seen.id,
            "text": seen.text,
            "price": seen.price_cents,
            "media": list(seen.media),
        },
    )
    return corrected.rowcount > 0


def note_opened(connection: Connection, creator_id: UUID, message_id: str) -> None:
    """Note that the fan has seen a message of the creator's."""
    connection.execute(
        "UPDATE messages SET opened_at = clock_timestamp() WHERE creator_id = %s"
        " AND platform_message_id = %s AND direction = 'out' AND opened_at IS NULL",
        (creator_id, message_id),
    )


def note_taken_back(connection: Connection, creator_id: UUID, message_id: str) -> None:
    """Note that a message is in its thread no more."""
    take_back(
        connection,
        "m.creator_id = %(creator)s AND m.platform_message_id = %(id)s",
        {"creator": creator_id, "id": message_id},
    )
