"""What the judge gets to see: the rows of the ledger and the truth of the platform."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from chaos.judge import Accepted, Attempt, Recipient, Row
from huntaze.db import Connection
from local.fan_platform.client import FanPlatform

_ROWS = """
  SELECT s.creator_id, f.platform_id, s.text, s.state, s.reason, s.platform_message_id,
         s.evidence IS NOT NULL,
         coalesce((SELECT json_agg(json_build_array(a.granted_at, a.outcome) ORDER BY a.attempt)
                     FROM send_attempts a
                    WHERE a.workspace_id = s.workspace_id AND a.send_id = s.id), '[]')
    FROM sends s JOIN fans f ON f.workspace_id = s.workspace_id AND f.id = s.fan_id
   WHERE s.creator_id = ANY (%s)
"""


def read_ledger(connection: Connection, creators: Mapping[UUID, str]) -> list[Row]:
    """Read every send of some creators.

    Args:
        connection: Of a role that sees them.
        creators: The platform's id of each.
    """
    return [
        Row(
            to=Recipient(creators[creator], fan),
            text=text,
            state=state,
            reason=reason,
            platform_message_id=message_id,
            has_evidence=has_evidence,
            attempts=tuple(
                Attempt(datetime.fromisoformat(at), outcome) for at, outcome in attempts
            ),
        )
        for creator, fan, text, state, reason, message_id, has_evidence, attempts in (
            connection.execute(_ROWS, (list(creators),))
        )
    ]


def read_truth(platform: FanPlatform, creators: Iterable[str]) -> list[Accepted]:
    """Read every message that the platform accepted from some creators."""
    return [
        Accepted(
            id=one["id"],
            to=Recipient(one["creator"], one["fan"]),
            text=one["text"],
            at=datetime.fromisoformat(one["accepted_at"]),
        )
        for creator in creators
        for one in platform.messages(creator)
    ]
