"""What the list of chats tells of fans: who wrote when, and who wants no more."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from huntaze.db import Connection
from huntaze.domain.fans.bulk import PLATFORM_VALUES, create_missing, upsert
from huntaze.domain.fans.keys import keyring
from huntaze.domain.fans.models import FanRow
from huntaze.domain.fans.stop_words import is_stop_word
from huntaze.domain.fans.suppressions import tell_of_opt_out


class ChatRow(NamedTuple):
    """A chat as the platform lists it.

    Attributes:
        handle: None keeps what is there.
        last_is_own: Whether the creator has the last word; None is unknown.
        last_at: When it was said, ISO 8601 with zone; None is unknown.
        last_text: What was said.
    """

    platform_id: str
    handle: str | None = None
    display_name: str | None = None
    last_is_own: bool | None = None
    last_at: str | None = None
    last_text: str | None = None


class ChatsOutcome(NamedTuple):
    """How many fans were new, how many stood anew in their chat, how many are suppressed now."""

    created: int
    moved: int
    suppressed: int


_STAGE = """
  CREATE TEMP TABLE chat_stage (
    platform_id text NOT NULL, platform_key bytea NOT NULL,
    inbound_at timestamptz, outbound_at timestamptz, stop boolean NOT NULL
  ) ON COMMIT DROP
"""

# Once for each message: whom a person has allowed again since, the same word does not silence.
# Nobody is told of what is history.
_SUPPRESS = """
  WITH asking AS (
    SELECT f.workspace_id, f.creator_id, f.platform_key, f.id,
           bool_or(coalesce(s.inbound_at, 'now') > clock_timestamp() - interval '7 days') AS is_news
      FROM chat_stage s
      JOIN fans f ON f.creator_id = %(creator)s AND f.platform_id = s.platform_id
     WHERE s.stop
       AND (f.last_inbound_at IS NULL OR s.inbound_at IS NULL OR s.inbound_at > f.last_inbound_at)
     GROUP BY 1, 2, 3, 4
  ), added AS (
    INSERT INTO suppressions (workspace_id, creator_id, platform_key, reason)
    SELECT workspace_id, creator_id, platform_key, 'stop_word' FROM asking
    ON CONFLICT (workspace_id, platform_key) DO NOTHING
    RETURNING platform_key
  )
  SELECT a.workspace_id, a.id, a.is_news FROM added JOIN asking a USING (platform_key)
"""

# Forward only: what arrives late never overwrites what is newer.
_MOVE = """
  UPDATE fans f
     SET last_inbound_at = greatest(f.last_inbound_at, s.inbound_at),
         last_outbound_at = greatest(f.last_outbound_at, s.outbound_at)
    FROM (
      -- A clock that runs ahead must not keep every later moment out.
      SELECT platform_id,
             max(inbound_at) FILTER (WHERE inbound_at <= clock_timestamp() + interval '1 day')
               AS inbound_at,
             max(outbound_at) FILTER (WHERE outbound_at <= clock_timestamp() + interval '1 day')
               AS outbound_at
        FROM chat_stage GROUP BY platform_id
    ) s
   WHERE f.creator_id = %(creator)s AND f.platform_id = s.platform_id
     AND (s.inbound_at > coalesce(f.last_inbound_at, '-infinity')
          OR s.outbound_at > coalesce(f.last_outbound_at, '-infinity'))
"""


def record_chats(connection: Connection, creator_id: UUID, rows: Sequence[ChatRow]) -> ChatsOutcome:
    """Bring the fans of some chats up to date; a fan that nobody knows is created.

    A fan whose last message is a stop word is suppressed in the same transaction.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose chats these are.
        rows: Checked rows.
    """
    of_creator = {"creator": creator_id}
    named = [
        FanRow(line, row.platform_id, row.handle, row.display_name)
        for line, row in enumerate(rows)
        if row.handle is not None
    ]
    # Before any lock is taken, as `fans.stage` says why.
    _fill_stage(connection, creator_id, rows)
    created = upsert(connection, creator_id, named, values=PLATFORM_VALUES).created
    created += create_missing(connection, creator_id, "chat_stage")
    asked = connection.execute(_SUPPRESS, of_creator).fetchall()
    for workspace_id, fan_id, is_news in asked:
        if is_news:
            tell_of_opt_out(
                connection, workspace_id=workspace_id, creator_id=creator_id, fan_id=fan_id
            )
    moved = connection.execute(_MOVE, of_creator).rowcount
    connection.execute("DROP TABLE chat_stage")
    return ChatsOutcome(created, moved, len(asked))


def _fill_stage(connection: Connection, creator_id: UUID, rows: Sequence[ChatRow]) -> None:
    connection.execute(_STAGE)
    keys = keyring(connection, creator_id)
    with connection.cursor() as cursor, cursor.copy("COPY chat_stage FROM STDIN") as copy:
        for row in rows:
            copy.write_row(
                (
                    row.platform_id,
                    keys.platform_key(row.platform_id),
                    row.last_at if row.last_is_own is False else None,
                    row.last_at if row.last_is_own else None,
                    row.last_is_own is False and is_stop_word(row.last_text),
                )
            )
    # Autovacuum never sees a temporary table; without figures the joins are planned for a few rows.
    connection.execute("ANALYZE chat_stage")
