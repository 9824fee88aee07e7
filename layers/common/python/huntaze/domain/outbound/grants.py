"""The grant: one transaction decides, by the database clock, that a send may be submitted now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from huntaze import outbox
from huntaze.db import Connection
from huntaze.domain.dangers import GRAVE
from huntaze.domain.outbound import lanes, offers
from huntaze.domain.outbound.lanes import Claim, DueSend
from huntaze.domain.outbound.rate import reserved
from huntaze.domain.outbound.states import Priority, SendState, SkipReason
from huntaze.platforms.terms import terms_of

# After so many failures to open a thread the send is given up as not sent.
MAX_OPEN_FAILURES = 3
# How long a fan's next message waits, at least, for the one in flight.
IN_FLIGHT_PAUSE = timedelta(seconds=2)


@dataclass(frozen=True)
class Granted:
    """The send may be submitted until the deadline that the caller counts from before asking."""

    granted_at: datetime


@dataclass(frozen=True)
class Refused:
    """The send may not be submitted now.

    Args:
        why: ``lane_lost``, ``stopped``, ``no_slot``, ``deferred``, ``skipped``, ``gone``.
        detail: The stop or skip reason.
        until: When to ask again, where that is known.
    """

    why: str
    detail: str | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Deadlines:
    """How long after the grant a click is allowed, and when the platform's answer is final.

    Args:
        submit_within: T1: no click later than this after the grant was asked for.
        readable_after: T2 > T1: what the platform has not shown by then, it never accepted.
    """

    submit_within: timedelta
    readable_after: timedelta


_FACTS = """
  SELECT s.state, s.compliance_passed_at, s.written_by, s.approval_id, s.fan_status,
         s.expected_message_id, s.by_itself,
         CASE WHEN s.by_itself THEN platform_of_auto_send(s.workspace_id, s.creator_id) END
           AS lets_go_on,
         c.id IS NULL OR c.status = 'sending' AS campaign_runs,
         f.platform_id, f.status, f.consent, f.blocked_at, f.erased_at, f.last_inbound_at,
         EXISTS (SELECT FROM suppressions x
                  WHERE x.workspace_id = f.workspace_id AND x.platform_key = f.platform_key)
           AS suppressed,
         EXISTS (SELECT FROM chat_handovers h
                  WHERE h.workspace_id = f.workspace_id AND h.fan_id = f.id
                    AND h.resolved_at IS NULL AND h.topic = ANY (%s)) AS in_danger,
         (SELECT max(o.readable_at) FROM sends o
           WHERE o.workspace_id = s.workspace_id AND o.fan_id = s.fan_id AND o.id <> s.id
             AND o.state = 'submitting') AS in_flight_until,
         k.cap_messages, k.recent_chat_minutes,
         (SELECT count(*) FROM sends o
           WHERE o.workspace_id = s.workspace_id AND o.fan_id = s.fan_id
             AND o.state IN ('submitting', 'sent', 'unknown')
             AND o.granted_at > clock_timestamp() - k.cap_hours * interval '1 hour') AS recent,
         quiet_until(clock_timestamp(), coalesce(f.time_zone, k.time_zone), k.quiet_from,
                     k.quiet_until) AS quiet_until
    FROM sends s
    JOIN fans f ON f.workspace_id = s.workspace_id AND f.id = s.fan_id
    JOIN creators k ON k.workspace_id = s.workspace_id AND k.id = s.creator_id
    LEFT JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
   WHERE s.workspace_id = %s AND s.id = %s
     FOR UPDATE OF s
"""


def grant(
    connection: Connection,
    claim: Claim,
    due: DueSend,
    *,
    baseline: str | None,
    deadlines: Deadlines,
) -> Granted | Refused:
    """Decide on ``due``; a grant is durable when the caller's transaction has committed.

    Args:
        connection: In a transaction of the lane's workspace, opened for this call.
        claim: Must still hold the lane.
        due: As :func:`lanes.next_due` gave it; everything that decides is read again here.
        baseline: Newest message of the open thread, or None when it is empty.
        deadlines: T1 and T2 of the platform's profile.
    """
    lane = lanes.state(connection, claim, lock=True)
    refused = _lane_refusal(lane) or _send_refusal(connection, claim, due, lane, baseline)
    if refused is not None:
        return refused
    try:
        with connection.transaction():
            _offer_media(connection, claim, due)
    except psycopg.errors.UniqueViolation:
        return skip(connection, claim, due, SkipReason.ALREADY_OFFERED)
    _submit(connection, claim, due, lane, baseline, deadlines)
    return Granted(lane.now)


def _lane_refusal(lane: lanes.LaneState) -> Refused | None:
    if not lane.held:
        return Refused("lane_lost")
    return None if lane.stop_reason is None else Refused("stopped", lane.stop_reason)


def _send_refusal(
    connection: Connection,
    claim: Claim,
    due: DueSend,
    lane: lanes.LaneState,
    baseline: str | None,
) -> Refused | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        facts = cursor.execute(_FACTS, (list(GRAVE), claim.workspace_id, due.id)).fetchone()
    if facts is None or facts["state"] != "planned" or not facts["campaign_runs"]:
        return Refused("gone")
    if facts["in_flight_until"] is not None:
        # In doubt and due to be read back: not asked about again at once.
        soon = lane.now + IN_FLIGHT_PAUSE
        return _defer(connection, claim, due, max(facts["in_flight_until"], soon))
    reason = _skip_reason(facts, due, lane.now, baseline)
    if reason is not None:
        return skip(connection, claim, due, reason)
    if facts["quiet_until"] is not None and not _decided_by_person(facts, due):
        return _defer(connection, claim, due, facts["quiet_until"])
    slot = lanes.next_slot(lane, due)
    return None if slot is None else Refused("no_slot", until=slot)


def _decided_by_person(facts: dict[str, Any], due: DueSend) -> bool:
    """Whether somebody wrote it to this fan, or let go what a model wrote to them (ADR 0035)."""
    if due.priority != Priority.CHATBOT:
        return due.priority == Priority.PERSON
    approved = facts["written_by"] == "ai" and facts["approval_id"] is not None
    return approved and not facts["by_itself"]


def _skip_reason(
    facts: dict[str, Any], due: DueSend, now: datetime, baseline: str | None
) -> SkipReason | None:
    """Why the fan must not get it at all; people bypass caps and running chats, nothing else."""
    automatic = due.priority > Priority.PERSON
    chat = timedelta(minutes=facts["recent_chat_minutes"])
    in_chat = (
        due.priority >= Priority.AUTOMATION
        and facts["last_inbound_at"] is not None
        and facts["last_inbound_at"] > now - chat
    )
    left = facts["fan_status"] == "active" and facts["status"] == "expired"
    moved_on = facts["expected_message_id"] not in (None, baseline)
    capped = (
        facts["cap_messages"] is not None
        and facts["recent"] >= facts["cap_messages"]
        and not _decided_by_person(facts, due)
    )
    # The owner's word must hold now, and the platform's terms with it.
    by_itself = facts["by_itself"] and not (
        facts["lets_go_on"] and terms_of(facts["lets_go_on"]).auto_send
    )
    rules = (
        (facts["compliance_passed_at"] is None, SkipReason.NOT_COMPLIANT),
        (facts["written_by"] == "ai" and facts["approval_id"] is None, SkipReason.NOT_APPROVED),
        (by_itself, SkipReason.NOT_APPROVED),
        (facts["erased_at"] is not None, SkipReason.ERASED),
        (facts["platform_id"] is None, SkipReason.UNMATCHED),
        (facts["suppressed"], SkipReason.SUPPRESSED),
        (facts["blocked_at"] is not None, SkipReason.BLOCKED),
        (facts["consent"] is False, SkipReason.NO_CONSENT),
        (left, SkipReason.SUBSCRIPTION_ENDED),
        (automatic and facts["in_danger"], SkipReason.HANDED_OVER),
        (in_chat, SkipReason.RECENT_CHAT),
        (moved_on, SkipReason.MOVED_ON),
        (capped, SkipReason.CAP),
    )
    return next((reason for applies, reason in rules if applies), None)


def _defer(connection: Connection, claim: Claim, due: DueSend, until: datetime) -> Refused:
    connection.execute(
        "UPDATE sends SET due_at = %s WHERE workspace_id = %s AND id = %s AND state = 'planned'",
        (until, claim.workspace_id, due.id),
    )
    return Refused("deferred", until=until)


def skip(connection: Connection, claim: Claim, due: DueSend, reason: SkipReason) -> Refused:
    """Settle a send that must not go out."""
    skipped = connection.execute(
        "UPDATE sends SET state = 'skipped', reason = %s, settled_at = clock_timestamp()"
        " WHERE workspace_id = %s AND id = %s AND state = 'planned'",
        (reason.value, claim.workspace_id, due.id),
    )
    if skipped.rowcount:
        announce(connection, claim, due.id, due.campaign_id, SendState.SKIPPED, reason.value)
    return Refused("skipped", reason.value)


def block_fan(connection: Connection, claim: Claim, fan_id: UUID) -> None:
    """Remember that the platform says this fan blocked the creator; no import clears it."""
    connection.execute(
        "WITH blocked AS (UPDATE fans SET blocked_at = coalesce(blocked_at, clock_timestamp())"
        "  WHERE workspace_id = %(workspace)s AND id = %(fan)s"
        "  RETURNING workspace_id, creator_id, platform_key)"
        " INSERT INTO suppressions (workspace_id, creator_id, platform_key, reason)"
        " SELECT workspace_id, creator_id, platform_key, 'block' FROM blocked"
        "  WHERE platform_key IS NOT NULL ON CONFLICT DO NOTHING",
        {"workspace": claim.workspace_id, "fan": fan_id},
    )


def could_not_open(
    connection: Connection, claim: Claim, due: DueSend, trouble: str, *, delay: timedelta
) -> None:
    """Put off a send whose thread could not be used: nothing was granted, nothing was clicked."""
    if due.open_failures + 1 < MAX_OPEN_FAILURES:
        connection.execute(
            "UPDATE sends SET open_failures = open_failures + 1,"
            " due_at = clock_timestamp() + %s"
            " WHERE workspace_id = %s AND id = %s AND state = 'planned'",
            (delay, claim.workspace_id, due.id),
        )
        return
    given_up = connection.execute(
        "UPDATE sends SET state = 'not_sent', reason = %s, open_failures = open_failures + 1,"
        " settled_at = clock_timestamp()"
        " WHERE workspace_id = %s AND id = %s AND state = 'planned'",
        (trouble, claim.workspace_id, due.id),
    )
    if given_up.rowcount:
        announce(connection, claim, due.id, due.campaign_id, SendState.NOT_SENT, trouble)


# To whom a message goes, and whether a member has ordered it: their own, or an approved draft.
_WHOSE = """
  SELECT fan_id,
         campaign_id IS NULL AND author_id IS NOT NULL
           AND (priority = 0 OR (approval_id IS NOT NULL AND NOT by_itself))
    FROM sends WHERE workspace_id = %s AND id = %s
"""
_WENT_WRONG = (
    *(SendState.UNKNOWN, SendState.NOT_SENT, SendState.SKIPPED),
    # Taken away because the fan has written on, or a person takes over.
    SendState.CANCELLED,
)


class LaneOwner(Protocol):
    """Whatever names the lane of a message."""

    @property
    def workspace_id(self) -> UUID:
        """Whose."""

    @property
    def creator_id(self) -> UUID:
        """The lane's creator."""


def announce(
    connection: Connection,
    owner: LaneOwner,
    send_id: UUID,
    campaign_id: UUID | None,
    state: SendState,
    reason: str | None = None,
    *,
    called_back: bool = False,
) -> None:
    """Tell the settlement of one recipient; the only event that is sent per recipient.

    Of a message that a member has ordered and that went wrong, that member is told, too; not of one
    that a member has called back.
    """
    fan_id, ordered = connection.execute(_WHOSE, (owner.workspace_id, send_id)).fetchone() or (
        None,
        False,
    )
    facts = {
        "creator_id": str(owner.creator_id),
        "fan_id": fan_id and str(fan_id),
        "state": state.value,
        "reason": reason,
    }
    outbox.add(
        connection,
        "message.settled",
        workspace_id=owner.workspace_id,
        aggregate=("send", send_id),
        payload={**facts, "campaign_id": campaign_id and str(campaign_id)},
    )
    if ordered and state in _WENT_WRONG and not called_back:
        outbox.add(
            connection,
            "message.went_wrong",
            workspace_id=owner.workspace_id,
            aggregate=("send", send_id),
            payload=facts,
        )


def _offer_media(connection: Connection, claim: Claim, due: DueSend) -> None:
    if due.campaign_id is None:
        offers.take_over(connection, due.id)
    connection.execute(
        "INSERT INTO media_grants (workspace_id, creator_id, fan_id, media_id, send_id, state)"
        " SELECT s.workspace_id, s.creator_id, s.fan_id, media_id, s.id, 'offered'"
        " FROM sends s, unnest(s.media_ids) AS media_id WHERE s.workspace_id = %s AND s.id = %s",
        (claim.workspace_id, due.id),
    )


def _submit(
    connection: Connection,
    claim: Claim,
    due: DueSend,
    lane: lanes.LaneState,
    baseline: str | None,
    deadlines: Deadlines,
) -> None:
    readable_at = lane.now + deadlines.readable_after
    connection.execute(
        "UPDATE sends SET state = 'submitting', fencing_token = %s, baseline_message_id = %s,"
        " granted_at = %s, submit_until = %s, readable_at = %s"
        " WHERE workspace_id = %s AND id = %s",
        (
            claim.fencing_token,
            baseline,
            lane.now,
            lane.now + deadlines.submit_within,
            readable_at,
            claim.workspace_id,
            due.id,
        ),
    )
    connection.execute(
        "INSERT INTO send_attempts (workspace_id, creator_id, send_id, attempt, fencing_token,"
        " granted_at, baseline_message_id) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            claim.workspace_id,
            claim.creator_id,
            due.id,
            due.attempt,
            claim.fencing_token,
            lane.now,
            baseline,
        ),
    )
    # Reserved to the last moment at which the platform may still count this message; the real
    # end takes its place when the outcome is known.
    intervals = reserved(lane.intervals, lane.limits, now=lane.now, until=readable_at)
    connection.execute(
        "UPDATE creator_lanes SET interval_starts = %s, interval_ends = %s, open_send_id = %s,"
        " last_progress_at = %s WHERE creator_id = %s",
        (
            [interval.start for interval in intervals],
            [interval.end for interval in intervals],
            due.id,
            lane.now,
            claim.creator_id,
        ),
    )
