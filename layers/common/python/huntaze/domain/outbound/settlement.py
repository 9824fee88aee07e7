"""How a submitted send ends: confirmed, read back, or listed for a person."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from huntaze.db import Connection
from huntaze.domain import conversations
from huntaze.domain.outbound import offers
from huntaze.domain.outbound.grants import announce
from huntaze.domain.outbound.lanes import Claim
from huntaze.domain.outbound.planning import evidence_json
from huntaze.domain.outbound.states import SendState

MAX_ATTEMPTS = 2
# A thread that cannot be read is tried again ever later, for about half an hour in all: longer
# than a platform is down as a rule.
MAX_FAILED_READINGS = 12
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=5)
# Why it was not sent, and not tried once more: its campaign is.
_OVER = "cancelled"


@dataclass(frozen=True)
class InDoubt:
    """A submitted send whose outcome nobody has seen."""

    id: UUID
    campaign_id: UUID | None
    fan_id: UUID
    fan_platform_id: str
    fan_handle: str
    text: str
    price_cents: int
    baseline_message_id: str | None
    attempt: int
    fencing_token: int
    readable_at: datetime
    # Platform ids of other sends to this fan: they explain messages in the thread.
    known_message_ids: list[str]
    # What caused it.
    correlation_id: UUID | None = None


@dataclass(frozen=True)
class OwnMessage:
    """A message of the creator's that the thread shows after the baseline.

    Args:
        matches: Its normalised text and price are those of the send.
    """

    id: str
    matches: bool


@dataclass(frozen=True)
class Sighting:
    """What a hard reload of the thread showed."""

    baseline_visible: bool
    own_messages: list[OwnMessage]


def in_doubt(connection: Connection, claim: Claim) -> list[InDoubt]:
    """Submitted sends of the lane that may be read back now, oldest first."""
    with connection.cursor(row_factory=class_row(InDoubt)) as cursor:
        return cursor.execute(
            "SELECT s.id, s.campaign_id, s.fan_id, f.platform_id AS fan_platform_id,"
            " f.handle AS fan_handle, s.text, s.price_cents, s.baseline_message_id, s.attempt,"
            " s.fencing_token, s.readable_at, s.correlation_id, coalesce(("
            "   SELECT array_agg(o.platform_message_id) FROM sends o"
            "    WHERE o.workspace_id = s.workspace_id AND o.fan_id = s.fan_id AND o.id <> s.id"
            "      AND o.platform_message_id IS NOT NULL), '{}') AS known_message_ids"
            " FROM sends s JOIN fans f ON f.workspace_id = s.workspace_id AND f.id = s.fan_id"
            " WHERE s.creator_id = %s AND s.state = 'submitting'"
            " AND s.readable_at <= clock_timestamp() ORDER BY s.readable_at",
            (claim.creator_id,),
        ).fetchall()


def next_readable(connection: Connection, claim: Claim) -> datetime | None:
    """When the next submitted send of the lane may be read back."""
    row = connection.execute(
        "SELECT min(readable_at) FROM sends WHERE creator_id = %s AND state = 'submitting'",
        (claim.creator_id,),
    ).fetchone()
    return None if row is None else row[0]


def confirm(
    connection: Connection, claim: Claim, send_id: UUID, *, platform_message_id: str
) -> bool:
    """Record that the platform showed the message right after the click.

    Returns:
        False when the send was settled by someone else meanwhile.
    """
    return _settle(
        connection,
        claim,
        send_id,
        claim.fencing_token,
        SendState.SENT,
        platform_message_id=platform_message_id,
        evidence=evidence_json(by="confirmation"),
    )


def judge(doubt: InDoubt, sightings: list[Sighting]) -> tuple[SendState, dict[str, Any]]:
    """Tell what two readings of a thread prove.

    An unexplained own message after the baseline that matches: it was sent, whatever else a person
    wrote there. The baseline in sight and no own message after it, twice: it was not. Anything else
    cannot be known.
    """
    known = set(doubt.known_message_ids)
    candidates = [[m for m in s.own_messages if m.id not in known] for s in sightings]
    facts: dict[str, Any] = {
        "by": "read_back",
        "readings": len(sightings),
        "baseline_visible": all(s.baseline_visible for s in sightings),
        "own_messages_after_baseline": [len(found) for found in candidates],
    }
    matching = [message for message in candidates[-1] if message.matches]
    if matching and sightings[-1].baseline_visible:
        return SendState.SENT, {**facts, "platform_message_id": matching[0].id}
    nothing = all(s.baseline_visible and not s.own_messages for s in sightings)
    if len(sightings) >= 2 and nothing:
        return SendState.NOT_SENT, facts
    return SendState.UNKNOWN, facts


def settle_read_back(
    connection: Connection, claim: Claim, doubt: InDoubt, sightings: list[Sighting]
) -> SendState:
    """Settle a send in doubt by what was read; what was not sent is tried once more."""
    outcome, facts = judge(doubt, sightings)
    settled = _settle(
        connection,
        claim,
        doubt.id,
        doubt.fencing_token,
        outcome,
        platform_message_id=facts.get("platform_message_id"),
        evidence=evidence_json(**facts),
        again=outcome is SendState.NOT_SENT and doubt.attempt < MAX_ATTEMPTS,
    )
    return outcome if settled else SendState.SUBMITTING


def settle_unreadable(
    connection: Connection, claim: Claim, doubt: InDoubt, trouble: str
) -> SendState:
    """List a send as unknown whose thread cannot be read any more."""
    settled = _settle(
        connection,
        claim,
        doubt.id,
        doubt.fencing_token,
        SendState.UNKNOWN,
        platform_message_id=None,
        evidence=evidence_json(by="read_back", readings=0, trouble=trouble),
    )
    return SendState.UNKNOWN if settled else SendState.SUBMITTING


def put_off_reading(
    connection: Connection, claim: Claim, doubt: InDoubt, trouble: str
) -> SendState:
    """Let a thread be read later that cannot be read now; in the end the send is unknown.

    The lane goes on meanwhile: one thread must not hold up all others.
    """
    row = connection.execute(
        "UPDATE sends SET readable_at = clock_timestamp() + least(%(longest)s,"
        "   %(first)s * power(2, coalesce((evidence->>'failed_readings')::int, 0))),"
        " evidence = jsonb_build_object('by', 'read_back', 'trouble', %(trouble)s::text,"
        "   'failed_readings', coalesce((evidence->>'failed_readings')::int, 0) + 1)"
        " WHERE workspace_id = %(workspace)s AND id = %(id)s AND state = 'submitting'"
        " AND fencing_token = %(token)s RETURNING (evidence->>'failed_readings')::int",
        {
            "first": FIRST_PAUSE,
            "longest": LONGEST_PAUSE,
            "trouble": trouble,
            "workspace": claim.workspace_id,
            "id": doubt.id,
            "token": doubt.fencing_token,
        },
    ).fetchone()
    if row is not None and row[0] >= MAX_FAILED_READINGS:
        return settle_unreadable(connection, claim, doubt, trouble)
    return SendState.SUBMITTING


def _settle(
    connection: Connection,
    claim: Claim,
    send_id: UUID,
    submitted_under: int,
    outcome: SendState,
    *,
    platform_message_id: str | None,
    evidence: str,
    again: bool = False,
) -> bool:
    # Lane first, then send: the order in which every grant takes them.
    connection.execute(
        "SELECT FROM creator_lanes WHERE creator_id = %s FOR UPDATE", (claim.creator_id,)
    )
    over = again and _is_over(connection, claim, send_id)
    again = again and not over
    reason = _OVER if over else None
    # Planned again with the next attempt, or at its end; a send that someone else settled, or
    # that was granted anew, is left alone.
    row = connection.execute(
        "UPDATE sends SET state = %(state)s, reason = %(reason)s, attempt = attempt + %(more)s,"
        " platform_message_id = %(message)s, evidence = %(evidence)s,"
        " settled_at = CASE WHEN %(more)s = 0 THEN clock_timestamp() END,"
        " due_at = CASE WHEN %(more)s = 0 THEN due_at ELSE clock_timestamp() END"
        " WHERE workspace_id = %(workspace)s AND id = %(id)s AND state = 'submitting'"
        " AND fencing_token = %(token)s"
        " RETURNING campaign_id, fan_id, attempt",
        {
            "state": SendState.PLANNED if again else outcome,
            "reason": reason,
            "more": int(again),
            "message": platform_message_id,
            "evidence": evidence,
            "workspace": claim.workspace_id,
            "id": send_id,
            "token": submitted_under,
        },
    ).fetchone()
    if row is None:
        return False
    campaign_id, fan_id, attempt = row
    connection.execute(
        "UPDATE send_attempts SET outcome = %s, evidence = %s, ended_at = clock_timestamp()"
        " WHERE workspace_id = %s AND send_id = %s AND attempt = %s",
        (outcome, evidence, claim.workspace_id, send_id, attempt - int(again)),
    )
    if outcome is SendState.NOT_SENT:
        # The fan never saw the offer, so it may be made again.
        offers.withdraw(connection, send_id)
    if outcome is SendState.SENT:
        connection.execute(
            "UPDATE fans SET last_outbound_at = greatest(last_outbound_at, clock_timestamp())"
            " WHERE workspace_id = %s AND id = %s",
            (claim.workspace_id, fan_id),
        )
        conversations.record_sent(connection, send_id, platform_message_id=platform_message_id)
        offers.mark_bought_early(connection, send_id)
    connection.execute(
        "UPDATE creator_lanes SET open_send_id = nullif(open_send_id, %(send)s),"
        " last_progress_at = clock_timestamp(),"
        # Only the interval of this very send ends; one that was read back later keeps its reserve.
        " interval_ends[cardinality(interval_ends)] = CASE WHEN open_send_id = %(send)s"
        "   THEN least(clock_timestamp(), interval_ends[cardinality(interval_ends)])"
        "   ELSE interval_ends[cardinality(interval_ends)] END"
        " WHERE creator_id = %(creator)s AND cardinality(interval_ends) > 0",
        {"send": send_id, "creator": claim.creator_id},
    )
    if not again:
        announce(connection, claim, send_id, campaign_id, outcome, reason)
    return True


def _is_over(connection: Connection, claim: Claim, send_id: UUID) -> bool:
    """Whether the campaign of a send was closed meanwhile: then it is not tried again."""
    found = connection.execute(
        "SELECT FROM sends s"
        " JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id"
        " WHERE s.workspace_id = %s AND s.id = %s AND c.status IN ('cancelled', 'failed')",
        (claim.workspace_id, send_id),
    )
    return found.fetchone() is not None


@dataclass(frozen=True)
class SentMessage:
    """Where a sent message is on the platform."""

    fan_platform_id: str
    fan_handle: str
    platform_message_id: str
    # It was taken back.
    unsent: bool


def sent_message(connection: Connection, send_id: UUID) -> SentMessage | None:
    """Find a sent message whose place on the platform is known."""
    with connection.cursor(row_factory=class_row(SentMessage)) as cursor:
        return cursor.execute(
            "SELECT f.platform_id AS fan_platform_id, f.handle AS fan_handle,"
            " s.platform_message_id, s.unsent_at IS NOT NULL AS unsent FROM sends s"
            " JOIN fans f ON f.workspace_id = s.workspace_id AND f.id = s.fan_id"
            " WHERE s.id = %s AND s.state = 'sent'"
            " AND s.platform_message_id IS NOT NULL AND f.platform_id IS NOT NULL",
            (send_id,),
        ).fetchone()


def mark_unsent(connection: Connection, claim: Claim, send_id: UUID) -> None:
    """Record that a message was taken back; the send stays sent, for it was.

    What it offered and nobody bought may be offered again.
    """
    connection.execute(
        "UPDATE sends SET unsent_at = clock_timestamp() WHERE workspace_id = %s AND id = %s"
        " AND unsent_at IS NULL",
        (claim.workspace_id, send_id),
    )
    conversations.mark_unsent(connection, send_id)
    offers.withdraw(connection, send_id)
