"""Both checks of what AI has written: the rules first, then a model that looks at the meaning.

Only what both approve may be kept. Where no model can look, nothing is approved.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from huntaze import ai
from huntaze.ai import agents
from huntaze.ai.agents.outputs import Judgement, judgements
from huntaze.domain import compliance
from huntaze.errors import HuntazeError

# More texts in one request would be judged less carefully.
_AT_ONCE = 20
# A judgement is a word and a short sentence.
_TOKENS_OF_A_JUDGEMENT = 120


class Review(BaseModel):
    """What the checks say of one text; part of the record of its approval."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    approved: bool
    reasons: list[str]
    # The generation of the second check; None where it was not asked or did not answer.
    generation_id: UUID | None = None
    model: str | None = None
    prompt_version: str | None = None


@dataclass
class Reviews:
    """What the checks say of several texts, in their order.

    Args:
        each: One for each text.
        answers: What the model was asked.
        outage: Why the second check could not be made, if it could not.
    """

    each: list[Review] = field(default_factory=list)
    answers: list[ai.Answer[Any]] = field(default_factory=list)
    outage: HuntazeError | None = None


def review(
    texts: Sequence[str],
    *,
    platforms: Sequence[str],
    writer: ai.Writer,
    client: agents.Client,
    deadline: timedelta = timedelta(seconds=10),
) -> Reviews:
    """Judge texts as fans would read them.

    Args:
        texts: What AI has written.
        platforms: Whose terms apply; a text must be fit for each.
        writer: Who answers as the second check.
        client: For whom the texts are.
        deadline: How long the second check may take, for each twenty texts.
    """
    found = Reviews([_by_rules(text, platforms, client.voice) for text in texts])
    left = [place for place, one in enumerate(found.each) if one.approved]
    for start in range(0, len(left), _AT_ONCE):
        places = left[start : start + _AT_ONCE]
        _by_model(found, texts, places, platforms, writer, client, deadline)
    return found


def _by_rules(text: str, platforms: Sequence[str], voice: agents.Voice) -> Review:
    found = [compliance.check(text, platform=platform).reasons for platform in platforms]
    reasons = list(dict.fromkeys(reason for each in found for reason in each))
    reasons += forbidden_topics_in(text, voice)
    return Review(approved=not reasons, reasons=reasons)


def forbidden_topics_in(text: str, voice: agents.Voice) -> list[str]:
    """The objections of a creator who does not want to speak of something."""
    found = compliance.said_of(voice.forbidden_topics, text, platform=voice.platform)
    return [f"forbidden_topic: “{topic}”" for topic in found]


def _by_model(
    found: Reviews,
    texts: Sequence[str],
    places: Sequence[int],
    platforms: Sequence[str],
    writer: ai.Writer,
    client: agents.Client,
    deadline: timedelta,
) -> None:
    data = {
        "platform": ", ".join(platforms),
        "forbidden_topics": list(client.voice.forbidden_topics),
        "texts": {f"text_{number}": texts[place] for number, place in enumerate(places, 1)},
    }
    try:
        answer = agents.ask(
            writer,
            agents.ONLYFANS,
            ai.Task.COMPLIANCE_CHECK,
            client,
            data,
            judgements(len(places)),
            output_tokens=_TOKENS_OF_A_JUDGEMENT * len(places),
            deadline=deadline,
        )
    except HuntazeError as error:
        found.outage = error
        for place in places:
            found.each[place] = Review(
                approved=False, reasons=["unchecked: no model could look at it"]
            )
        return
    found.answers.append(answer)
    for number, place in enumerate(places, 1):
        judgement: Judgement = getattr(answer.value, f"text_{number}")
        found.each[place] = Review(
            approved=judgement.allowed,
            reasons=[] if judgement.allowed else [f"meaning: {judgement.reason}"],
            generation_id=answer.generation_id,
            model=answer.model,
            prompt_version=agents.ONLYFANS.prompt_version,
        )
