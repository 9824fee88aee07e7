"""Work with messages in Postgres; every method joins the transaction around it."""

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from functions.chatbot import cases, edits, telling
from functions.chatbot.answering import first_answer
from functions.chatbot.models import (
    MOST_FACTS,
    AutoReplyRule,
    Case,
    Findings,
    HandOver,
    Incoming,
    Memory,
    Outcome,
    Proposal,
)
from functions.chatbot.releasing import release_by_itself
from functions.chatbot.voiding import (
    answer_anew,
    let_stand,
    void_of_conversation,
    void_of_fan,
    void_older,
)
from huntaze import ai, outbox
from huntaze.db import Connection, Tenant
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Feature
from huntaze.domain.fans.stop_words import is_stop_word
from huntaze.domain.outbound.wake import wake_soon
from huntaze.errors import (
    HuntazeError,
    NotFoundError,
    TooManyRequestsError,
)

# Longer than the function that works at a message may run.
_LEASE = timedelta(seconds=90)
# Of an outage; doubled each time, up to the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=60), timedelta(hours=1)
# Then nobody waits for an answer of a machine any more.
_TOO_LATE = timedelta(hours=24)
# What fails this often without a known reason is not tried again: a person answers.
_TRIES = 8
# Tries that failed for a known reason leave room for another.
_KNOWN_TRIES = _TRIES - 1
_NOT_ANSWERED = "not_answered: the chatbot failed at it again and again"

_TAKE = """
  INSERT INTO reply_tasks AS t (workspace_id, creator_id, fan_id, conversation_id, message_id,
                                leased_until, tries)
  VALUES (current_setting('app.workspace_id')::uuid, %(creator)s, %(fan)s, %(conversation)s,
          %(message)s, clock_timestamp() + %(lease)s, 1)
      ON CONFLICT (workspace_id, conversation_id) DO UPDATE
     SET message_id = excluded.message_id, state = 'waiting', leased_until = excluded.leased_until,
         tries = CASE WHEN t.message_id = excluded.message_id THEN t.tries + 1 ELSE 1 END,
         due_at = clock_timestamp(),
         trouble = CASE WHEN t.message_id = excluded.message_id THEN t.trouble END,
         asked_anew_at = CASE WHEN t.message_id = excluded.message_id THEN t.asked_anew_at END
   WHERE t.message_id <> excluded.message_id
      OR (t.state = 'waiting'
          AND (t.leased_until IS NULL OR t.leased_until <= clock_timestamp()))
  RETURNING tries
"""
# A spent budget names its reset, which may be a month away; but somebody may raise it any time, and
# a refusal by the books asks no provider.
_PUT_OFF = """
  UPDATE reply_tasks
     SET leased_until = NULL, trouble = %(trouble)s, tries = least(tries, %(known)s),
         due_at = clock_timestamp()
                  + least(%(most)s, greatest(%(after)s, %(first)s * power(2, tries - 1)))
   WHERE conversation_id = %(conversation)s AND message_id = %(message)s
"""
_GIVE_UP = """
  UPDATE reply_tasks SET leased_until = NULL, state = 'given_up'
   WHERE conversation_id = %(conversation)s AND message_id = %(message)s
     AND greatest((SELECT m.created_at FROM messages m WHERE m.id = message_id), asked_anew_at)
         < clock_timestamp() - %(late)s
  RETURNING coalesce(trouble, 'TooLate')
"""
# A planned answer of the chatbot's that was overtaken, with the message that it was to follow.
_OVERTAKEN = """
  SELECT c.id, s.expected_message_id
    FROM sends s
    JOIN conversations c ON c.workspace_id = s.workspace_id AND c.creator_id = s.creator_id
     AND c.fan_id = s.fan_id
   WHERE s.id = %s AND s.state = 'skipped' AND s.reason = 'moved_on' AND s.priority = 1
     -- Told again, it was written anew, and somebody has decided about that.
     AND NOT EXISTS (SELECT FROM reply_drafts d
                      WHERE d.workspace_id = s.workspace_id AND d.conversation_id = c.id
                        AND d.decided_by IS NOT NULL AND d.decided_at > s.settled_at)
"""
_READ = """
  INSERT INTO chat_contexts AS c (workspace_id, creator_id, fan_id, summary, message_id, sentiment,
                                  intent, urgency, language, gist)
  VALUES (current_setting('app.workspace_id')::uuid, %(creator)s, %(fan)s, %(summary)s, %(message)s,
          %(sentiment)s, %(intent)s, %(urgency)s, %(language)s, %(gist)s)
      ON CONFLICT (workspace_id, fan_id) DO UPDATE
     SET summary = CASE WHEN c.summary_by IS NULL THEN excluded.summary ELSE c.summary END,
         message_id = excluded.message_id, sentiment = excluded.sentiment,
         intent = excluded.intent, urgency = excluded.urgency, language = excluded.language,
         gist = excluded.gist, updated_at = clock_timestamp()
"""
# What a person wrote or deleted stays as it is.
_LEARN = """
  INSERT INTO chat_facts AS c (workspace_id, creator_id, fan_id, name, text, message_id)
  SELECT current_setting('app.workspace_id')::uuid, %(creator)s, %(fan)s, %(name)s, %(text)s,
         %(message)s
   WHERE (SELECT count(*) FROM chat_facts o
           WHERE o.fan_id = %(fan)s AND o.name <> %(name)s) < %(most)s
      ON CONFLICT (workspace_id, fan_id, name) DO UPDATE
     SET text = excluded.text, message_id = excluded.message_id, updated_at = clock_timestamp()
   WHERE c.written_by IS NULL AND c.deleted_at IS NULL
"""


class PostgresConversations:
    """The conversations of one workspace.

    Args:
        tenant: Whose.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def transaction(self) -> AbstractContextManager[Connection]:
        """Open the transaction that all calls share."""
        return self._tenant.transaction()

    def look(self, conversation_id: UUID) -> Case | None:
        """Read a conversation for which a reply is asked; None: the fan did not write last.

        Raises:
            NotFoundError: The caller has no such conversation.
            PaymentRequiredError: The plan has no chatbot.
        """
        with self._tenant.transaction() as connection:
            about = cases.conversation(connection, conversation_id, hold=False)
            if not about:
                raise NotFoundError("There is no such conversation in this workspace.")
            entitlements.require(connection, self._tenant.workspace_id, Feature.CHATBOT)
            case = cases.read_case(connection, about)
        return case if cases.waiting(case.thread) and not case.fan.silenced else None

    def take(self, message: Incoming) -> Case | Outcome:
        """Begin to work at a message, or say why there is nothing to do."""
        with self._tenant.transaction() as connection:
            about = cases.conversation(connection, message.conversation_id, hold=True)
            thread = cases.newest(connection, message.conversation_id) if about else []
            if not about or not thread:
                return Outcome.MOVED_ON
            asked = cases.waiting(thread)
            let_stand(connection, about, thread)
            if void_older(connection, message.conversation_id, thread[-1].id):
                answer_anew(connection, message.conversation_id, asked)
            if about["silenced"] or (asked and is_stop_word(asked.text)):
                void_of_fan(connection, about["fan_id"], why="the fan wants no messages")
                self._end(connection, message.conversation_id, None, "done")
                return Outcome.STOPPED
            if asked is None or asked.id != message.message_id:
                # Whoever answered by hand has ended what waited for a model.
                which = message.message_id if asked else None
                self._end(connection, message.conversation_id, which, "done")
                return Outcome.MOVED_ON
            taken = connection.execute(
                _TAKE,
                {
                    "creator": about["creator_id"],
                    "fan": about["fan_id"],
                    "conversation": message.conversation_id,
                    "message": message.message_id,
                    "lease": _LEASE,
                },
            ).fetchone()
            if taken is None:
                return Outcome.BUSY
            case = cases.read_case(connection, about)
            if taken[0] > _TRIES:
                self._end(connection, message.conversation_id, message.message_id, "given_up")
                self.hand_over(case, HandOver("not_answered", [_NOT_ANSWERED]))
                return Outcome.HANDED_OVER
            return case

    def overtaken(self, send_id: UUID) -> Incoming | None:
        """The message whose planned answer was left out, if the fan still waits with it."""
        with self._tenant.transaction() as connection:
            row = connection.execute(_OVERTAKEN, (send_id,)).fetchone()
            if row is None:
                return None
            conversation_id, expected = row
            cases.conversation(connection, conversation_id, hold=True)
            thread = cases.newest(connection, conversation_id)
            asked = cases.waiting(thread)
            # What the page shows and nobody has stored yet is told of when it is.
            if not thread or thread[-1].platform_message_id == expected or asked is None:
                return None
            if not answer_anew(connection, conversation_id, asked):
                return None
            return Incoming(conversation_id=conversation_id, message_id=asked.id)

    def unheard(self, message: Incoming) -> Case | None:
        """A message that still waits, as if it were the last; None: it does not."""
        with self._tenant.transaction() as connection:
            return cases.unheard(connection, message)

    def edited(self, message: Incoming, at: datetime) -> Case | None:
        """Read what the fan says now by an old message; None: it is gone, or a person knows."""
        with self._tenant.transaction() as connection:
            return edits.read(connection, message, at)

    def begin_anew(self, case: Case, at: datetime) -> Incoming | None:
        """Void what was written for other words, if the fan still waits for an answer to them."""
        with self._tenant.transaction() as connection:
            return edits.begin_anew(connection, case, at)

    def make_room(self, case: Case) -> None:
        """Discard a draft that waits, for another one is asked for."""
        with self._tenant.transaction() as connection:
            # The conversation first, as everybody does.
            cases.conversation(connection, case.conversation_id, hold=True)
            void_of_conversation(connection, case.conversation_id, why="another one was asked for")

    def still(self, case: Case) -> bool:
        """Hold the conversation, and tell whether it is as it was."""
        with self._tenant.transaction() as connection:
            about = cases.conversation(connection, case.conversation_id, hold=True)
            if not about or about["silenced"] or not cases.is_unchanged(connection, case):
                return False
            pending = connection.execute(
                "SELECT FROM reply_drafts WHERE conversation_id = %s AND state = 'pending'",
                (case.conversation_id,),
            ).fetchone()
        return pending is None

    def overtake(self, case: Case) -> None:
        """Nothing came of the work; it begins anew if the fan still waits with the message."""
        with self._tenant.transaction() as connection:
            self._end(connection, case.conversation_id, case.message.id, "done")
            asked = cases.waiting(cases.newest(connection, case.conversation_id))
            if asked is not None and asked.id == case.message.id:
                answer_anew(connection, case.conversation_id, asked)

    def done(self, case: Case) -> None:
        """The message needs nothing more."""
        with self._tenant.transaction() as connection:
            self._end(connection, case.conversation_id, case.message.id, "done")

    def give_up(self, case: Case) -> bool:
        """Give a message up for which nobody waits any more, and tell a person once."""
        about = {"conversation": case.conversation_id, "message": case.message.id}
        with self._tenant.transaction() as connection:
            given_up = connection.execute(_GIVE_UP, about | {"late": _TOO_LATE}).fetchone()
            if given_up is not None:
                telling.tell_of_giving_up(connection, case, given_up[0])
        return given_up is not None

    def put_off(self, case: Case, trouble: HuntazeError) -> None:
        """Work at it later, and tell a person once that no model answers."""
        # An odd answer may be this message's alone: it counts, so that a person answers in the end.
        is_outage = not isinstance(trouble, ai.UnusableAnswerError)
        wait = trouble.retry_after if isinstance(trouble, TooManyRequestsError) else 0
        with self._tenant.transaction() as connection:
            connection.execute(
                _PUT_OFF,
                {
                    "trouble": trouble.code,
                    "known": _KNOWN_TRIES if is_outage else _TRIES,
                    "after": timedelta(seconds=wait),
                    "first": _FIRST_PAUSE,
                    "most": _LONGEST_PAUSE,
                    "conversation": case.conversation_id,
                    "message": case.message.id,
                },
            )
            if is_outage:
                telling.tell_of_outage(connection, case, trouble.code)

    def hand_over(self, case: Case, why: HandOver) -> None:
        """Flag the conversation and tell a person, once; once more when it turns grave."""
        with self._tenant.transaction() as connection:
            # Of a fan who was forgotten meanwhile nothing is written.
            if not cases.conversation(connection, case.conversation_id, hold=True):
                return
            void_of_fan(connection, case.fan_id, why=f"a person takes over: {why.topic}")
            telling.hand_over(connection, case, why)

    def answer_by_rule(self, case: Case, rules: list[AutoReplyRule]) -> bool:
        """Let the first rule answer whose turn it is."""
        with self._tenant.transaction() as connection:
            return first_answer(connection, case, rules)

    def remember(self, case: Case, found: Findings) -> None:
        """Keep what a model has read, where no person has written."""
        if found.memory is None:
            return
        with self._tenant.transaction() as connection:
            self._read(connection, case, found.memory)
            for name, text, message_id in found.memory.facts:
                values = {"name": name, "text": text, "message": message_id, "most": MOST_FACTS}
                whose = {"creator": case.creator_id, "fan": case.fan_id}
                connection.execute(_LEARN, whose | values)
            telling.outage_is_over(connection, case.creator_id)

    def keep_draft(self, case: Case, proposal: Proposal, *, by: UUID | None) -> UUID:
        """Keep a reply until somebody decides."""
        with self._tenant.transaction() as connection:
            row = connection.execute(
                "INSERT INTO reply_drafts (workspace_id, creator_id, fan_id, conversation_id,"
                " based_on, based_on_platform_id, text, confidence, reasons, warning,"
                " generation_id, model, prompt_version, review, requested_by)"
                " VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s, %s, %s, %s, %s,"
                " %s, %s, %s, %s, %s, %s, %s) RETURNING id",
                (
                    *(case.creator_id, case.fan_id, case.conversation_id, case.last.id),
                    *(case.last.platform_message_id, proposal.text, proposal.confidence),
                    *(proposal.reasons, proposal.warning, proposal.generation_id),
                    *(proposal.model, proposal.prompt_version),
                    *(Jsonb(proposal.review.model_dump(mode="json")), by),
                ),
            ).fetchone()
            if row is None:
                raise LookupError("an INSERT answered nothing")
            draft_id = UUID(str(row[0]))
            outbox.add(
                connection,
                "draft.created",
                workspace_id=case.workspace_id,
                aggregate=("draft", draft_id),
                payload={
                    "draft_id": str(draft_id),
                    "conversation_id": str(case.conversation_id),
                    "creator_id": str(case.creator_id),
                    "fan_id": str(case.fan_id),
                },
            )
        return draft_id

    def send_by_itself(self, case: Case, draft_id: UUID, *, now: datetime, chance: float) -> bool:
        """Let a draft go, if the owner lets it now."""
        with self._tenant.transaction() as connection:
            sent = release_by_itself(connection, case, draft_id, now=now, chance=chance)
        if sent:
            wake_soon(case.creator_id)
        return sent

    @staticmethod
    def _end(
        connection: Connection, conversation_id: UUID, message_id: UUID | None, state: str
    ) -> None:
        """End the work at a message, or at whichever waits; another one's goes on."""
        connection.execute(
            "UPDATE reply_tasks SET state = %s, leased_until = NULL"
            " WHERE conversation_id = %s AND state = 'waiting'"
            " AND message_id = coalesce(%s, message_id)",
            (state, conversation_id, message_id),
        )

    @staticmethod
    def _read(connection: Connection, case: Case, memory: Memory) -> None:
        connection.execute(
            _READ,
            {
                "creator": case.creator_id,
                "fan": case.fan_id,
                "summary": memory.summary,
                "message": case.message.id,
                "sentiment": memory.sentiment,
                "intent": memory.intent,
                "urgency": memory.urgency,
                "language": memory.language,
                "gist": memory.gist,
            },
        )
