"""What is ahead in a lane, and how long it takes."""

import math
from dataclasses import dataclass, replace
from uuid import UUID

from huntaze.db import Connection
from huntaze.errors import NotFoundError


@dataclass(frozen=True)
class Outlook:
    """A lane's queue and pace.

    Args:
        messages_per_minute: What the platform accepts.
        min_gap_ms: Between two messages.
        ahead: Messages that are due before a new campaign's.
        ahead_of_person: Messages that are due before a new direct message of a person's.
        stop_reason: Why the lane stands still, or None.
    """

    messages_per_minute: int
    min_gap_ms: int
    ahead: int
    ahead_of_person: int
    stop_reason: str | None

    def seconds_for(self, messages: int, *, per_minute: int | None = None) -> int:
        """Seconds until ``messages`` more of a campaign have gone out, behind what is ahead."""
        own = min(per_minute or self.messages_per_minute, self.messages_per_minute)
        return math.ceil(
            self.ahead * self._slot(self.messages_per_minute) + messages * self._slot(own)
        )

    def seconds_for_person(self) -> int:
        """Seconds until a person's message goes out: at most one slot behind a campaign."""
        slot = self._slot(self.messages_per_minute)
        return math.ceil((self.ahead_of_person + 1) * slot)

    def _slot(self, per_minute: int) -> float:
        return max(60 / per_minute, self.min_gap_ms / 1000)


def outlook(connection: Connection, creator_id: UUID) -> Outlook:
    """Read a creator's lane.

    Raises:
        NotFoundError: The workspace has no such creator.
    """
    row = connection.execute(
        "SELECT l.messages_per_minute, l.min_gap_ms,"
        " (SELECT count(*) FROM sends s LEFT JOIN campaigns c"
        "     ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id"
        "   WHERE s.workspace_id = l.workspace_id AND s.creator_id = l.creator_id"
        "     AND s.state = 'planned' AND (c.id IS NULL OR c.status IN ('sending', 'scheduled'))),"
        " (SELECT count(*) FROM sends s WHERE s.workspace_id = l.workspace_id"
        "   AND s.creator_id = l.creator_id AND s.state = 'planned' AND s.campaign_id IS NULL"
        "   AND s.priority = 0),"
        " CASE WHEN l.status = 'stopped' THEN l.stop_reason"
        "      WHEN l.kill_switch THEN 'kill_switch'"
        "      ELSE coalesce("
        "        (SELECT 'kill_switch:' || k.scope FROM kill_switches k"
        "          WHERE k.scope IN ('all', 'profile:' || l.platform) LIMIT 1),"
        "        (SELECT 'restored' FROM lane_restores r"
        "          WHERE r.creator_id = l.creator_id AND r.reconciled_at IS NULL)) END"
        " FROM creator_lanes l WHERE l.creator_id = %s",
        (creator_id,),
    ).fetchone()
    if row is None:
        raise NotFoundError("There is no such creator in this workspace.")
    return Outlook(*row)


def ahead_of(lane: Outlook, others: int) -> Outlook:
    """The same lane with ``others`` messages ahead."""
    return replace(lane, ahead=others)
