"""After the database came back from a backup: what was sent meanwhile, and which lanes wait for it.

A restored ledger calls messages planned that fans have received. Each lane is held until the chats
that moved since the backup are read; and whatever was decided before the restore is looked for in
its thread once more before it is sent.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from huntaze import outbox
from huntaze.db import Connection
from huntaze.domain import conversations
from huntaze.domain.outbound import offers, syncs
from huntaze.domain.outbound.grants import announce
from huntaze.domain.outbound.lanes import Claim
from huntaze.domain.outbound.planning import evidence_json
from huntaze.domain.outbound.states import SendState

# How far the platform's clock may be from the database's.
CLOCKS_APART = timedelta(minutes=5)
FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(minutes=5)


@dataclass(frozen=True)
class Reconciliation:
    """A restored lane whose next page of chats may be read.

    Args:
        cursor: The page that comes next; None is the first.
        restored_to: The moment that the backup goes back to, or a little earlier.
    """

    cursor: str | None
    restored_to: datetime
    failures: int

    @property
    def since(self) -> datetime:
        """What the platform shows as older was in the ledger when the backup was made."""
        return self.restored_to - CLOCKS_APART


@dataclass(frozen=True)
class ForgottenSend:
    """A send whose row may be older than the message.

    Args:
        submitting: It is settled by being read back; it only explains its own message here.
    """

    id: UUID
    text: str
    price_cents: int
    submitting: bool


@dataclass(frozen=True)
class ThreadInDoubt:
    """A fan with sends that may have been sent.

    Args:
        since: What the thread shows as older was in the ledger when the backup was made.
        known_message_ids: Platform ids that the ledger has: they explain themselves.
        older_message_ids: Those of them that are older than ``since``.
        sends: In the order in which the lane would have sent them.
    """

    fan_platform_id: str
    fan_handle: str
    since: datetime
    known_message_ids: list[str]
    older_message_ids: list[str]
    sends: list[ForgottenSend]


def next_page(connection: Connection, claim: Claim) -> Reconciliation | None:
    """The reconciliation of the lane, if it may go on now."""
    with connection.cursor(row_factory=class_row(Reconciliation)) as cursor:
        return cursor.execute(
            "SELECT cursor, restored_to, failures FROM lane_restores"
            " WHERE workspace_id = %s AND creator_id = %s AND reconciled_at IS NULL"
            " AND due_at <= clock_timestamp()",
            (claim.workspace_id, claim.creator_id),
        ).fetchone()


_THREADS = """
  SELECT f.platform_id, f.handle, b.restored_to - %(apart)s,
         coalesce((SELECT array_agg(o.platform_message_id) FROM sends o
                    WHERE o.workspace_id = f.workspace_id AND o.fan_id = f.id
                      AND o.platform_message_id IS NOT NULL), '{}'),
         coalesce((SELECT array_agg(o.platform_message_id) FROM sends o
                    WHERE o.workspace_id = f.workspace_id AND o.fan_id = f.id
                      AND o.platform_message_id IS NOT NULL
                      AND o.settled_at < b.restored_to - %(apart)s), '{}'),
         array_agg(s.id ORDER BY s.state = 'submitting' DESC, s.priority, s.due_at, s.id),
         array_agg(s.text ORDER BY s.state = 'submitting' DESC, s.priority, s.due_at, s.id),
         array_agg(s.price_cents
                   ORDER BY s.state = 'submitting' DESC, s.priority, s.due_at, s.id),
         array_agg(s.state = 'submitting'
                   ORDER BY s.state = 'submitting' DESC, s.priority, s.due_at, s.id)
    FROM lane_restores b
    JOIN fans f ON f.workspace_id = b.workspace_id AND f.creator_id = b.creator_id
    JOIN sends s ON s.workspace_id = f.workspace_id AND s.fan_id = f.id
     AND s.state IN ('planned', 'submitting', 'unknown')
    LEFT JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
   WHERE b.workspace_id = %(workspace)s AND b.creator_id = %(creator)s
     AND f.platform_id = ANY (%(fans)s)
     AND coalesce(c.created_at, s.created_at) <= b.restored_at
   GROUP BY f.workspace_id, f.id, b.restored_to
"""


def threads_in_doubt(
    connection: Connection, claim: Claim, fan_platform_ids: list[str]
) -> list[ThreadInDoubt]:
    """Of some fans those with sends that were decided on before the restore and are not settled."""
    rows = connection.execute(
        _THREADS,
        {
            "apart": CLOCKS_APART,
            "workspace": claim.workspace_id,
            "creator": claim.creator_id,
            "fans": fan_platform_ids,
        },
    ).fetchall()
    return [
        ThreadInDoubt(
            *(platform_id, handle, since, known, older),
            sends=[ForgottenSend(*send) for send in zip(*sends, strict=True)],
        )
        for platform_id, handle, since, known, older, *sends in rows
    ]


def settle_found(
    connection: Connection,
    claim: Claim,
    send_id: UUID,
    *,
    platform_message_id: str,
    at: datetime | None,
) -> bool:
    """Settle a send as sent whose message the thread shows.

    Args:
        connection: In a transaction of the lane's workspace.
        claim: Must still hold the lane.
        send_id: Planned, or unknown.
        platform_message_id: The message.
        at: When the platform shows that it was sent; None where it shows no time.

    Returns:
        False when the lane was lost or the send has moved.
    """
    row = connection.execute(
        "UPDATE sends s SET state = 'sent', platform_message_id = %(message)s,"
        "   evidence = %(evidence)s, settled_at = clock_timestamp(),"
        # It counts towards the fan's cap from when it was sent.
        "   granted_at = coalesce(s.granted_at, %(at)s, b.restored_to)"
        "  FROM lane_restores b"
        "  JOIN creator_lanes l ON l.workspace_id = b.workspace_id AND l.creator_id = b.creator_id"
        " WHERE s.workspace_id = %(workspace)s AND s.id = %(id)s"
        "   AND s.state IN ('planned', 'unknown')"
        "   AND b.workspace_id = s.workspace_id AND b.creator_id = s.creator_id"
        "   AND l.fencing_token = %(token)s"
        " RETURNING s.campaign_id, s.fan_id, s.granted_at",
        {
            "message": platform_message_id,
            "evidence": evidence_json(by="restore", accepted_at=at),
            "at": at,
            "workspace": claim.workspace_id,
            "id": send_id,
            "token": claim.fencing_token,
        },
    ).fetchone()
    if row is None:
        return False
    campaign_id, fan_id, sent_at = row
    connection.execute(
        "UPDATE fans SET last_outbound_at = greatest(last_outbound_at, %s)"
        " WHERE workspace_id = %s AND id = %s",
        (sent_at, claim.workspace_id, fan_id),
    )
    conversations.record_sent(connection, send_id, platform_message_id=platform_message_id, at=at)
    offers.take_over(connection, send_id)
    offers.note_offered(connection, send_id)
    offers.mark_bought_early(connection, send_id)
    announce(connection, claim, send_id, campaign_id, SendState.SENT)
    return True


def advance(
    connection: Connection,
    claim: Claim,
    page: Reconciliation,
    *,
    threads: int,
    found: int,
    next_cursor: str | None,
) -> None:
    """Record that a page of chats is read; after the last one the lane moves again.

    A list that leads in circles ends here, too: each send is still looked for before it goes out.
    """
    done = next_cursor is None or next_cursor == page.cursor
    row = connection.execute(
        "UPDATE lane_restores b SET cursor = %(next)s, failures = 0,"
        "   threads = threads + %(threads)s, found = found + %(found)s,"
        "   reconciled_at = CASE WHEN %(done)s THEN clock_timestamp() END"
        "  FROM creator_lanes l"
        " WHERE b.workspace_id = %(workspace)s AND b.creator_id = %(creator)s"
        "   AND b.reconciled_at IS NULL AND b.cursor IS NOT DISTINCT FROM %(cursor)s"
        "   AND l.workspace_id = b.workspace_id AND l.creator_id = b.creator_id"
        "   AND l.fencing_token = %(token)s"
        " RETURNING b.threads, b.found",
        {
            "next": next_cursor,
            "threads": threads,
            "found": found,
            "done": done,
            "workspace": claim.workspace_id,
            "creator": claim.creator_id,
            "cursor": page.cursor,
            "token": claim.fencing_token,
        },
    ).fetchone()
    if row is None or not done:
        return
    outbox.add(
        connection,
        "creator.reconciled",
        workspace_id=claim.workspace_id,
        aggregate=("creator", claim.creator_id),
        payload={"threads": row[0], "found": row[1]},
    )
    # Fans, payments and stop words of the forgotten time.
    syncs.request_all(
        connection,
        workspace_id=claim.workspace_id,
        creator_id=claim.creator_id,
        requested_by=None,
    )


def put_off(connection: Connection, claim: Claim) -> None:
    """Read the page later that cannot be read now, however often: the lane stays held."""
    connection.execute(
        "UPDATE lane_restores SET failures = failures + 1,"
        " due_at = clock_timestamp() + least(%s, %s * power(2, least(failures, 10)))"
        " WHERE workspace_id = %s AND creator_id = %s AND reconciled_at IS NULL",
        (LONGEST_DELAY, FIRST_DELAY, claim.workspace_id, claim.creator_id),
    )
