"""What the ledger says of a fan who has asked to be forgotten: the rows stay, their words go."""

from uuid import UUID

from huntaze.db import Connection
from huntaze.domain.outbound.states import SkipReason

# By the two indexes that know a fan's rows, whatever their state: one look for each campaign.
_OF_FAN = (
    "creator_id = %(creator)s AND fan_id = %(fan)s AND (campaign_id IS NULL OR campaign_id = ANY"
    " (ARRAY(SELECT id FROM campaigns WHERE creator_id = %(creator)s)))"
)
# Of a send that is being submitted the text is still needed: by it the thread tells how it ended.
_SETTLED = f"{_OF_FAN} AND state NOT IN ('planned', 'submitting')"
_TAKEN_BACK = (
    "SELECT FROM creator_commands c WHERE c.workspace_id = s.workspace_id"
    " AND c.creator_id = s.creator_id AND c.kind = 'unsend'"
    " AND c.state IN ('waiting', 'running') AND c.payload ->> 'send_id' = s.id::text"
)
_WITHDRAW = (
    "UPDATE sends SET state = 'skipped', reason = %(reason)s, settled_at = clock_timestamp()"  # noqa: S608
    f" WHERE {_OF_FAN} AND state = 'planned'"
)
# Asked for by grants alone, of which there is none any more.
_BLANK_EXPECTED = (
    "UPDATE sends SET expected_message_id = NULL"  # noqa: S608
    f" WHERE {_OF_FAN} AND expected_message_id IS NOT NULL"
)
_BLANK_ATTEMPTS = (
    "UPDATE send_attempts SET evidence = NULL, baseline_message_id = NULL"  # noqa: S608
    f" WHERE creator_id = %(creator)s AND send_id IN (SELECT id FROM sends WHERE {_SETTLED})"
    " AND (evidence IS NOT NULL OR baseline_message_id IS NOT NULL)"
)
# An order to take a message back needs its id on the platform until it is done.
_BLANK_SENDS = (
    "UPDATE sends s SET text = '', text_hash = '', evidence = NULL, baseline_message_id = NULL,"  # noqa: S608
    f" platform_message_id = NULL WHERE {_SETTLED} AND NOT EXISTS ({_TAKEN_BACK})"
    " AND (text <> '' OR evidence IS NOT NULL OR baseline_message_id IS NOT NULL"
    "  OR platform_message_id IS NOT NULL)"
)
_IS_LEFT = (
    f"SELECT EXISTS (SELECT FROM sends s WHERE {_OF_FAN}"  # noqa: S608
    f" AND (state = 'submitting' OR text <> '' OR EXISTS ({_TAKEN_BACK})))"
)


def withdraw(connection: Connection, creator_id: UUID, fan_id: UUID) -> None:
    """Let nothing go out to a fan any more; what is being submitted may still arrive."""
    of_fan = {"creator": creator_id, "fan": fan_id}
    connection.execute(_WITHDRAW, {**of_fan, "reason": SkipReason.ERASED})
    connection.execute(_BLANK_EXPECTED, of_fan)


def blank(connection: Connection, creator_id: UUID, fan_id: UUID) -> bool:
    """Blank what the ledger says to and of an erased fan.

    Returns:
        Whether that is all there is: not while a message is being submitted or taken back.
    """
    of_fan = {"creator": creator_id, "fan": fan_id}
    connection.execute(_BLANK_ATTEMPTS, of_fan)
    connection.execute(_BLANK_SENDS, of_fan)
    return connection.execute(_IS_LEFT, of_fan).fetchone() == (False,)
