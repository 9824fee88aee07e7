"""Rules that every outbound text passes, whoever wrote it; the rules are data, per platform."""

import json
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

_RULES = Path(__file__).with_name("rules.json")
# Zero-width characters and the like split a banned word without a reader seeing it.
_INVISIBLE = re.compile(r"[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
# A fan chooses the display name: no brace, link, address, long number, line break or control.
_UNFIT_NAME = r"[{}<>@\\/]|www|http|[0-9]{4,}|[\x01-\x1f\x7f]|^.{41,}$"


class Verdict(BaseModel):
    """What the rules say of a text."""

    model_config = ConfigDict(frozen=True)

    passed: bool
    # Each reads "<category>: <what was found>".
    reasons: list[str]


class _PlatformRules(BaseModel):
    words: dict[str, list[str]]
    patterns: list[tuple[str, str, str]]
    min_price_cents: int
    max_price_cents: int
    max_length: int


@cache
def _rules(platform: str) -> _PlatformRules:
    every: dict[str, dict[str, Any]] = json.loads(_RULES.read_text())
    parts = [every["any"], every.get(platform, {})]
    return _PlatformRules(
        words={term["category"]: term["words"] for part in parts for term in part.get("terms", [])},
        patterns=[
            (rule["category"], rule["pattern"], rule["reason"])
            for part in parts
            for rule in part.get("patterns", [])
        ],
        min_price_cents=every["any"]["min_price_cents"],
        max_price_cents=every["any"]["max_price_cents"],
        max_length=every["any"]["max_length"],
    )


@cache
def _word_pattern(platform: str) -> re.Pattern[str]:
    words = [word for words in _rules(platform).words.values() for word in words]
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(r"\b(" + "|".join(re.escape(word) for word in longest_first) + r")\b")


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    return re.sub(r"\s+", " ", _INVISIBLE.sub("", folded))


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
    found = {match.group(1) for match in _word_pattern(platform).finditer(plain)}
    for category, words in rules.words.items():
        reasons.extend(f"{category}: “{word}”" for word in words if word in found)
    for category, pattern, reason in rules.patterns:
        if re.search(pattern, plain):
            reasons.append(f"{category}: {reason}")
    reasons.extend(_price_reasons(rules, price_cents, media_count))
    return Verdict(passed=not reasons, reasons=reasons)


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


@cache
def unfit_name_pattern(platform: str) -> str:
    """A pattern of fan names that must not be put into a text.

    Written in what Python's and Postgres' regular expressions share, and searched without regard
    to case, so that one fan and a hundred thousand are judged alike.
    """
    words = sorted({word for words in _rules(platform).words.values() for word in words})
    return _UNFIT_NAME + "|" + "|".join(re.escape(word).replace("\\ ", " ") for word in words)


@cache
def no_name() -> re.Pattern[str]:
    """A pattern that accepts every name; for texts that are filled with fallbacks alone."""
    return re.compile(r"(?!)")
