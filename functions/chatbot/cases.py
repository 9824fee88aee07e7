"""A conversation as one transaction reads it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row, dict_row

from functions.chatbot.models import AutoReplyRule, Case, ChatLine, Fan, Incoming, Switch
from huntaze.db import Connection
from huntaze.domain.ai_configs import voice_of
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Feature
from huntaze.domain.dangers import GRAVE

_LINES = 20
# A person's come first.
_FACTS = 60
# Of one wait: whoever writes more at once is read from here on.
_MOST_UNANSWERED = 50

_CONVERSATION = """
  SELECT c.workspace_id, c.id AS conversation_id, c.creator_id, c.fan_id, k.platform,
         k.time_zone AS creator_zone, f.display_name, f.handle, f.time_zone,
         quiet_until(clock_timestamp(), coalesce(f.time_zone, k.time_zone), k.quiet_from,
                     k.quiet_until) AS quiet_until,
         f.erased_at IS NOT NULL OR f.blocked_at IS NOT NULL OR f.consent IS FALSE
           OR EXISTS (SELECT FROM suppressions x WHERE x.workspace_id = f.workspace_id
                         AND x.platform_key = f.platform_key) AS silenced
    FROM conversations c
    JOIN fans f ON f.workspace_id = c.workspace_id AND f.id = c.fan_id
    JOIN creators k ON k.workspace_id = c.workspace_id AND k.id = c.creator_id
   WHERE c.id = %(conversation)s
"""
# Who is held before the conversation, as by whoever stores messages or forgets a fan: the other way
# round, two would wait for each other.
_HOLD_FAN = """
  SELECT FROM fans f JOIN conversations c ON c.workspace_id = f.workspace_id AND c.fan_id = f.id
   WHERE c.id = %s FOR KEY SHARE OF f
"""
# The newest first: as the page shows them, without what was taken back.
_THREAD = """
  SELECT id, platform_message_id, direction, text, sent_at, automatic FROM messages
   WHERE conversation_id = %(conversation)s AND unsent_at IS NULL
   ORDER BY sent_at DESC, id DESC LIMIT %(lines)s
"""
# One that waits: whoever wrote what stands after it had not seen it, and nobody who had has given
# the conversation back.
_UNHEARD = """
  SELECT m.id, m.platform_message_id, m.direction, m.text, m.sent_at, m.automatic
    FROM messages m
    JOIN conversations c ON c.workspace_id = m.workspace_id AND c.id = m.conversation_id
   WHERE m.id = %(message)s AND m.conversation_id = %(conversation)s
     AND m.direction = 'in' AND m.unsent_at IS NULL AND m.sent_at >= c.waiting_since
     AND NOT EXISTS (SELECT FROM chat_handovers h
                      WHERE h.conversation_id = m.conversation_id AND h.resolved_at >= m.created_at)
"""
_LINE = """
  SELECT id, platform_message_id, direction, text, sent_at, automatic FROM messages
   WHERE conversation_id = %s AND id = %s AND direction = 'in' AND unsent_at IS NULL
"""
_HANDED_OVER = """
  SELECT FROM chat_handovers WHERE conversation_id = %s AND resolved_at IS NULL
"""
# Whether somebody was written to by a campaign whose replies the chatbot takes.
FOR_CAMPAIGN = sql.SQL("""
  EXISTS (SELECT FROM sends a
            JOIN chatbot_campaigns b
              ON b.workspace_id = a.workspace_id AND b.campaign_id = a.campaign_id
           WHERE a.fan_id = {fan} AND a.state IN ('sent', 'unknown')
             AND a.granted_at > clock_timestamp() - interval '7 days')
""")
_KNOWN = sql.SQL("""
  SELECT coalesce((SELECT x.summary FROM chat_contexts x WHERE x.fan_id = %(fan)s), '') AS summary,
         coalesce((SELECT jsonb_object_agg(y.name, y.text)
                     FROM (SELECT name, text FROM chat_facts
                            WHERE fan_id = %(fan)s AND deleted_at IS NULL
                            ORDER BY written_by IS NULL, updated_at DESC LIMIT %(facts)s) y
                  ), '{{}}') AS facts,
         EXISTS (SELECT FROM chat_handovers h WHERE h.conversation_id = %(conversation)s
                    AND h.resolved_at IS NULL) AS handed_over,
         -- The last one that a person was told of, and the last one that was there when a person
         -- gave the conversation back.
         ARRAY(SELECT message_id FROM chat_handovers WHERE conversation_id = %(conversation)s
                  AND resolved_at IS NULL)
         || ARRAY(SELECT m.id FROM messages m
                   WHERE m.conversation_id = %(conversation)s AND m.direction = 'in'
                     AND m.created_at <= (SELECT max(h.resolved_at) FROM chat_handovers h
                                           WHERE h.conversation_id = %(conversation)s)
                   ORDER BY m.sent_at DESC, m.id DESC LIMIT 1) AS dealt_with,
         EXISTS (SELECT FROM messages m WHERE m.conversation_id = %(conversation)s
                    AND m.direction = 'out' AND NOT m.automatic AND m.unsent_at IS NULL)
           AS spoken_to,
         (SELECT count(*) FROM (SELECT FROM messages m WHERE m.conversation_id = %(conversation)s
                                   AND m.direction = 'in' AND m.unsent_at IS NULL
                                 LIMIT %(most)s + 1) few) AS heard,
         {for_campaign} AS for_campaign,
         coalesce((SELECT sum(t.effective_cents) FROM transactions t
                    WHERE t.fan_id = %(fan)s
                      AND t.created_at > clock_timestamp() - %(spend_days)s * interval '1 day'
                  ), 0)::bigint AS spent_cents
""").format(for_campaign=FOR_CAMPAIGN.format(fan=sql.Placeholder("fan")))
_ACTIVE = sql.SQL("""
  SELECT s.active_since IS NOT NULL OR {for_campaign}
    FROM chatbot_switches s WHERE s.creator_id = %(creator)s
""").format(for_campaign=FOR_CAMPAIGN.format(fan=sql.Placeholder("fan")))
_ACTIVE_STILL = _ACTIVE + sql.SQL(" FOR SHARE OF s")
# An answer that came to nothing, as the fan wrote on before it went out, is none.
_RULES = """
  SELECT r.id, r.condition, r.text, r.every_hours, r.written_by,
         NOT EXISTS (SELECT FROM auto_replies a
                       JOIN sends s ON s.workspace_id = a.workspace_id AND s.id = a.send_id
                      WHERE a.rule_id = r.id AND a.fan_id = %(fan)s
                        AND s.state NOT IN ('cancelled', 'skipped', 'not_sent')
                        AND a.answered_at > clock_timestamp() - r.every_hours * interval '1 hour'
                    ) AS is_due
    FROM auto_reply_rules r
   WHERE r.creator_id = %(creator)s AND r.enabled ORDER BY r.place, r.id
"""


def conversation(connection: Connection, conversation_id: UUID, *, hold: bool) -> dict[str, Any]:
    """What is known of a conversation without its messages; empty: there is none.

    Args:
        connection: In a transaction.
        conversation_id: Which.
        hold: Whether nobody may add to it until the commit.
    """
    query = _CONVERSATION + (" FOR NO KEY UPDATE OF c" if hold else "")
    if hold:
        connection.execute(_HOLD_FAN, (conversation_id,))
    with connection.cursor(row_factory=dict_row) as reading:
        return reading.execute(query, {"conversation": conversation_id}).fetchone() or {}


def newest(connection: Connection, conversation_id: UUID, lines: int = _LINES) -> list[ChatLine]:
    """The last messages of a thread, oldest first."""
    with connection.cursor(row_factory=class_row(ChatLine)) as reading:
        values = {"conversation": conversation_id, "lines": lines}
        return reading.execute(_THREAD, values).fetchall()[::-1]


def fans_line(connection: Connection, message: Incoming) -> ChatLine | None:
    """One message of the fan's, wherever in the thread it stands."""
    with connection.cursor(row_factory=class_row(ChatLine)) as reading:
        values = (message.conversation_id, message.message_id)
        return reading.execute(_LINE, values).fetchone()


def waiting(thread: list[ChatLine]) -> ChatLine | None:
    """The fan's message that nobody has answered; what goes to many fans is no answer."""
    spoken = [line for line in thread if not line.automatic]
    return spoken[-1] if spoken and spoken[-1].direction == "in" else None


def unanswered(thread: list[ChatLine], dealt_with: Sequence[UUID] = ()) -> list[ChatLine]:
    """What the fan has written since an answer, or since a person was told; oldest first.

    Args:
        thread: Oldest first, with a message of the fan's to answer.
        dealt_with: Messages up to which a person knows what was said.
    """
    spoken = [line for line in reversed(thread) if not line.automatic]
    found = spoken[:1]
    for line in spoken[1:]:
        if line.direction == "out" or {line.id, spoken[0].id} & {*dealt_with}:
            break
        found.append(line)
    return found[::-1]


def read_case(connection: Connection, about: dict[str, Any]) -> Case:
    """Everything that decides about the newest message.

    Args:
        connection: In a transaction.
        about: What `conversation` said.
    """
    creator_id, fan_id = about["creator_id"], about["fan_id"]
    switch = switch_of(connection, creator_id)
    with connection.cursor(row_factory=dict_row) as reading:
        known = reading.execute(
            _KNOWN,
            {
                "fan": fan_id,
                "conversation": about["conversation_id"],
                "spend_days": switch.spend_days,
                "facts": _FACTS,
                "most": _MOST_UNANSWERED,
            },
        ).fetchone()
    if known is None:
        raise LookupError("a SELECT of values answered nothing")
    thread = newest(connection, about["conversation_id"], _MOST_UNANSWERED)
    # What was turned on stays on when a plan ends, and works again with the next one.
    in_plan = entitlements.includes(connection, about["workspace_id"], Feature.CHATBOT)
    asks = unanswered(thread, known["dealt_with"])
    # Whoever reads sees all that is to be answered.
    begins = min([max(len(thread) - _LINES, 0), *map(thread.index, asks[:1])])
    return Case(
        workspace_id=about["workspace_id"],
        creator_id=creator_id,
        fan_id=fan_id,
        conversation_id=about["conversation_id"],
        platform=about["platform"],
        creator_zone=about["creator_zone"],
        fan=Fan(
            display_name=about["display_name"],
            handle=about["handle"],
            time_zone=about["time_zone"],
            spent_cents=known["spent_cents"],
            silenced=about["silenced"],
        ),
        thread=thread[begins:],
        unanswered=asks,
        waits=unanswered(thread),
        switch=switch,
        voice=voice_of(connection, creator_id),
        rules=_rules(connection, creator_id, fan_id) if in_plan else [],
        summary=known["summary"],
        facts=known["facts"],
        # However many messages it takes somebody to say hello.
        is_first=not known["spoken_to"] and known["heard"] == len(asks),
        handed_over=known["handed_over"],
        for_campaign=known["for_campaign"],
        quiet_until=about["quiet_until"],
        in_plan=in_plan,
    )


def unheard(connection: Connection, message: Incoming) -> Case | None:
    """A message that still waits, as if it were the last; None: it does not."""
    with connection.cursor(row_factory=class_row(ChatLine)) as reading:
        values = {"conversation": message.conversation_id, "message": message.message_id}
        line = reading.execute(_UNHEARD, values).fetchone()
    if line is None:
        return None
    case = read_case(connection, conversation(connection, message.conversation_id, hold=True))
    return replace(case, thread=[line], unanswered=[line])


def is_unchanged(connection: Connection, case: Case) -> bool:
    """Whether the thread still says what it did, and no person was told to take over since.

    Args:
        connection: In the transaction that holds the conversation.
        case: As it was read before.
    """
    over = connection.execute(_HANDED_OVER, (case.conversation_id,)).fetchone()
    thread = newest(connection, case.conversation_id, _MOST_UNANSWERED)
    if not thread or thread[-1].id != case.last.id or (over is not None and not case.handed_over):
        return False
    # Older lines may come late or be edited, too.
    said = [[(line.id, line.text) for line in each] for each in (unanswered(thread), case.waits)]
    return said[0] == said[1]


def is_active_still(connection: Connection, case: Case) -> bool:
    """Whether the chatbot answers here by now; nobody turns it off until the commit."""
    whose = {"fan": case.fan_id, "creator": case.creator_id}
    row = connection.execute(_ACTIVE_STILL, whose).fetchone()
    return row is not None and bool(row[0])


def writes_anew(connection: Connection, about: dict[str, Any]) -> bool:
    """Whether the chatbot would write another reply in the place of one that is void.

    Args:
        connection: In a transaction.
        about: What `conversation` said.
    """
    over = connection.execute(_HANDED_OVER, (about["conversation_id"],)).fetchone()
    if over is not None or not entitlements.includes(
        connection, about["workspace_id"], Feature.CHATBOT
    ):
        return False
    whose = {"fan": about["fan_id"], "creator": about["creator_id"]}
    row = connection.execute(_ACTIVE, whose).fetchone()
    return row is not None and bool(row[0])


def is_in_danger(connection: Connection, fan_id: UUID) -> bool:
    """Whether a person was told that somebody may come to harm, and has not resolved it."""
    found = connection.execute(
        "SELECT FROM chat_handovers WHERE fan_id = %s AND resolved_at IS NULL AND topic = ANY (%s)"
        " LIMIT 1",
        (fan_id, list(GRAVE)),
    )
    return found.fetchone() is not None


def switch_of(connection: Connection, creator_id: UUID) -> Switch:
    """How the chatbot works for a creator."""
    with connection.cursor(row_factory=class_row(Switch)) as reading:
        found = reading.execute(
            "SELECT active_since, spend_ceiling_cents, spend_days, min_confidence"
            " FROM chatbot_switches WHERE creator_id = %s",
            (creator_id,),
        ).fetchone()
    return found or Switch()


def rules_of(connection: Connection, case: Case) -> list[AutoReplyRule]:
    """The rules that are on by now, the first one first."""
    return _rules(connection, case.creator_id, case.fan_id)


def _rules(connection: Connection, creator_id: UUID, fan_id: UUID) -> list[AutoReplyRule]:
    with connection.cursor(row_factory=class_row(AutoReplyRule)) as reading:
        return reading.execute(_RULES, {"creator": creator_id, "fan": fan_id}).fetchall()
