"""Asking the models: what a message says, and what could be answered.

What a model is told of is one conversation: nothing of another fan is within its reach. What it
answers is read as words alone; no answer has a field for a price, a medium or a recipient.
"""

import re
import unicodedata
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from functions.chatbot.guards import objections
from functions.chatbot.models import Case, HandOver, Memory, Proposal, gravest
from huntaze import ai
from huntaze.ai import agents
from huntaze.ai.agents.outputs import Analysis, Fact, Intent, Replies, Reply, Topic
from huntaze.domain import compliance
from huntaze.domain.compliance.review import review

_READING_TOKENS, _REPLY_TOKENS = 700, 500
# All three questions fit into what a function may take.
_READING, _REPLYING, _REVIEWING = (timedelta(seconds=one) for one in (8, 9, 8))
_DRAFTS = 2
# Signs of a message that a model is shown: what comes after costs more than it tells.
_SHOWN = 2000
_DANGER = 5
_NOT_A_NAME = re.compile(r"[^a-z_]")
# Nobody is sure of an answer to somebody who is upset, or of what little money wrote.
_UNSURE, _MOST_OF_UNSURE = {"negative", "mixed"}, 60
_INTENTS = {
    Intent.REFUND: Topic.PAYMENT_DISPUTE.value,
    Intent.DISTRESS: Topic.SELF_HARM.value,
    Intent.AGE_CONCERN: Topic.MINORS_AGE.value,
    Intent.OFF_PLATFORM: Topic.OFF_PLATFORM.value,
    Intent.HARASSMENT: "harassment",
    Intent.BOUNDARY: "boundary",
    Intent.COMPLAINT: "complaint",
}


def read(case: Case, writer: ai.Writer) -> tuple[Memory, HandOver | None]:
    """Have a model read what is not answered yet.

    Raises:
        HuntazeError: No model does.
    """
    answer = agents.ask(
        writer,
        agents.CHAT,
        ai.Task.MESSAGE_ANALYSIS,
        _client(case),
        _known(case) | {"forbidden_topics": list(case.voice.forbidden_topics)},
        Analysis,
        output_tokens=_READING_TOKENS,
        deadline=_READING,
    )
    said = answer.value
    memory = Memory(
        sentiment=said.sentiment.value,
        intent=said.intent.value,
        urgency=said.urgency,
        language=said.language,
        gist=said.summary,
        summary=said.memory,
        facts=[fact for one in said.facts if (fact := _fact(case, one))],
        generation_id=answer.generation_id,
    )
    topics = list(dict.fromkeys(topic.value for topic in said.topics))
    if said.intent in _INTENTS:
        topics.append(_INTENTS[said.intent])
    if said.needs_person or said.urgency >= _DANGER:
        topics.append("needs_person")
    if not topics:
        return memory, None
    reasons = [f"{topic}: a model says so" for topic in dict.fromkeys(topics)]
    return memory, HandOver(gravest(topics), reasons, "model", answer.generation_id)


def propose(case: Case, memory: Memory, writer: ai.Writer) -> Proposal | HandOver:
    """Have a model write a reply, and both checks look at it.

    Raises:
        HuntazeError: No model writes or looks.
    """
    told = _known(case) | {
        "what_the_message_says": memory.gist,
        "intent": memory.intent,
        "number_of_drafts": _DRAFTS,
        "display_name": _name(case),
    }
    answer = agents.ask(
        writer,
        agents.CHAT,
        ai.Task.MESSAGE_REPLY,
        _client(case),
        told,
        Replies,
        output_tokens=_REPLY_TOKENS,
        deadline=_REPLYING,
    )
    said = answer.value
    if said.needs_person or not said.drafts:
        return HandOver("needs_person", [said.why], "model", answer.generation_id)
    fit, wrong = _fit(case, said)
    if not fit:
        return HandOver("no_fit_reply", wrong, "rules", answer.generation_id)
    judged = review(
        [draft.text for draft in fit],
        platforms=[case.platform],
        writer=writer,
        client=_client(case),
        deadline=_REVIEWING,
    )
    if judged.outage is not None:
        raise judged.outage
    for draft, verdict in zip(fit, judged.each, strict=True):
        if verdict.approved:
            return Proposal(
                text=draft.text,
                confidence=_confidence(draft, memory, answer),
                reasons=[said.why],
                generation_id=answer.generation_id,
                model=answer.model,
                prompt_version=agents.CHAT.prompt_version,
                review=verdict,
            )
    wrong += [reason for verdict in judged.each for reason in verdict.reasons]
    return HandOver("no_fit_reply", list(dict.fromkeys(wrong)), "rules", answer.generation_id)


def _fit(case: Case, said: Replies) -> tuple[list[Reply], list[str]]:
    """The drafts that may be looked at, and what is wrong with the others."""
    own = [words.reply for words in case.voice.custom_words]
    own += [case.voice.disclosure or ""]
    told = [agents.prefix_of(agents.CHAT, case.voice)]
    heard = "\n".join(line.text for line in case.unanswered)
    fit, wrong = [], []
    for draft in sorted(said.drafts, key=lambda one: -one.confidence):
        against = objections(draft.text, heard=heard, told=told, own_words=own)
        if against:
            wrong += against
        else:
            fit.append(draft)
    return fit, list(dict.fromkeys(wrong))


def _confidence(draft: Reply, memory: Memory, answer: ai.Answer[Any]) -> int:
    unsure = memory.sentiment in _UNSURE or answer.degraded
    return min(draft.confidence, _MOST_OF_UNSURE) if unsure else draft.confidence


def _client(case: Case) -> agents.Client:
    return agents.Client(case.workspace_id, case.creator_id, case.voice)


def _known(case: Case) -> dict[str, Any]:
    return {
        "messages": [
            {
                "number": number,
                "by": "fan" if line.direction == "in" else "us",
                "text": line.text[:_SHOWN],
            }
            for number, line in enumerate(case.thread, 1)
        ],
        "unanswered": [
            number for number, line in enumerate(case.thread, 1) if line in case.unanswered
        ],
        "said_before": case.summary,
        "facts": case.facts,
    }


def _fact(case: Case, fact: Fact) -> tuple[str, str, UUID] | None:
    """A fact, if its message is one of the fan's that the model was shown."""
    plain = unicodedata.normalize("NFKD", fact.name).encode("ascii", "ignore").decode()
    name = _NOT_A_NAME.sub("", plain)[:40].strip("_")
    if not name or not 1 <= fact.message <= len(case.thread):
        return None
    line = case.thread[fact.message - 1]
    return (name, fact.text, line.id) if line.direction == "in" else None


def _name(case: Case) -> str | None:
    name = (case.fan.display_name or "").strip()
    return name if name and not _unfit(case.platform).search(name) else None


@cache
def _unfit(platform: str) -> re.Pattern[str]:
    return re.compile(compliance.unfit_name_pattern(platform))
