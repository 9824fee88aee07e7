"""For whom it is time: queries of (fan_id, turn, happened_at, depth), one for each trigger."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from functions.automations.triggers import (
    Expired,
    Expiring,
    OnDate,
    PpvNotOpened,
    PpvOpened,
    SpendReached,
    TagAdded,
    Tipped,
    Trigger,
)
from huntaze.domain.happenings import HappeningKind

# What starts one another further than that is a loop, whatever made it.
MAX_DEPTH = 8
# A payment may be reported with a clock that is a little behind ours.
_CLOCKS_DIFFER = timedelta(minutes=5)
# What was not asked about in so long, because nothing ran, is too old to be answered.
_LOOKS_BACK = timedelta(days=2)


class Candidates(NamedTuple):
    """A query over fans of %(creator)s, and its values."""

    query: LiteralString
    values: dict[str, Any]


_HEARD: LiteralString = """
  SELECT h.fan_id, {turn} AS turn, h.happened_at, h.depth
    FROM happenings h
   WHERE h.id = ANY (%(batch)s) AND h.creator_id = %(creator)s AND h.kind = %(listens)s
     AND h.happened_at >= %(since)s AND h.depth < %(max_depth)s AND {match}
"""
_EXPIRING: LiteralString = """
  SELECT e.id AS fan_id, 'expiring:' || extract(epoch FROM e.expires_at) AS turn,
         e.expires_at - %(ahead)s AS happened_at, 0 AS depth
    FROM fans e
   WHERE e.creator_id = %(creator)s AND e.erased_at IS NULL AND e.status = 'active'
     AND e.expires_at > clock_timestamp() AND e.expires_at <= clock_timestamp() + %(ahead)s
"""
# Who rebills is renewed at that moment, which the next sync tells.
_EXPIRED: LiteralString = """
  SELECT e.id AS fan_id, 'expired:' || extract(epoch FROM e.expires_at) AS turn,
         e.expires_at AS happened_at, 0 AS depth
    FROM fans e
   WHERE e.creator_id = %(creator)s AND e.erased_at IS NULL AND e.status = 'active'
     AND e.rebill_on IS FALSE
     AND e.expires_at >= %(since)s AND e.expires_at <= clock_timestamp()
"""
_DUE_OFFERS: LiteralString = """
    FROM sends s
   WHERE s.creator_id = %(creator)s AND s.state = 'sent' AND s.price_cents > 0
     AND s.unsent_at IS NULL AND s.granted_at >= %(since)s
     AND s.granted_at > statement_timestamp() - %(patience)s - %(looks_back)s
     AND s.settled_at + %(patience)s <= clock_timestamp()
     AND NOT EXISTS (
       SELECT FROM transactions t
        WHERE t.creator_id = %(creator)s AND t.fan_id = s.fan_id AND t.type = 'message'
          -- Of a payment that names no message, only the sum can tell.
          AND CASE WHEN t.platform_message_id IS NULL OR s.platform_message_id IS NULL
                   THEN t.amount_cents = s.price_cents AND t.created_at >= s.granted_at - %(clocks)s
                   ELSE t.platform_message_id = s.platform_message_id END)
     AND NOT EXISTS (
       SELECT FROM messages m
        WHERE m.workspace_id = s.workspace_id AND m.send_id = s.id AND m.paid_at IS NOT NULL)
     AND NOT EXISTS (
       SELECT FROM automation_steps k
         JOIN automation_runs w ON w.workspace_id = k.workspace_id AND w.id = k.run_id
        WHERE k.workspace_id = s.workspace_id AND k.send_id = s.id
          AND w.automation_id = %(automation)s)
"""
# Nobody can say that something was not paid for before the payments up to then were read.
_READ: LiteralString = """
  (EXISTS (SELECT FROM creator_commands c
            WHERE c.creator_id = %(creator)s AND c.kind = 'sync_earnings' AND c.state = 'done'
              AND c.created_at >= s.settled_at + %(patience)s)
   OR EXISTS (SELECT FROM imports i
               WHERE i.creator_id = %(creator)s AND i.kind = 'transactions'
                 AND i.status = 'completed' AND i.created_at >= s.settled_at + %(patience)s))
"""
_NOT_OPENED: LiteralString = (
    "SELECT s.fan_id, 'ppv:' || s.id AS turn, s.settled_at + %(patience)s AS happened_at,"
    f" 0 AS depth {_DUE_OFFERS} AND {_READ}"
)
OFFERS_UNKNOWN: LiteralString = (
    f"SELECT EXISTS (SELECT {_DUE_OFFERS} AND NOT {_READ} AND NOT EXISTS ("  # noqa: S608
    " SELECT FROM automation_runs r WHERE r.automation_id = %(automation)s"
    " AND r.fan_id = s.fan_id AND r.turn = 'ppv:' || s.id))"
)
# Page by page, in the order of ids: who has come so far tells where to go on.
_ON_DATE: LiteralString = """
  SELECT e.id AS fan_id, 'date:' || %(moment)s::text AS turn,
         %(moment)s::timestamptz AS happened_at, 0 AS depth
    FROM fans e
   WHERE e.creator_id = %(creator)s AND e.erased_at IS NULL
     AND e.id > coalesce(
       (SELECT r.fan_id FROM automation_runs r
         WHERE r.automation_id = %(automation)s AND r.happened_at = %(moment)s
         ORDER BY r.fan_id DESC LIMIT 1),
       '00000000-0000-0000-0000-000000000000')
"""

_TAG: LiteralString = "h.facts ->> 'tag' = %(tag)s"
_CENTS: LiteralString = "(h.facts ->> 'cents')::bigint >= %(cents)s"
_WORTH: LiteralString = (
    "EXISTS (SELECT FROM fans v WHERE v.workspace_id = h.workspace_id AND v.id = h.fan_id"
    " AND v.value_cents >= %(cents)s)"
)


def heard(trigger: Trigger, batch: Sequence[UUID], *, since: datetime) -> Candidates:
    """Of happenings: those that the trigger means."""
    listens = trigger.listens
    # Platforms tell the day of a subscription, not always the hour.
    if listens is HappeningKind.SUBSCRIBED:
        since = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    values = {"batch": list(batch), "listens": listens, "since": since, "max_depth": MAX_DEPTH}
    match trigger:
        case TagAdded(tag=tag):
            return _heard(values | {"tag": tag}, _TAG)
        case Tipped(min_cents=cents) | PpvOpened(min_cents=cents):
            return _heard(values | {"cents": cents}, _CENTS)
        case SpendReached(cents=cents):
            return _heard(values | {"cents": cents}, _WORTH, "'reached:' || %(cents)s::text")
    return _heard(values, "true")


def _heard(
    values: dict[str, Any], match: LiteralString, turn: LiteralString = "h.turn"
) -> Candidates:
    return Candidates(_HEARD.format(turn=turn, match=match), values)


def looked_for(trigger: Trigger, *, since: datetime) -> Candidates | None:
    """By the clock: those for whom it is time; None where the clock tells nothing."""
    match trigger:
        case Expiring(days=days):
            return Candidates(_EXPIRING, {"ahead": timedelta(days=days)})
        case Expired():
            return Candidates(_EXPIRED, {"since": since})
        case PpvNotOpened(hours=hours):
            return Candidates(_NOT_OPENED, offer_values(hours, since))
        case OnDate(at=at):
            return Candidates(_ON_DATE, {"moment": at})
    return None


def offer_values(hours: int, since: datetime) -> dict[str, Any]:
    """What queries of offers that nobody opened refer to."""
    return {
        "patience": timedelta(hours=hours),
        "since": since,
        "looks_back": _LOOKS_BACK,
        "clocks": _CLOCKS_DIFFER,
    }
