"""What is ahead in a lane, and how long it takes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from huntaze.db import Connection
from huntaze.errors import NotFoundError


@dataclass(frozen=True)
class Outlook:
    """A lane's queue and pace.

    Args:
        messages_per_minute: What the platform accepts.
        min_gap_ms: Between two messages.
        ahead: What is due before a new campaign, in order: how many messages go at which pace a
            minute; None is the lane's.
        ahead_of_person: Messages that are due before a new direct message of a person's.
        stop_reason: Why the lane stands still, or None.
    """

    messages_per_minute: int
    min_gap_ms: int
    ahead: Sequence[tuple[int, int | None]]
    ahead_of_person: int
    stop_reason: str | None

    def seconds_for(self, messages: int, *, per_minute: int | None = None) -> int:
        """Seconds until ``messages`` more of a campaign have gone out, behind what is ahead.

        What is ahead takes of the lane what its pace allows; what that leaves is the next one's.
        """
        left = [Fraction(count) for count, _ in self.ahead] + [Fraction(messages)]
        paces = [self._a_second(pace) for _, pace in self.ahead] + [self._a_second(per_minute)]
        seconds = Fraction(0)
        while left[-1]:
            shares = self._shares(left, paces)
            span = min(one / share for one, share in zip(left, shares, strict=True) if share)
            left = [one - share * span for one, share in zip(left, shares, strict=True)]
            seconds += span
        return math.ceil(seconds)

    def seconds_for_person(self) -> int:
        """Seconds until a person's message goes out: at most one slot behind a campaign."""
        return math.ceil((self.ahead_of_person + 1) / self._a_second(None))

    def _shares(self, left: Sequence[Fraction], paces: Sequence[Fraction]) -> list[Fraction]:
        """Messages a second of each that is not through, as long as all of them are there."""
        free = self._a_second(None)
        shares = []
        for one, pace in zip(left, paces, strict=True):
            shares.append(min(pace, free) if one else Fraction(0))
            free -= shares[-1]
        return shares

    def _a_second(self, per_minute: int | None) -> Fraction:
        """Messages a second at a pace, or at the lane's, which none exceeds."""
        most = min(per_minute or self.messages_per_minute, self.messages_per_minute)
        return 1 / max(Fraction(60, most), Fraction(self.min_gap_ms, 1000))


# Direct messages are ahead of every campaign, and of those the one that began first.
_OUTLOOK = """
  SELECT l.messages_per_minute, l.min_gap_ms,
         (SELECT coalesce(array_agg(ARRAY[a.messages, a.pace] ORDER BY a.first_due), '{}')
            FROM (SELECT count(*)::integer AS messages, c.messages_per_minute AS pace,
                         CASE WHEN c.id IS NULL THEN '-infinity' ELSE min(s.due_at) END AS first_due
                    FROM sends s LEFT JOIN campaigns c
                      ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
                   WHERE s.workspace_id = l.workspace_id AND s.creator_id = l.creator_id
                     AND s.state = 'planned'
                     AND (s.campaign_id IS NULL OR s.campaign_id IS DISTINCT FROM %(besides)s)
                     AND (c.id IS NULL OR c.status IN ('sending', 'scheduled'))
                   GROUP BY c.id, c.messages_per_minute) a),
         (SELECT count(*) FROM sends s
           WHERE s.workspace_id = l.workspace_id AND s.creator_id = l.creator_id
             AND s.state = 'planned' AND s.campaign_id IS NULL AND s.priority = 0),
         CASE WHEN l.status = 'stopped' THEN l.stop_reason
              WHEN l.kill_switch THEN 'kill_switch'
              ELSE coalesce(
                (SELECT 'kill_switch:' || k.scope FROM kill_switches k
                  WHERE k.scope IN ('all', 'profile:' || l.platform) LIMIT 1),
                (SELECT 'restored' FROM lane_restores r
                  WHERE r.creator_id = l.creator_id AND r.reconciled_at IS NULL)) END
    FROM creator_lanes l WHERE l.creator_id = %(creator)s
"""


def outlook(connection: Connection, creator_id: UUID, *, besides: UUID | None = None) -> Outlook:
    """Read a creator's lane.

    Args:
        connection: In a transaction of the creator's workspace.
        creator_id: Whose lane.
        besides: The campaign that asks: its own messages are not ahead of it.

    Raises:
        NotFoundError: The workspace has no such creator.
    """
    row = connection.execute(_OUTLOOK, {"creator": creator_id, "besides": besides}).fetchone()
    if row is None:
        raise NotFoundError("There is no such creator in this workspace.")
    return Outlook(*row)
