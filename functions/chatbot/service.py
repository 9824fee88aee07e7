"""What is done about a fan's message: by rules first, then by models, then once more by rules."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, Protocol
from uuid import UUID

from functions.chatbot import writing
from functions.chatbot.handover import findings
from functions.chatbot.matching import first_fitting
from functions.chatbot.models import (
    AutoReplyRule,
    Case,
    Findings,
    HandOver,
    Incoming,
    IntentCondition,
    Memory,
    Moment,
    Outcome,
    Proposal,
    gravest,
)
from huntaze import ai
from huntaze.ai.agents.outputs import Intent
from huntaze.domain.dangers import GRAVE
from huntaze.domain.fans.stop_words import may_want_no_messages
from huntaze.errors import ConflictError, HuntazeError

# An answer that comes later than this by itself is odder than none.
_LATE = timedelta(hours=24)
# Of this message alone, and of each try at it: no outage, so a person answers instead.
_REFUSALS = (ai.DeclinedTextError, ai.PromptTooLongError)


class NothingToAnswerError(ConflictError):
    """The newest message of the conversation is not the fan's."""


class Drafted(NamedTuple):
    """What came of asking for a reply."""

    draft_id: UUID | None
    hand_over: HandOver | None


class Conversations(Protocol):
    """The conversations of one workspace."""

    def transaction(self) -> AbstractContextManager[object]:
        """Open the transaction that all calls share."""
        ...

    def take(self, message: Incoming) -> Case | Outcome:
        """Begin to work at a message, or say why there is nothing to do."""
        ...

    def unheard(self, message: Incoming) -> Case | None:
        """A message that still waits, as if it were the last; None: it does not."""
        ...

    def look(self, conversation_id: UUID) -> Case | None:
        """Read a conversation for which a reply is asked; None: the fan did not write last."""
        ...

    def edited(self, message: Incoming, at: datetime) -> Case | None:
        """Read what the fan says now by an old message, as if it were the newest."""
        ...

    def begin_anew(self, case: Case, at: datetime) -> Incoming | None:
        """Void what was written for other words, if the fan still waits for an answer to them."""
        ...

    def make_room(self, case: Case) -> None:
        """Discard a draft that waits, for another one is asked for."""
        ...

    def still(self, case: Case) -> bool:
        """Hold the conversation, and tell whether it is as it was."""
        ...

    def hand_over(self, case: Case, why: HandOver) -> None:
        """Flag the conversation and tell a person, once."""
        ...

    def answer_by_rule(self, case: Case, rules: list[AutoReplyRule]) -> bool:
        """Let the first rule answer whose turn it is."""
        ...

    def remember(self, case: Case, found: Findings) -> None:
        """Keep what a model has read."""
        ...

    def keep_draft(self, case: Case, proposal: Proposal, *, by: UUID | None) -> UUID:
        """Keep a reply until somebody decides."""
        ...

    def send_by_itself(self, case: Case, draft_id: UUID, *, now: datetime, chance: float) -> bool:
        """Let a draft go, if the owner lets it now."""
        ...

    def overtake(self, case: Case) -> None:
        """Nothing came of the work; it begins anew if the fan still waits with the message."""
        ...

    def done(self, case: Case) -> None:
        """The message needs nothing more."""
        ...

    def give_up(self, case: Case) -> bool:
        """Give a message up for which nobody waits any more; False: somebody does."""
        ...

    def put_off(self, case: Case, trouble: HuntazeError) -> None:
        """Work at it later, and tell a person once."""
        ...


def work(
    message: Incoming,
    store: Conversations,
    writer: Callable[[], ai.Writer],
    *,
    now: datetime,
    chance: float,
) -> Outcome:
    """Do what is to be done about a message.

    Args:
        message: Which.
        store: Where conversations are.
        writer: Makes whoever answers as a model; asked for only where one is needed.
        now: The time.
        chance: From 0 to 1; of the pause before a reply that goes out by itself.
    """
    with store.transaction():
        case = store.take(message)
        if isinstance(case, Outcome):
            return Outcome.HANDED_OVER if _heed(message, case, store) else case
        outcome = _by_rules(case, store, now)
        if outcome is not None:
            store.done(case)
            return outcome
        if store.give_up(case):
            return Outcome.GIVEN_UP
    try:
        found = ask(case, writer(), by_rule=partial(_by_intent, case, store, now))
    except _REFUSALS as refusal:
        found = Findings(hand_over=HandOver("not_answered", [f"not_answered: {refusal}"[:300]]))
    except HuntazeError as trouble:
        store.put_off(case, trouble)
        return Outcome.HELD_UP
    with store.transaction():
        return _conclude(case, found, store, now=now, chance=chance)


def hear_edit(message: Incoming, store: Conversations, *, at: datetime) -> Incoming | None:
    """Hear what a fan has made of a message; return the message that wants an answer anew.

    The rules look at it wherever in the thread it stands, and whoever has dealt with what it was.

    Args:
        message: Which.
        store: Where conversations are.
        at: When it was changed; what was done since is done, however often it is told.
    """
    with store.transaction():
        case = store.edited(message, at)
        if case is None:
            return None
        return None if _listen(case, store) else store.begin_anew(case, at)


def draft(
    conversation_id: UUID, store: Conversations, writer: Callable[[], ai.Writer], *, by: UUID
) -> Drafted:
    """Write a reply because a person asks for one; it waits for approval like any other.

    Raises:
        NothingToAnswerError: The fan did not write last, or does so meanwhile.
        HuntazeError: No model answers.
    """
    case = store.look(conversation_id)
    if case is None:
        raise NothingToAnswerError("The newest message is not one of the fan's to be answered.")
    grave = must_hand_over(case)
    found = Findings(hand_over=grave) if grave else ask(case, writer())
    try:
        with store.transaction():
            return _keep(case, found, store, by=by)
    except NothingToAnswerError:
        with store.transaction():
            _warn(case, found, store)
        raise


def must_hand_over(case: Case) -> HandOver | None:
    """What the rules say, without any model."""
    if over := _said(case):
        return over
    fan, switch = case.fan, case.switch
    ceiling = switch.spend_ceiling_cents
    if ceiling is not None and fan.spent_cents >= ceiling:
        why = f"spend_ceiling: the fan has spent so much in {switch.spend_days} days"
        return HandOver("spend_ceiling", [why])
    return None


def _said(case: Case) -> HandOver | None:
    # What was said a moment before the newest message is answered with it.
    found = [
        one
        for line in case.unanswered
        for one in findings(
            line.text, platform=case.platform, forbidden=case.voice.forbidden_topics
        )
    ]
    if found:
        topic = gravest(one.topic.value for one in found)
        return HandOver(topic, list(dict.fromkeys(one.reason for one in found)))
    if any(may_want_no_messages(line.text) for line in case.unanswered):
        return HandOver("wants_no_messages", ["wants_no_messages: the words may say so"])
    return None


def ask(
    case: Case,
    writer: ai.Writer,
    *,
    by_rule: Callable[[Memory], Outcome | None] = lambda _: None,
) -> Findings:
    """Ask the models; no transaction is open meanwhile.

    Args:
        case: The conversation.
        writer: Who answers.
        by_rule: Answers by what a model has read, without another one; None: a reply is written.

    Raises:
        HuntazeError: No model answers.
    """
    memory, hand_over = writing.read(case, writer)
    if hand_over is not None:
        return Findings(memory, hand_over)
    outcome = by_rule(memory)
    if outcome is not None:
        return Findings(memory, outcome=outcome)
    said = writing.propose(case, memory, writer)
    if isinstance(said, HandOver):
        return Findings(memory, said)
    if said.confidence < case.switch.min_confidence:
        why = f"low_confidence: {said.confidence} of 100"
        over = HandOver("low_confidence", [why], "rules", said.generation_id)
        return Findings(memory, over, replace(said, warning=why))
    return Findings(memory, proposal=said)


def _heed(message: Incoming, why: Outcome, store: Conversations) -> bool:
    """Judge what is not answered any more by what it says: nobody else may have read it."""
    case = None if why is Outcome.BUSY else store.unheard(message)
    return case is not None and _listen(case, store)


def _listen(case: Case, store: Conversations) -> bool:
    over = _said(case)
    # Who wants no messages is heard where somebody may come to harm.
    if over is not None and case.fan.silenced and over.topic not in GRAVE:
        return False
    return _tell(case, over, store)


def _tell(case: Case, over: HandOver | None, store: Conversations) -> bool:
    # Where nothing answers by itself, people have every conversation already; danger they are told
    # of on every plan.
    if over is None or not (case.is_active or case.rules or over.topic in GRAVE):
        return False
    store.hand_over(case, over)
    return True


def _by_rules(case: Case, store: Conversations, now: datetime) -> Outcome | None:
    """Do what needs no model; None: a model is to be asked."""
    if _tell(case, must_hand_over(case), store) or case.handed_over:
        return Outcome.HANDED_OVER
    fitting = _fitting(case, now, None)
    if fitting and store.answer_by_rule(case, fitting):
        return Outcome.ANSWERED_BY_RULE
    return None if case.is_active else Outcome.OFF


def _by_intent(case: Case, store: Conversations, now: datetime, memory: Memory) -> Outcome | None:
    """Let a rule answer that looks at what a model found; None: none does."""
    fitting = _fitting(case, now, Intent(memory.intent))
    if not fitting:
        return None
    with store.transaction():
        if not store.still(case):
            store.overtake(case)
            return Outcome.MOVED_ON
        if not store.answer_by_rule(case, fitting):
            return None
        store.remember(case, Findings(memory))
        store.done(case)
    return Outcome.ANSWERED_BY_RULE


def _conclude(
    case: Case, found: Findings, store: Conversations, *, now: datetime, chance: float
) -> Outcome:
    if found.outcome is not None:
        return found.outcome
    if not store.still(case):
        store.overtake(case)
        return Outcome.HANDED_OVER if _warn(case, found, store) else Outcome.MOVED_ON
    store.done(case)
    store.remember(case, found)
    if found.hand_over is not None:
        store.hand_over(case, found.hand_over)
    if found.proposal is None:
        return Outcome.HANDED_OVER
    draft_id = store.keep_draft(case, found.proposal, by=None)
    if found.hand_over is not None:
        return Outcome.HANDED_OVER
    if _is_late(case, now) or not store.send_by_itself(case, draft_id, now=now, chance=chance):
        return Outcome.DRAFTED
    return Outcome.SENT


def _keep(case: Case, found: Findings, store: Conversations, *, by: UUID) -> Drafted:
    store.make_room(case)
    if not store.still(case):
        raise NothingToAnswerError("The conversation has moved on meanwhile; ask again.")
    store.remember(case, found)
    if found.hand_over is not None:
        store.hand_over(case, found.hand_over)
    proposal = found.proposal
    draft_id = None if proposal is None else store.keep_draft(case, proposal, by=by)
    return Drafted(draft_id, found.hand_over)


def _warn(case: Case, found: Findings, store: Conversations) -> bool:
    """Hand over a danger although the conversation has moved on: nobody else may see it."""
    over = found.hand_over
    if over is None or over.topic not in GRAVE:
        return False
    store.hand_over(case, over)
    return True


def _is_late(case: Case, now: datetime) -> bool:
    """Whether a first sync, or what comes after an outage, brings a message of long ago."""
    return now - case.message.sent_at > _LATE


def _fitting(case: Case, now: datetime, intent: Intent | None) -> list[AutoReplyRule]:
    """The rules that may answer, without a model's word, or by that word alone."""
    asked = [
        rule
        for rule in case.rules
        if rule.is_due and isinstance(rule.condition, IntentCondition) == (intent is not None)
    ]
    if _is_late(case, now):
        return []
    moment = Moment(
        text=case.message.text,
        is_first=case.is_first,
        now=now,
        fan_zone=case.fan.time_zone,
        creator_zone=case.creator_zone,
        intent=intent,
        goes_out=case.quiet_until,
    )
    return first_fitting(asked, moment)
