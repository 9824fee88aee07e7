"""How a creator writes, counted from the creator's own messages.

A phrase is kept if it was said to several fans, and never if it names one: what a style quotes goes
into the prompt of every conversation, so it must be nobody's in particular.
"""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from huntaze.ai.agents.voice import LearnedStyle

# Fewer messages say little.
LEAST = 30
_MOST_PHRASES, _MOST_EMOJI, _MOST_OPENINGS = 8, 8, 5
# So many fans must have been told the same.
_FANS = 3
_LONGEST_PHRASE = 60
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_EMOJI = re.compile(
    "[\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2764](?:\ufe0f|\u200d[\U0001f300-\U0001faff])*"
)
_SENTENCE = re.compile(r"[^.!?…\n]+[.!?…]*")
_NOT_WORDS = re.compile(r"[\d@#:/{}<>]")
_FORMAL, _FAMILIAR = re.compile(r"\bvous\b"), re.compile(r"\b(tu|toi|te|t'|ton|ta|tes)\b")
_SHORT, _LONG = 60, 200
_OFTEN, _SOMETIMES = 0.4, 0.1


class Own(NamedTuple):
    """A message that a person of the creator's wrote.

    Args:
        fan_id: To whom.
        text: What it says.
        price_cents: What it cost to open; 0: nothing.
        paid: Whether the fan opened it.
    """

    fan_id: UUID
    text: str
    price_cents: int = 0
    paid: bool = False


class StyleFigures(BaseModel):
    """What a style was counted from, and what earned."""

    model_config = ConfigDict(frozen=True)

    messages: int
    fans: int
    median_length: int
    emoji_share: float
    question_share: float
    exclamation_share: float
    offers: int
    offers_opened: int
    earned_cents: int
    opened_median_length: int | None
    unopened_median_length: int | None


def profile(messages: Sequence[Own], names: Iterable[str]) -> tuple[LearnedStyle, StyleFigures]:
    """Count what a creator's messages have in common.

    Args:
        messages: Of this creator alone, written by people.
        names: Of the creator's fans: no phrase holds one.
    """
    texts = [one.text for one in messages]
    forbidden = {word for name in names for word in _words(name)}
    figures = _figures(messages)
    style = LearnedStyle(
        length=_length(figures.median_length),
        emoji=_how_often(figures.emoji_share),
        favourite_emoji=tuple(_common_emoji(messages)),
        questions=_how_often(figures.question_share),
        exclamations=_how_often(figures.exclamation_share),
        begins_small=_how_often(_share(texts, lambda text: text[:1].islower())),
        address=_address(texts),
        openings=tuple(_openings(messages, forbidden)),
        phrases=tuple(_phrases(messages, forbidden)),
        offers=_what_earned(figures),
    )
    return style, figures


def _figures(messages: Sequence[Own]) -> StyleFigures:
    texts = [one.text for one in messages]
    offers = [one for one in messages if one.price_cents]
    opened = [one for one in offers if one.paid]
    unopened = [one for one in offers if not one.paid]
    return StyleFigures(
        messages=len(messages),
        fans=len({one.fan_id for one in messages}),
        median_length=_median(texts) or 0,
        emoji_share=_share(texts, lambda text: bool(_EMOJI.search(text))),
        question_share=_share(texts, lambda text: "?" in text),
        exclamation_share=_share(texts, lambda text: "!" in text),
        offers=len(offers),
        offers_opened=len(opened),
        earned_cents=sum(one.price_cents for one in opened),
        opened_median_length=_median([one.text for one in opened]),
        unopened_median_length=_median([one.text for one in unopened]),
    )


def _phrases(messages: Sequence[Own], forbidden: set[str]) -> list[str]:
    """Whole sentences that several fans were told, the most usual first."""
    told: dict[str, set[UUID]] = defaultdict(set)
    for one in messages:
        for sentence in _SENTENCE.findall(one.text):
            if _is_anybodys(sentence.strip(), forbidden):
                told[sentence.strip()].add(one.fan_id)
    return _most_told(told, _MOST_PHRASES)


def _openings(messages: Sequence[Own], forbidden: set[str]) -> list[str]:
    told: dict[str, set[UUID]] = defaultdict(set)
    for one in messages:
        words = _words(one.text)[:1]
        if words and not forbidden.intersection(words):
            told[words[0]].add(one.fan_id)
    return _most_told(told, _MOST_OPENINGS)


def _common_emoji(messages: Sequence[Own]) -> list[str]:
    told: dict[str, set[UUID]] = defaultdict(set)
    for one in messages:
        for emoji in _EMOJI.findall(one.text):
            told[emoji].add(one.fan_id)
    return _most_told(told, _MOST_EMOJI)


def _most_told(told: dict[str, set[UUID]], most: int) -> list[str]:
    count = Counter({what: len(fans) for what, fans in told.items() if len(fans) >= _FANS})
    # Of those that are told alike, always the same first: the prompt's beginning must not change.
    return sorted(count, key=lambda what: (-count[what], what))[:most]


def _is_anybodys(sentence: str, forbidden: set[str]) -> bool:
    words = _words(sentence)
    return (
        len(words) > 1
        and len(sentence) <= _LONGEST_PHRASE
        and not _NOT_WORDS.search(sentence)
        and not forbidden.intersection(words)
    )


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _share(texts: Sequence[str], has: Callable[[str], bool]) -> float:
    return round(sum(map(has, texts)) / len(texts), 3) if texts else 0.0


def _median(texts: Sequence[str]) -> int | None:
    return round(statistics.median(map(len, texts))) if texts else None


def _length(median: int) -> str:
    if median < _SHORT:
        return f"short: about {median} signs"
    return f"{'long' if median > _LONG else 'medium'}: about {median} signs"


def _how_often(share: float) -> str:
    if share >= _OFTEN:
        return "often"
    return "sometimes" if share >= _SOMETIMES else "rarely"


def _address(texts: Sequence[str]) -> str | None:
    """Whether French is spoken with the formal or the familiar word; None: with neither."""
    formal = sum(bool(_FORMAL.search(text.casefold())) for text in texts)
    familiar = sum(bool(_FAMILIAR.search(text.casefold())) for text in texts)
    if formal + familiar < len(texts) * _SOMETIMES:
        return None
    return "vous" if formal > familiar else "tu"


def _what_earned(figures: StyleFigures) -> str | None:
    opened, unopened = figures.opened_median_length, figures.unopened_median_length
    if opened is None or unopened is None:
        return None
    if abs(opened - unopened) * 5 < unopened:
        return "the length of an offer made no difference"
    return f"{'shorter' if opened < unopened else 'longer'} offers were opened more"
