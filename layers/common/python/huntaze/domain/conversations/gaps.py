"""Reading threads: which one comes next, page by page, newest first, until nothing is missing.

``stored_message_id`` of a conversation is the message up to which its thread is stored without a
gap. What was stored otherwise, by a send or a platform's push, leaves it where it is: something
may have been said in between. A reading that is under way keeps its place in the conversation's
row, moved on in the transaction that stores a page, so that a crash repeats that one page at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from huntaze.db import Connection
from huntaze.domain.conversations.models import SeenMessage
from huntaze.domain.conversations.storing import store, take_back

FIRST_DELAY = timedelta(seconds=5)
# A thread that cannot be read is tried again ever later, and no more often than this.
LONGEST_DELAY = timedelta(hours=6)


class ListedChat(NamedTuple):
    """A chat as the platform lists it.

    Attributes:
        message_id: Of its last message; None where the list does not tell.
        unread: How many messages the creator has not looked at.
    """

    fan_platform_id: str
    message_id: str | None
    at: datetime | None
    unread: int


@dataclass(frozen=True, slots=True)
class ThreadToRead:
    """A page of a thread that comes next.

    Attributes:
        cursor: The page; None is the newest.
        head: The newest message when the reading began; None if it begins now.
        count: How many messages the reading has seen.
        stored_message_id: Up to here the thread is stored; None: it was never read.
        stored_at: When that message was sent.
        now: By the database's clock, before the page is opened.
    """

    id: UUID
    fan_id: UUID
    fan_platform_id: str
    fan_handle: str
    cursor: str | None
    head: str | None
    count: int
    failures: int
    stored_message_id: str | None
    stored_at: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class SeenPage:
    """A page of a thread.

    Attributes:
        messages: Oldest first.
        opened: Those of the creator's that the fan has seen, by id.
        older: Leads to the page before it; None: there is none.
        from_newest: It holds all that came after it, too.
    """

    messages: Sequence[SeenMessage]
    opened: frozenset[str] = frozenset()
    older: str | None = None
    from_newest: bool = False


_LIST = """
  WITH seen AS (
    SELECT f.workspace_id, f.creator_id, f.id AS fan_id, s.message_id, s.at,
           m.id IS NOT NULL AS known
      FROM unnest(%(fans)s::text[], %(messages)s::text[], %(ats)s::timestamptz[],
                  %(unread)s::integer[]) AS s (platform_id, message_id, at, unread)
      JOIN fans f ON f.creator_id = %(creator)s AND f.platform_id = s.platform_id
      LEFT JOIN messages m ON m.workspace_id = f.workspace_id AND m.creator_id = f.creator_id
       AND m.platform_message_id = s.message_id
     WHERE f.erased_at IS NULL AND (s.message_id IS NOT NULL OR s.unread > 0)
     ORDER BY f.id
  )
  INSERT INTO conversations AS c
    (workspace_id, creator_id, fan_id, listed_message_id, listed_known, listed_at, read_due_at)
  SELECT workspace_id, creator_id, fan_id, message_id, known, coalesce(at, clock_timestamp()),
         clock_timestamp()
    FROM seen
  ON CONFLICT (workspace_id, creator_id, fan_id) DO UPDATE
    SET listed_message_id = coalesce(excluded.listed_message_id, c.listed_message_id),
        listed_known = excluded.listed_known,
        listed_at = excluded.listed_at,
        read_again = c.read_again OR c.read_head IS NOT NULL,
        read_due_at = CASE
          WHEN excluded.listed_message_id = c.stored_message_id AND c.read_head IS NULL THEN NULL
          ELSE coalesce(c.read_due_at, excluded.read_due_at) END
    -- What the list has shown before is read, or on its way.
    WHERE c.listed_message_id IS DISTINCT FROM
          coalesce(excluded.listed_message_id, c.listed_message_id)
"""

# Whoever reads a thread leaves nothing unread in it: the fan has written since, be it in the moment
# before our own message, which is all that the list shows.
_UNREAD = """
  UPDATE conversations c
     SET read_due_at = clock_timestamp(), listed_known = false,
         listed_at = coalesce(s.at, c.listed_at)
    FROM unnest(%(fans)s::text[], %(ats)s::timestamptz[], %(unread)s::integer[])
           AS s (platform_id, at, unread)
    JOIN fans f ON f.creator_id = %(creator)s AND f.platform_id = s.platform_id
   WHERE s.unread > 0 AND c.creator_id = f.creator_id AND c.fan_id = f.id AND c.read_due_at IS NULL
"""

_NEXT = """
  SELECT c.id, c.fan_id, f.platform_id AS fan_platform_id, f.handle AS fan_handle,
         c.read_cursor AS cursor, c.read_head AS head, c.read_count AS count,
         c.read_failures AS failures, c.stored_message_id, m.sent_at AS stored_at,
         clock_timestamp() AS now
    FROM (
      SELECT * FROM conversations d
       WHERE d.creator_id = %(creator)s AND d.read_due_at IS NOT NULL
         AND d.read_due_at <= clock_timestamp()
       ORDER BY (d.read_cursor IS NOT NULL), d.listed_known, d.listed_at DESC, d.id LIMIT 1
    ) c
    JOIN fans f ON f.workspace_id = c.workspace_id AND f.id = c.fan_id
    LEFT JOIN messages m ON m.workspace_id = c.workspace_id AND m.creator_id = c.creator_id
     AND m.platform_message_id = c.stored_message_id
"""

# Fan first, then conversation: the order in which every storing takes them.
_HOLD_FAN = "SELECT FROM fans WHERE id = %(fan)s AND erased_at IS NULL FOR NO KEY UPDATE"
_HOLD = """
  SELECT FROM conversations
   WHERE id = %(id)s AND read_due_at IS NOT NULL AND read_count = %(count)s
     AND read_cursor IS NOT DISTINCT FROM %(cursor)s AND read_head IS NOT DISTINCT FROM %(head)s
     FOR UPDATE
"""

# What a page has shown before, and shows no more although it shows what was sent around it, was
# taken back. Of the newest page, that is all that came after its first message.
_GONE = """
  m.conversation_id = %(id)s AND m.shown_at < %(now)s
  AND m.sent_at > %(from)s AND (%(until)s::timestamptz IS NULL OR m.sent_at < %(until)s)
  AND m.platform_message_id <> ALL (%(shown)s)
"""

_SHOWN = """
  UPDATE messages m
     SET shown_at = coalesce(m.shown_at, clock_timestamp()),
         opened_at = CASE WHEN m.direction = 'out' AND m.platform_message_id = ANY (%(opened)s)
                          THEN coalesce(m.opened_at, clock_timestamp()) ELSE m.opened_at END
   WHERE m.conversation_id = %(id)s AND m.platform_message_id = ANY (%(shown)s)
     AND (m.shown_at IS NULL OR (m.direction = 'out' AND m.opened_at IS NULL
                                 AND m.platform_message_id = ANY (%(opened)s)))
"""

_GO_ON = """
  UPDATE conversations SET read_cursor = %(older)s, read_head = %(head)s, read_count = %(count)s,
         read_failures = 0, read_due_at = clock_timestamp()
   WHERE id = %(id)s
"""

_END = """
  UPDATE conversations
     SET stored_message_id = coalesce(%(head)s, listed_message_id), read_cursor = NULL,
         read_head = NULL, read_count = 0, read_failures = 0, read_again = false,
         read_due_at = CASE WHEN read_again THEN clock_timestamp() END
   WHERE id = %(id)s
"""


def note_listed(connection: Connection, creator_id: UUID, chats: Sequence[ListedChat]) -> int:
    """Note what a page of the list of chats shows; threads with something new are read soon.

    Returns:
        How many chats are not as the list has shown them before.
    """
    # A chat that comes twice on a page is one.
    chats = list({chat.fan_platform_id: chat for chat in reversed(chats)}.values())
    shown = {
        "creator": creator_id,
        "fans": [chat.fan_platform_id for chat in chats],
        "messages": [chat.message_id for chat in chats],
        "ats": [chat.at for chat in chats],
        "unread": [chat.unread for chat in chats],
    }
    return sum(connection.execute(query, shown).rowcount for query in (_LIST, _UNREAD))


def next_thread(connection: Connection, creator_id: UUID) -> ThreadToRead | None:
    """The page of a thread that is read next.

    What is new comes before what is old; of what is new, what nobody has told us before what was
    pushed or is ours, whose thread is read for what may lie before it.
    """
    with connection.cursor(row_factory=class_row(ThreadToRead)) as cursor:
        return cursor.execute(_NEXT, {"creator": creator_id}).fetchone()


def take_page(
    connection: Connection,
    creator_id: UUID,
    thread: ThreadToRead,
    page: SeenPage,
    *,
    first_messages: int,
) -> int:
    """Store a page of a thread, and how far the reading is; nothing if somebody has gone on.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose thread it is.
        thread: As it was when the page was opened.
        page: What the page shows.
        first_messages: Of a thread that was never read, so many of the newest are enough.

    Returns:
        How many messages were not known before.
    """
    of_thread = {
        "id": thread.id,
        "fan": thread.fan_id,
        "cursor": thread.cursor,
        "head": thread.head,
        "count": thread.count,
    }
    for hold in (_HOLD_FAN, _HOLD):
        if connection.execute(hold, of_thread).fetchone() is None:
            return 0
    stored = store(connection, creator_id, thread.fan_platform_id, page.messages)
    _mark(connection, thread, page)
    head = thread.head or (page.messages[-1].id if page.messages else None)
    count = len(page.messages) + (0 if page.from_newest else thread.count)
    if _is_whole(thread, page, count, first_messages):
        connection.execute(_END, {"id": thread.id, "head": head})
    else:
        going = {"id": thread.id, "older": page.older, "head": head, "count": count}
        connection.execute(_GO_ON, going)
    return len(stored.new) if stored else 0


def put_off(connection: Connection, thread: ThreadToRead) -> None:
    """Read a thread later that cannot be read now."""
    connection.execute(
        "UPDATE conversations SET read_failures = least(read_failures + 1, 30),"
        " read_due_at = clock_timestamp() + least(%s, %s * power(2, least(read_failures, 20)))"
        " WHERE id = %s AND read_due_at IS NOT NULL",
        (LONGEST_DELAY, FIRST_DELAY, thread.id),
    )


def give_up(connection: Connection, thread: ThreadToRead) -> None:
    """Read a thread no more that is not there, until the list shows something new of it."""
    connection.execute(
        "UPDATE conversations SET read_due_at = NULL, read_cursor = NULL, read_head = NULL,"
        " read_count = 0, read_failures = 0, read_again = false WHERE id = %s",
        (thread.id,),
    )


def seen_while_sending(
    connection: Connection,
    creator_id: UUID,
    fan_platform_id: str,
    page: SeenPage,
    *,
    sent_message_id: str | None = None,
) -> int:
    """Store what the newest page of a thread has shown to whoever was about to write there.

    Nothing need be read again for our own message if the page follows on what is stored.

    Args:
        connection: Inside a tenant's transaction.
        creator_id: Whose thread it is.
        fan_platform_id: With whom.
        page: As it was before our message.
        sent_message_id: Our message, which stands right after the page.

    Returns:
        How many messages were not known before.
    """
    ids = [message.id for message in page.messages]
    known = {
        row[0]
        for row in connection.execute(
            "SELECT platform_message_id FROM messages WHERE creator_id = %s"
            " AND platform_message_id = ANY (%s)",
            (creator_id, ids),
        )
    }
    fresh = [message for message in page.messages if message.id not in known]
    stored = store(connection, creator_id, fan_platform_id, fresh)
    if sent_message_id is not None:
        connection.execute(
            "UPDATE conversations c SET stored_message_id = %(sent)s,"
            " listed_message_id = %(sent)s, listed_at = clock_timestamp(), read_due_at = NULL"
            "  FROM fans f"
            " WHERE f.creator_id = %(creator)s AND f.platform_id = %(fan)s"
            "   AND c.workspace_id = f.workspace_id AND c.creator_id = f.creator_id"
            "   AND c.fan_id = f.id AND c.read_head IS NULL"
            "   AND (c.stored_message_id = ANY (%(ids)s)"
            "        OR (c.stored_message_id IS NULL AND %(whole)s))",
            {
                "sent": sent_message_id,
                "creator": creator_id,
                "fan": fan_platform_id,
                "ids": ids,
                "whole": page.older is None,
            },
        )
    return len(stored.new) if stored else 0


def _mark(connection: Connection, thread: ThreadToRead, page: SeenPage) -> None:
    """Note what the page shows, and what it shows no more."""
    shown = [message.id for message in page.messages]
    moments = [message.sent_at for message in page.messages if message.sent_at is not None]
    if moments and len(moments) == len(shown):
        until = None if thread.cursor is None else max(moments)
        span = {"from": min(moments), "until": until}
        take_back(connection, _GONE, {"id": thread.id, "now": thread.now, "shown": shown, **span})
    connection.execute(_SHOWN, {"id": thread.id, "shown": shown, "opened": list(page.opened)})


def _is_whole(thread: ThreadToRead, page: SeenPage, count: int, first_messages: int) -> bool:
    """Whether nothing is missing between what is stored and the newest message."""
    if page.older is None or page.older == thread.cursor or not page.messages:
        return True
    if thread.stored_message_id is None:
        return count >= first_messages
    oldest = page.messages[0].sent_at
    # The message up to which all is stored may have been taken back.
    went_past = thread.stored_at is not None and oldest is not None and oldest < thread.stored_at
    return went_past or thread.stored_message_id in {message.id for message in page.messages}
