"""The queries behind figures; each is one look under the policies of the caller."""

from typing import Any, LiteralString

from psycopg.rows import dict_row

from huntaze.db import Connection
from huntaze.domain.figures.scopes import Window

type Row = dict[str, Any]

_FANS: LiteralString = (
    "SELECT count(*) AS fans, count(*) FILTER (WHERE status = 'active') AS subscribers,"
    " count(*) FILTER (WHERE status = 'expired') AS expired_fans,"
    " count(*) FILTER (WHERE status = 'follower') AS followers"
    " FROM fans WHERE creator_id = ANY (%(creators)s) AND erased_at IS NULL"
)
_FAN_CHANGES: LiteralString = (
    "SELECT count(*) FILTER (WHERE subscribed_at >= %(since)s AND subscribed_at < %(until)s)"
    "   AS new_subscribers,"
    " count(*) FILTER (WHERE status = 'expired' AND expires_at >= %(since)s"
    "   AND expires_at < %(until)s) AS ended_subscriptions"
    " FROM fans WHERE creator_id = ANY (%(creators)s) AND erased_at IS NULL"
)
_IN_WINDOW: LiteralString = (
    " FROM transactions t WHERE t.creator_id = ANY (%(creators)s) AND t.created_at >= %(since)s"
    " AND t.created_at < %(until)s"
)
# Amounts of several currencies have no order: each currency has a list of its own.
_TOP_FANS: LiteralString = (
    "SELECT id, creator_id, handle, display_name, currency, value FROM ("
    "SELECT t.fan_id AS id, t.creator_id, f.handle, f.display_name, t.currency,"
    " sum(t.effective_cents)::bigint AS value, row_number() OVER ("
    "   PARTITION BY t.currency ORDER BY sum(t.effective_cents) DESC, t.fan_id) AS place"
    # Who was forgotten is in the sums, and in no list.
    " FROM transactions t JOIN fans f ON f.workspace_id = t.workspace_id AND f.id = t.fan_id"
    "   AND f.erased_at IS NULL"
    " WHERE t.creator_id = ANY (%(creators)s) AND t.created_at >= %(since)s"
    " AND t.created_at < %(until)s"
    " GROUP BY t.fan_id, t.creator_id, f.handle, f.display_name, t.currency"
    " HAVING sum(t.effective_cents) > 0) ranked WHERE place <= %(most)s ORDER BY currency, place"
)
_REVENUE: LiteralString = (
    "SELECT t.currency, sum(t.effective_cents)::bigint AS net_revenue,"
    " coalesce(sum(t.amount_cents) FILTER (WHERE t.reverses IS NULL), 0)::bigint AS gross_revenue,"
    " coalesce(sum(t.fee_cents) FILTER (WHERE t.reverses IS NULL), 0)::bigint AS platform_fees,"
    " coalesce(-sum(t.effective_cents) FILTER (WHERE t.reverses IS NOT NULL), 0)::bigint"
    "   AS reversed,"
    " count(*) FILTER (WHERE t.reverses IS NOT NULL) AS reversals"
    + _IN_WINDOW
    + " GROUP BY t.currency ORDER BY t.currency"
)
_REVENUE_BY_TYPE: LiteralString = (
    "SELECT t.type, t.currency, sum(t.effective_cents)::bigint AS value"
    + _IN_WINDOW
    + " GROUP BY t.type, t.currency ORDER BY t.currency, value DESC, t.type"
)
_REVENUE_BY_CREATOR: LiteralString = (
    "SELECT id, currency, value FROM ("
    "SELECT t.creator_id AS id, t.currency, sum(t.effective_cents)::bigint AS value,"
    " row_number() OVER ("
    "   PARTITION BY t.currency ORDER BY sum(t.effective_cents) DESC, t.creator_id) AS place"
    " FROM transactions t WHERE t.creator_id = ANY (%(creators)s) AND t.created_at >= %(since)s"
    " AND t.created_at < %(until)s GROUP BY t.creator_id, t.currency) ranked"
    " WHERE %(most)s::int IS NULL OR place <= %(most)s ORDER BY currency, place"
)
_FANS_BY_CREATOR: LiteralString = (
    "SELECT creator_id AS id, count(*) AS fans, count(*) FILTER (WHERE status = 'active')"
    "   AS subscribers"
    " FROM fans WHERE creator_id = ANY (%(creators)s) AND erased_at IS NULL GROUP BY creator_id"
)
_SENDS: LiteralString = (
    "SELECT count(*) FILTER (WHERE state = 'sent') AS sends_sent,"
    " count(*) FILTER (WHERE state = 'unknown') AS sends_unknown,"
    " count(*) FILTER (WHERE state = 'submitting') AS sends_submitting"
    " FROM sends WHERE creator_id = ANY (%(creators)s)"
    " AND state IN ('submitting', 'sent', 'unknown')"
    " AND granted_at >= %(since)s AND granted_at < %(until)s"
)
_INBOX: LiteralString = (
    "SELECT count(*) FILTER (WHERE waits) AS inbox_unanswered,"
    " (extract(epoch FROM clock_timestamp() - min(last_inbound_at) FILTER (WHERE waits))"
    "   / 3600)::bigint AS inbox_longest_wait,"
    " count(*) FILTER (WHERE last_inbound_at >= %(since)s AND last_inbound_at < %(until)s)"
    "   AS inbox_active"
    " FROM (SELECT last_inbound_at, last_inbound_at > coalesce(last_outbound_at, '-infinity')"
    "         AS waits FROM fans WHERE creator_id = ANY (%(creators)s)"
    "         AND last_inbound_at IS NOT NULL AND erased_at IS NULL) f"
)


def fans_now(connection: Connection, window: Window) -> Row:
    """How many fans there are now, by what they are."""
    return _rows(connection, _FANS, window)[0]


def ended_and_begun(connection: Connection, window: Window) -> Row:
    """How many subscriptions began and how many ended, and the difference."""
    row = _rows(connection, _FAN_CHANGES, window)[0]
    return row | {"subscriber_growth": row["new_subscribers"] - row["ended_subscriptions"]}


def top_fans(connection: Connection, window: Window, most: int) -> list[Row]:
    """The fans who brought the most, of each currency ``most`` and the first one first."""
    return _rows(connection, _TOP_FANS, window, most=most)


def revenue(connection: Connection, window: Window) -> dict[str, Row]:
    """Money by currency: gross, fees, what reversals took back, and what is left."""
    return {row["currency"]: row for row in _rows(connection, _REVENUE, window)}


def revenue_by_type(connection: Connection, window: Window) -> list[Row]:
    """What is left by kind of transaction, currency by currency."""
    return _rows(connection, _REVENUE_BY_TYPE, window)


def fans_by_creator(connection: Connection, window: Window) -> list[Row]:
    """How many fans each creator has now, and how many of them subscribe."""
    return _rows(connection, _FANS_BY_CREATOR, window)


def revenue_by_creator(
    connection: Connection, window: Window, most: int | None = None
) -> list[Row]:
    """What is left for each creator, of each currency the first one first; None is all of them."""
    return _rows(connection, _REVENUE_BY_CREATOR, window, most=most)


def sends(connection: Connection, window: Window) -> Row:
    """How many messages were sent, and of how many nobody knows yet."""
    return _rows(connection, _SENDS, window)[0]


def inbox(connection: Connection, window: Window) -> Row:
    """How many fans wait for an answer, how long, and how many wrote."""
    return _rows(connection, _INBOX, window)[0]


def _rows(
    connection: Connection, query: LiteralString, window: Window, **more: object
) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {**window._asdict(), **more}).fetchall()
