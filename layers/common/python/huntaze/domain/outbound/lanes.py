"""The lane of a creator: who may drain it, whether it moves, what is next in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from huntaze import outbox
from huntaze.db import Connection, ConnectionSource, Tenant
from huntaze.domain.outbound.rate import WINDOW, Interval, Limits, next_grant
from huntaze.domain.outbound.states import Priority


@dataclass(frozen=True)
class Claim:
    """The right to drain one lane until the lease ends; the token proves it."""

    workspace_id: UUID
    creator_id: UUID
    fencing_token: int


@dataclass(frozen=True)
class LaneState:
    """A lane as the database sees it now.

    Args:
        held: Whether the claim that asked still holds it.
        stop_reason: Why it does not move; None when it does.
        intervals: The last messages, oldest first.
    """

    now: datetime
    platform: str
    held: bool
    stop_reason: str | None
    limits: Limits
    intervals: list[Interval]


@dataclass(frozen=True)
class DueSend:
    """What the lane would send next."""

    id: UUID
    campaign_id: UUID | None
    fan_id: UUID
    fan_platform_id: str | None
    fan_handle: str
    priority: int
    text: str
    price_cents: int
    platform_media_ids: list[str]
    attempt: int
    open_failures: int
    paced_per_minute: int | None
    due_at: datetime
    # When its campaign's last message was granted, where the campaign chose to be slow.
    paced_from: datetime | None = None
    # It was decided on before the database came back from a backup: it may have been sent.
    may_be_sent: bool = False
    # What caused it, and where that is in its trace.
    correlation_id: UUID | None = None
    trace: str | None = None


def claim(
    source: ConnectionSource, creator_id: UUID, *, holder: str, lease: timedelta
) -> Claim | None:
    """Take the lane, or None while another worker holds it."""
    with source.connection() as connection:
        row = connection.execute(
            "SELECT workspace_id, fencing_token FROM claim_lane(%s, %s, %s)",
            (creator_id, holder, lease),
        ).fetchone()
    return None if row is None else Claim(row[0], creator_id, row[1])


def renew(connection: Connection, claim: Claim, lease: timedelta) -> bool:
    """Extend the lease; False when the lane was taken over."""
    renewed = connection.execute(
        "UPDATE creator_lanes SET leased_until = clock_timestamp() + %s"
        " WHERE creator_id = %s AND fencing_token = %s",
        (lease, claim.creator_id, claim.fencing_token),
    )
    return renewed.rowcount == 1


def release(connection: Connection, claim: Claim) -> None:
    """Give the lane back, so that the next worker need not wait for the lease to end."""
    connection.execute(
        "UPDATE creator_lanes SET leased_until = NULL, holder = NULL"
        " WHERE creator_id = %s AND fencing_token = %s",
        (claim.creator_id, claim.fencing_token),
    )


_STATE = """
  SELECT clock_timestamp(), l.platform,
         l.fencing_token = %(token)s AND l.leased_until > clock_timestamp(),
         CASE
           WHEN l.status = 'stopped' THEN l.stop_reason
           WHEN l.kill_switch THEN 'kill_switch'
           ELSE coalesce(
             (SELECT 'kill_switch:' || k.scope FROM kill_switches k
               WHERE k.scope IN ('all', 'profile:' || l.platform) LIMIT 1),
             (SELECT 'restored' FROM lane_restores r
               WHERE r.workspace_id = l.workspace_id AND r.creator_id = l.creator_id
                 AND r.reconciled_at IS NULL))
         END,
         l.messages_per_minute, l.min_gap_ms, l.interval_starts, l.interval_ends
    FROM creator_lanes l
   WHERE l.creator_id = %(creator)s
"""


def state(connection: Connection, claim: Claim, *, lock: bool = False) -> LaneState:
    """Read the lane by the database clock.

    Args:
        connection: In a transaction of the lane's workspace.
        claim: Who asks.
        lock: Hold the row until the transaction ends: every grant and settlement does.
    """
    row = connection.execute(
        _STATE + "   FOR UPDATE OF l" if lock else _STATE,
        {"token": claim.fencing_token, "creator": claim.creator_id},
    ).fetchone()
    if row is None:
        raise LookupError(f"creator {claim.creator_id} has no lane")
    now, platform, held, stop_reason, per_minute, gap_ms, starts, ends = row
    return LaneState(
        now=now,
        platform=platform,
        held=held,
        stop_reason=stop_reason,
        limits=Limits(per_minute, timedelta(milliseconds=gap_ms)),
        intervals=[Interval(*pair) for pair in zip(starts, ends, strict=True)],
    )


def next_slot(lane: LaneState, due: DueSend) -> datetime | None:
    """When ``due`` may be granted; None is now."""
    slot = next_grant(
        lane.intervals,
        lane.limits,
        paced_per_minute=pace(lane.limits, due),
        paced_from=due.paced_from,
    )
    return None if slot is None or slot <= lane.now else slot


def pace(limits: Limits, due: DueSend) -> int | None:
    """Sends that nobody waits for are spread evenly, at most as fast as the campaign chose."""
    if due.priority < Priority.AUTOMATION:
        return None
    return min(limits.messages_per_minute, due.paced_per_minute or limits.messages_per_minute)


def first(lane: LaneState, candidates: Sequence[DueSend]) -> DueSend | None:
    """Which of them goes next: of those that may go now the most urgent, or else the earliest.

    What must wait for its time or for its campaign's pace holds back nothing that may go before.
    """

    def turn(due: DueSend) -> tuple[datetime, int, datetime, UUID]:
        ready = max(lane.now, due.due_at, next_slot(lane, due) or lane.now)
        return ready, due.priority, due.due_at, due.id

    return min(candidates, key=turn, default=None)


# A fan with a message in flight waits until that one is settled. One branch for each priority of
# direct sends, one for each running campaign: each reads one entry of its own index. A campaign
# that chose to be slow also looks at what the lane has sent within the last minute.
_CANDIDATES = """
  SELECT s.id, s.campaign_id, s.fan_id, f.platform_id AS fan_platform_id, f.handle AS fan_handle,
         s.priority, s.text, s.price_cents,
         coalesce((SELECT array_agg(m.platform_media_id ORDER BY ordinality)
                     FROM unnest(s.media_ids) WITH ORDINALITY AS wanted (id, ordinality)
                     JOIN media m ON m.workspace_id = s.workspace_id AND m.id = wanted.id), '{}')
           AS platform_media_ids,
         s.attempt, s.open_failures, s.paced_per_minute,
         CASE WHEN s.paced_per_minute < %(most)s THEN (
           SELECT max(g.granted_at) FROM sends g
            WHERE g.workspace_id = s.workspace_id AND g.creator_id = s.creator_id
              AND g.campaign_id = s.campaign_id AND g.state IN ('submitting', 'sent', 'unknown')
              AND g.granted_at > statement_timestamp() - %(window)s) END AS paced_from,
         s.due_at,
         EXISTS (SELECT FROM lane_restores b
                  WHERE b.workspace_id = s.workspace_id AND b.creator_id = s.creator_id
                    AND s.decided_at <= b.restored_at) AS may_be_sent,
         s.correlation_id, coalesce(s.trace, s.campaign_trace) AS trace
    FROM (
      SELECT r.*, NULL::integer AS paced_per_minute, r.created_at AS decided_at,
             NULL::text AS campaign_trace
        FROM unnest(%(priorities)s::smallint[]) AS of (priority)
        CROSS JOIN LATERAL (
          SELECT d.* FROM sends d
           WHERE d.creator_id = %(creator)s AND d.state = 'planned' AND d.campaign_id IS NULL
             AND d.priority = of.priority AND d.due_at <= statement_timestamp() + %(ahead)s
           ORDER BY d.due_at, d.id LIMIT 1) r
      UNION ALL
      SELECT r.*, c.messages_per_minute, c.created_at, c.trace FROM campaigns c
        CROSS JOIN LATERAL (
          SELECT p.* FROM sends p
           WHERE p.campaign_id = c.id AND p.state = 'planned'
             AND p.due_at <= statement_timestamp() + %(ahead)s
           ORDER BY p.due_at, p.id LIMIT 1) r
        WHERE c.creator_id = %(creator)s AND c.status = 'sending'
    ) s
    JOIN fans f ON f.workspace_id = s.workspace_id AND f.id = s.fan_id
"""


def next_due(
    connection: Connection, claim: Claim, lane: LaneState, *, ahead: timedelta
) -> DueSend | None:
    """What the lane, as it stands, sends next of all that is due within ``ahead``."""
    with connection.cursor(row_factory=class_row(DueSend)) as cursor:
        cursor.execute(
            _CANDIDATES,
            {
                "creator": claim.creator_id,
                "ahead": ahead,
                "priorities": [priority.value for priority in Priority],
                "most": lane.limits.messages_per_minute,
                "window": WINDOW,
            },
        )
        return first(lane, cursor.fetchall())


def note_progress(connection: Connection, claim: Claim) -> None:
    """Note that something is done in the lane: a page that was read is work, too."""
    connection.execute(
        "UPDATE creator_lanes SET last_progress_at = clock_timestamp()"
        " WHERE creator_id = %s AND fencing_token = %s",
        (claim.creator_id, claim.fencing_token),
    )


def stop(connection: Connection, claim: Claim, reason: str) -> None:
    """Stop the creator's sends and tell; what is planned stays planned.

    A lane that stands still gets the newer reason, so that a person sees what the last login met;
    one that was disconnected stays so.
    """
    stopped = connection.execute(
        "UPDATE creator_lanes SET status = 'stopped', stop_reason = %(reason)s,"
        " stopped_at = clock_timestamp() WHERE creator_id = %(creator)s"
        " AND fencing_token = %(token)s"
        " AND coalesce(stop_reason, '') NOT IN (%(reason)s, 'disconnected')",
        {"reason": reason, "creator": claim.creator_id, "token": claim.fencing_token},
    )
    if stopped.rowcount:
        outbox.add(
            connection,
            "creator.stopped",
            workspace_id=claim.workspace_id,
            aggregate=("creator", claim.creator_id),
            payload={"reason": reason},
        )


def activate(connection: Connection, creator_id: UUID) -> None:
    """Let a connected creator's lane move again, and tell if it stood still."""
    activated = connection.execute(
        "UPDATE creator_lanes SET status = 'active', stop_reason = NULL, stopped_at = NULL"
        " WHERE creator_id = %s AND status = 'stopped' RETURNING workspace_id, platform",
        (creator_id,),
    ).fetchone()
    if activated is not None:
        workspace_id, platform = activated
        outbox.add(
            connection,
            "creator.connected",
            workspace_id=workspace_id,
            aggregate=("creator", creator_id),
            payload={"platform": platform},
        )


def tenant_of(source: ConnectionSource, claim: Claim) -> Tenant:
    """Transactions in the workspace of a claimed lane."""
    return Tenant(source, claim.workspace_id)
