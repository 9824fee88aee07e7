"""Rules that every outbound text passes, whoever wrote it; the rules are data, per platform."""

import json
import re
import unicodedata
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from huntaze.domain.compliance.names import suspect_pattern, unfit_pattern

_RULES = Path(__file__).with_name("rules.json")
# Zero-width characters and the like split a banned word without a reader seeing it.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
# "t e l e g r a m", "k.i.k": single letters that a reader puts together.
_SPACED = re.compile(r"(?<![^\W_])(?:[^\W\d_][ ._*~-]{1,2}){2,}[^\W\d_](?![^\W_])")
# "e s c o r t à Lyon", "I k i k": a word of one letter stands before or after what is spelled.
_WORDS_BESIDE = ((0, 0), (1, 0), (0, 1), (1, 1))
_SEPARATORS = re.compile(r"[ ._*~-]")
# Typography writes one dash in many ways, and a blank that is a letter to machines.
_STROKES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-") | {0x2800: " "}
_MARKS = {"Mn", "Me"}
_CAPITAL_I = re.compile("(?<=[a-z])I")
# "#HotTeenGirl" has words without gaps.
_NEXT_WORD = re.compile("(?<=[a-z])(?=[A-Z])")
_UNBROKEN = re.compile(r"\S+")
_DIGIT_IN_WORD = re.compile(r"[^\W\d_][\d@$!]|[\d@$!][^\W\d_]")


class Verdict(BaseModel):
    """What the rules say of a text."""

    model_config = ConfigDict(frozen=True)

    passed: bool
    # Each reads "<category>: <what was found>".
    reasons: list[str]


class _Terms(BaseModel):
    """Words of a category, and the phrases in which they mean something else."""

    category: str
    words: list[str]
    innocent: list[str] = []


class _Pattern(BaseModel):
    category: str
    pattern: str
    reason: str


class _PlatformRules(BaseModel):
    terms: list[_Terms]
    patterns: list[_Pattern]
    # Words that only their accents tell from a banned one.
    accented: list[str]
    lookalikes: dict[int, str]
    digits: dict[int, str]
    min_price_cents: int
    max_price_cents: int
    max_length: int

    def words(self) -> list[str]:
        """Every banned word, the longest first: a phrase is found before its parts."""
        words = {word for terms in self.terms for word in terms.words}
        return sorted(words, key=lambda word: (-len(word), word))


@cache
def _rules(platform: str) -> _PlatformRules:
    every: dict[str, dict[str, Any]] = json.loads(_RULES.read_text("utf-8"))
    tricks = every.pop("tricks")
    parts = [every["any"], every.get(platform, {})]
    return _PlatformRules(
        terms=[terms for part in parts for terms in part.get("terms", [])],
        patterns=[rule for part in parts for rule in part.get("patterns", [])],
        accented=tricks["accented"],
        lookalikes={
            ord(twin): letter for letter, twins in tricks["lookalikes"].items() for twin in twins
        },
        digits={ord(digit): letter for digit, letter in tricks["digits"].items()},
        min_price_cents=every["any"]["min_price_cents"],
        max_price_cents=every["any"]["max_price_cents"],
        max_length=every["any"]["max_length"],
    )


def said_of(phrases: Iterable[str], text: str, *, platform: str) -> list[str]:
    """The phrases that a reader finds in a text, whatever apostrophes, dashes or accents it has.

    Args:
        phrases: Words that are looked for as a whole.
        text: As the fan would read it.
        platform: Whose tricks are seen through.
    """
    rules = _rules(platform)
    forms = dict.fromkeys(_bare(form) for form in _disguised(_plain(text), rules))
    found = []
    for phrase in phrases:
        words = _SEPARATORS.split(_bare(_plain(phrase).translate(rules.lookalikes)).strip())
        pattern = _SEPARATORS.pattern.join(map(re.escape, words))
        if pattern and any(re.search(rf"(?<![^\W_]){pattern}(?![^\W_])", form) for form in forms):
            found.append(phrase)
    return found


@cache
def _word_pattern(platform: str) -> re.Pattern[str]:
    # A hashtag leaves the gaps of a phrase out.
    gap = f"{_SEPARATORS.pattern}?"
    banned = "|".join(
        gap.join(map(re.escape, _SEPARATORS.split(word))) for word in _rules(platform).words()
    )
    return re.compile(rf"(?<![^\W_])({banned})(?![^\W_])")


@cache
def _innocent(platform: str, category: str) -> re.Pattern[str] | None:
    phrases = [
        phrase
        for terms in _rules(platform).terms
        if terms.category == category
        for phrase in terms.innocent
    ]
    return re.compile("|".join(phrases)) if phrases else None


def _plain(text: str) -> str:
    """The text as a reader takes it in: one spelling of each letter, nothing invisible."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_STROKES)
    folded = re.sub("[\u2018\u2019\u02bc\u00b4`]", "'", folded)
    composed = unicodedata.normalize("NFC", _INVISIBLE.sub("", folded))
    # A mark that no letter took up strikes it through or decorates it.
    bare = "".join(char for char in composed if unicodedata.category(char) not in _MARKS)
    return re.sub(r"\s+", " ", bare)


def _unaccented(form: str, rules: _PlatformRules) -> str:
    """The text without accents: a reader takes "téen" for what it stands for."""
    return _bare(re.sub(rf"\b({'|'.join(rules.accented)})\b", "…", form))


def _bare(form: str) -> str:
    if form.isascii():
        return form
    apart = unicodedata.normalize("NFD", form)
    return "".join(char for char in apart if unicodedata.category(char) not in _MARKS)


def _disguised(plain: str, rules: _PlatformRules) -> list[str]:
    """What the text would say without twins of letters, digits in their place, and gaps."""
    latin = plain.translate(rules.lookalikes)
    # A one is an i or an l.
    other = {**rules.digits, ord("1"): "l"}
    forms = [plain, latin]
    for before, after in _WORDS_BESIDE:
        spelled = _SPACED.sub(lambda match: _joined(match.group(), before, after), latin)  # noqa: B023
        forms.append(spelled)
        forms += [_with_letters(spelled, letters) for letters in (rules.digits, other)]
    return forms


def _with_letters(form: str, letters: dict[int, str]) -> str:
    """The text with letters in the place of the digits that stand amid letters."""

    # Run by run: one expression for both would look at each run once for each of its signs.
    def read(run: re.Match[str]) -> str:
        shown = run.group()
        return shown.translate(letters) if _DIGIT_IN_WORD.search(shown) else shown

    return _UNBROKEN.sub(read, form)


def _joined(letters: str, before: int, after: int) -> str:
    """Letters as the word that they spell, without those at its sides that are words themselves."""
    word = _SEPARATORS.sub("", letters)
    end = len(word) - after
    return " ".join(part for part in (word[:before], word[before:end], word[end:]) if part)


def forms(text: str, *, platform: str) -> list[str]:
    """What a text says to a reader: as it stands, and without its disguises; in small letters."""
    return list(dict.fromkeys(_disguised(_plain(text), _rules(platform))))


def check(text: str, *, platform: str, price_cents: int = 0, media_count: int = 0) -> Verdict:
    """Judge a text and its offer.

    Args:
        text: As the fan would read it.
        platform: Whose terms apply.
        price_cents: 0, or the price of the media.
        media_count: Items attached.
    """
    rules = _rules(platform)
    plain = _plain(text)
    reasons: list[str] = []
    if not plain.strip() and not media_count:
        reasons.append("empty: the message has neither text nor media")
    if len(text) > rules.max_length:
        reasons.append(f"length: {len(text)} characters, at most {rules.max_length} are allowed")
    reasons.extend(_text_reasons(text, plain, platform))
    reasons.extend(_price_reasons(rules, price_cents, media_count))
    return Verdict(passed=not reasons, reasons=reasons)


def _text_reasons(text: str, plain: str, platform: str) -> list[str]:
    rules = _rules(platform)
    forms = list(dict.fromkeys(_disguised(plain, rules)))
    # Amid small letters, a capital i is read as an l, and any other one as the start of a word.
    others = {_CAPITAL_I.sub("l", text), _NEXT_WORD.sub(" ", text)} - {text}
    worded = [*forms, *(form for one in others for form in _disguised(_plain(one), rules))]
    reasons: dict[str, None] = {}
    words_of = cache(partial(_banned_in, platform=platform))
    for terms in rules.terms:
        seen = _without_innocent(list(dict.fromkeys(worded)), platform, terms.category)
        # What is innocent was taken out of most categories alike: each form is looked at once.
        found = {word for form in seen for word in words_of(form)}
        # Of a word that is listed with a space, a dash and neither, the first tells enough.
        named: dict[str, str] = {}
        for word in terms.words:
            named.setdefault(_SEPARATORS.sub("", word), word)
        reasons |= {
            f"{terms.category}: “{word}”": None for key, word in named.items() if key in found
        }
    for rule in rules.patterns:
        # Digits and gaps mean themselves here: a price is no word, an address has dots.
        seen = _without_innocent(forms[:2], platform, rule.category)
        if any(re.search(rule.pattern, form) for form in seen):
            reasons[f"{rule.category}: {rule.reason}"] = None
    return list(reasons)


def _banned_in(form: str, *, platform: str) -> set[str]:
    """The banned words of a form, as they are and without accents, without their gaps."""
    ways = dict.fromkeys((form, _unaccented(form, _rules(platform))))
    return {
        _SEPARATORS.sub("", match) for way in ways for match in _word_pattern(platform).findall(way)
    }


def _without_innocent(forms: list[str], platform: str, category: str) -> list[str]:
    innocent = _innocent(platform, category)
    return forms if innocent is None else [innocent.sub(" … ", form) for form in forms]


def _price_reasons(rules: _PlatformRules, price_cents: int, media_count: int) -> list[str]:
    if price_cents == 0:
        return []
    reasons = []
    if not rules.min_price_cents <= price_cents <= rules.max_price_cents:
        reasons.append(
            f"price: {price_cents} cents; a paid message costs"
            f" {rules.min_price_cents} to {rules.max_price_cents} cents"
        )
    if media_count == 0:
        reasons.append("price: a paid message needs media to unlock")
    return reasons


def _words_in_names(platform: str) -> list[str]:
    """Banned words that a name may be made of; a sentence is nobody's name."""
    return [word for word in _rules(platform).words() if word.count(" ") < 2]


@cache
def unfit_name_pattern(platform: str) -> str:
    """A pattern of fan names that must not be put into a text; see :mod:`.names`."""
    return unfit_pattern(_words_in_names(platform))


@cache
def suspect_name_pattern(platform: str) -> str:
    """A shorter pattern that every unfit name matches, too; to be asked first."""
    return suspect_pattern(_words_in_names(platform))


@cache
def no_name() -> re.Pattern[str]:
    """A pattern that accepts every name; for texts that are filled with fallbacks alone."""
    return re.compile(r"(?!)")
