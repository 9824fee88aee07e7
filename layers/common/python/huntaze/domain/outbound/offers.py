"""What a message offers: media of the creator who sends it."""

from uuid import UUID

from psycopg import sql

from huntaze.db import Connection
from huntaze.errors import InvalidInputError


def require_media(connection: Connection, creator_id: UUID, media_ids: list[UUID]) -> None:
    """Refuse media of another creator or workspace, and what is not in the platform's vault.

    Raises:
        InvalidInputError: Some are not this creator's, are listed twice, or cannot be attached.
    """
    if len(set(media_ids)) != len(media_ids):
        # Nobody is offered anything twice: the whole message would be skipped.
        raise InvalidInputError(
            "A media item is listed twice; list each once.", fields={"media_ids": "listed twice"}
        )
    known = connection.execute(
        "SELECT id, platform_media_id IS NOT NULL FROM media"
        # Locked, so that nobody takes one out of the library before the caller has kept it.
        " WHERE id = ANY (%s) AND creator_id = %s AND retired_at IS NULL FOR KEY SHARE",
        (media_ids, creator_id),
    ).fetchall()
    missing = set(media_ids) - {row[0] for row in known}
    if missing:
        raise InvalidInputError(
            "Some media are not this creator's: " + ", ".join(map(str, sorted(missing))) + ".",
            fields={"media_ids": "unknown"},
        )
    if absent := [media_id for media_id, in_vault in known if not in_vault]:
        raise InvalidInputError(
            "Some media are not in the vault on the platform: "
            + ", ".join(map(str, sorted(absent)))
            + ". Upload them there, and give the item its platform_media_id.",
            fields={"media_ids": "not in the vault"},
        )


def note_offered(connection: Connection, send_id: UUID) -> None:
    """Keep what a message offers that arrived, whoever found that out; once for each fan."""
    connection.execute(
        "INSERT INTO media_grants (workspace_id, creator_id, fan_id, media_id, send_id, state)"
        " SELECT s.workspace_id, s.creator_id, s.fan_id, media_id, s.id, 'offered'"
        " FROM sends s, unnest(s.media_ids) AS media_id WHERE s.id = %s"
        " ON CONFLICT DO NOTHING",
        (send_id,),
    )


def take_over(connection: Connection, send_id: UUID) -> None:
    """Free the offers of the unknown message that another one repeats, for this to make them.

    Until then they are kept, for the fan may have them. What was bought stays: it proves that the
    message arrived, and the grant will refuse.

    Args:
        connection: Inside the transaction that makes the offers anew.
        send_id: Of the one that repeats.
    """
    connection.execute(
        "DELETE FROM media_grants g USING sends s, sends u WHERE s.id = %s"
        " AND g.workspace_id = s.workspace_id AND g.fan_id = s.fan_id"
        " AND g.media_id = ANY (s.media_ids) AND g.state = 'offered'"
        " AND u.workspace_id = g.workspace_id AND u.id = g.send_id AND u.state = 'unknown'"
        " AND u.evidence ->> 'sent_again_as' = s.id::text",
        (send_id,),
    )


def withdraw(connection: Connection, send_id: UUID) -> None:
    """Take the offers of a message back that the fan never saw.

    What it repeated may have reached the fan all the same: those offers are that one's again.
    """
    connection.execute(
        "WITH freed AS (DELETE FROM media_grants WHERE send_id = %s AND state = 'offered'"
        "   RETURNING workspace_id, creator_id, fan_id, media_id, send_id)"
        " INSERT INTO media_grants (workspace_id, creator_id, fan_id, media_id, send_id, state)"
        " SELECT f.workspace_id, f.creator_id, f.fan_id, f.media_id, u.id, 'offered'"
        "   FROM freed f JOIN sends u ON u.workspace_id = f.workspace_id AND u.fan_id = f.fan_id"
        "    AND u.state IN ('unknown', 'sent')"
        "    AND u.evidence ->> 'sent_again_as' = f.send_id::text",
        (send_id,),
    )


def mark_bought(connection: Connection, creator_id: UUID, payments: str) -> None:
    """Say of what was offered in a message that it was bought, whatever was paid back later.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose messages were paid for.
        payments: A table of transactions: ``fan_id``, ``type`` and ``platform_message_id``.
    """
    connection.execute(
        sql.SQL(
            "UPDATE media_grants g SET state = 'bought'"
            " FROM {} p JOIN sends s ON s.creator_id = %s AND s.fan_id = p.fan_id"
            " AND s.platform_message_id = p.platform_message_id"
            " WHERE p.type = 'message' AND g.workspace_id = s.workspace_id AND g.send_id = s.id"
            " AND g.fan_id = s.fan_id AND g.state = 'offered'"
        ).format(sql.Identifier(payments)),
        (creator_id,),
    )
    # Taken back before the payment was known, its offers were free again.
    connection.execute(
        sql.SQL(
            "INSERT INTO media_grants (workspace_id, creator_id, fan_id, media_id, send_id, state)"
            " SELECT s.workspace_id, s.creator_id, s.fan_id, m.id, s.id, 'bought'"
            " FROM {} p JOIN sends s ON s.creator_id = %s AND s.fan_id = p.fan_id"
            " AND s.platform_message_id = p.platform_message_id"
            " JOIN media m ON m.workspace_id = s.workspace_id AND m.id = ANY (s.media_ids)"
            " WHERE p.type = 'message' AND s.unsent_at IS NOT NULL ON CONFLICT DO NOTHING"
        ).format(sql.Identifier(payments)),
        (creator_id,),
    )


def mark_bought_early(connection: Connection, send_id: UUID) -> None:
    """Say the same of a message whose payment was known before it was known to have arrived.

    Args:
        connection: Inside the transaction that settles the send.
        send_id: Of the ledger; its message on the platform is known by now.
    """
    connection.execute(
        "UPDATE media_grants g SET state = 'bought' FROM sends s"
        " WHERE s.id = %s AND g.workspace_id = s.workspace_id AND g.send_id = s.id"
        " AND g.fan_id = s.fan_id AND g.state = 'offered' AND EXISTS ("
        "   SELECT FROM transactions t WHERE t.workspace_id = s.workspace_id"
        "    AND t.creator_id = s.creator_id AND t.fan_id = s.fan_id AND t.type = 'message'"
        "    AND t.platform_message_id = s.platform_message_id)",
        (send_id,),
    )
