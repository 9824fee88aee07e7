"""What a text that a model wrote must pass before it is kept."""

from collections.abc import Iterable

from pydantic import BaseModel

from functions.campaigns.models import Variant
from functions.campaigns.plan import sample_text
from huntaze.ai.agents import Voice
from huntaze.domain import compliance
from huntaze.domain.compliance.amounts import names_amount
from huntaze.domain.compliance.review import forbidden_topics_in
from huntaze.domain.outbound.texts import TemplateError, parse


class Refused(BaseModel):
    """A text that did not pass, and why."""

    text: str
    reasons: list[str]


class Screened(BaseModel):
    """Texts that may be used, and those that may not."""

    passed: list[str]
    refused: list[Refused]


def objections(text: str, voice: Voice, *, price_cents: int = 0, media_count: int = 0) -> list[str]:
    """What the rules object to in a text as fans would read it; nothing when it passes."""
    try:
        parse(text)
    except TemplateError as error:
        return [f"placeholder: {error.detail}"]
    shown = sample_text(Variant(label="A", message=text))
    verdict = compliance.check(
        shown, platform=voice.platform, price_cents=price_cents, media_count=media_count
    )
    found = [*verdict.reasons, *forbidden_topics_in(shown, voice)]
    # Offers are the system's: a text that names an amount could contradict it.
    if names_amount(text):
        found.append("amount: only the system says what something costs")
    return found


def screen(
    texts: Iterable[str], voice: Voice, *, price_cents: int = 0, media_count: int = 0
) -> Screened:
    """Part texts by the rules; of equal ones the first is kept."""
    passed: list[str] = []
    refused: list[Refused] = []
    for text in dict.fromkeys(texts):
        reasons = objections(text, voice, price_cents=price_cents, media_count=media_count)
        if reasons:
            refused.append(Refused(text=text, reasons=reasons))
        else:
            passed.append(text)
    return Screened(passed=passed, refused=refused)


def judged(texts: list[str], judgements: dict[str, dict[str, object]]) -> Screened:
    """Part texts by the model's check; one that it said nothing of does not pass."""
    passed: list[str] = []
    refused: list[Refused] = []
    for number, text in enumerate(texts, 1):
        judgement = judgements.get(f"text_{number}", {"allowed": False, "reason": "not judged"})
        if judgement["allowed"] is True:
            passed.append(text)
        else:
            refused.append(Refused(text=text, reasons=[f"check: {judgement['reason']}"]))
    return Screened(passed=passed, refused=refused)
