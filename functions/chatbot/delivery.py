"""What became of replies, written down beside their approvals."""

from uuid import UUID

from psycopg.rows import dict_row

from huntaze.db import Connection
from huntaze.domain import proofs
from huntaze.domain.audit import ActorKind, Target

_SETTLED = """
  UPDATE reply_drafts d SET settled_at = clock_timestamp()
    FROM sends s
   WHERE d.id = %s AND d.settled_at IS NULL AND s.workspace_id = d.workspace_id
     AND s.id = d.send_id AND s.state IN ('sent', 'not_sent', 'skipped', 'cancelled')
  RETURNING d.creator_id, d.fan_id, d.send_id, s.state, s.reason, s.platform_message_id
"""


def note_delivery(connection: Connection, draft_id: UUID) -> bool:
    """Add to the audit log how a reply's message ended, once.

    Returns:
        Whether there was something to add.
    """
    with connection.cursor(row_factory=dict_row) as reading:
        found = reading.execute(_SETTLED, (draft_id,)).fetchone()
    if found is None:
        return False
    proofs.record(
        connection,
        "reply.settled",
        Target("reply", draft_id),
        {"platform_message_id": found["platform_message_id"]},
        creator_id=found["creator_id"],
        fan_id=found["fan_id"],
        actor_id=None,
        actor_kind=ActorKind.WORKFLOW,
        facts={
            "send_id": str(found["send_id"]),
            "state": found["state"],
            "reason": found["reason"],
        },
    )
    return True
