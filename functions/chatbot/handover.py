"""What a machine does not answer: found by rules, before any model reads it.

The rules are data, ``handover.json``, by topic and language; all languages are looked at, whatever
a fan says that they write. A model may find more, never less.
"""

import base64
import binascii
import codecs
import html
import json
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from huntaze.ai.agents.outputs import Topic
from huntaze.domain import compliance

_RULES = Path(__file__).with_name("handover.json")
# Nobody writes that much by hand.
_LONGEST = 3000
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[ :]?){8,}")
_ESCAPES = re.compile(r"\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}")
# Signs that no keyboard has: they carry text that no reader sees.
_TAGS = re.compile("[\U000e0020-\U000e007e]")
_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Between letters; emoji are joined by one of them.
_UNSEEN = re.compile("(?<=[a-zA-Z])[\u200b-\u200d\u2060\ufeff](?=[a-zA-Z])")
_FLAG = "\U0001f3f4"
_READABLE = 0.9
_SHORTEST = 6
_MOST_UNSEEN = 2


class Finding(NamedTuple):
    """A topic that a message touches.

    Args:
        topic: Which.
        reason: For a person; it quotes nothing.
    """

    topic: Topic
    reason: str


def findings(text: str, *, platform: str, forbidden: tuple[str, ...] = ()) -> list[Finding]:
    """Find what a person must answer.

    Args:
        text: What a fan wrote.
        platform: Where.
        forbidden: The topics that the creator does not want to be spoken of.
    """
    found: dict[Topic, str] = {}
    for seen, how in _readings(text):
        for form in compliance.forms(seen, platform=platform):
            for topic, pattern in _patterns():
                if topic not in found and pattern.search(form):
                    found[topic] = f"{topic.value}: the words{how} say so"
        for word in forbidden:
            if re.search(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", seen.casefold()):
                found.setdefault(Topic.FORBIDDEN_TOPIC, "forbidden_topic: the creator's own list")
    if trick := _trick(text):
        found.setdefault(Topic.INJECTION, f"injection: {trick}")
    return [Finding(topic, reason) for topic, reason in found.items()]


@cache
def _patterns() -> list[tuple[Topic, re.Pattern[str]]]:
    rules: dict[str, dict[str, list[str]]] = json.loads(_RULES.read_text("utf-8"))
    return [
        (Topic(topic), re.compile("|".join(f"(?:{one})" for one in every), re.DOTALL))
        for topic, languages in rules.items()
        for every in languages.values()
    ]


def _readings(text: str) -> Iterator[tuple[str, str]]:
    """The text, and what it says when it is decoded, with how."""
    shown = "".join(_untagged(sign) for sign in text)
    yield shown, ""
    plain = html.unescape(unquote(shown))
    if plain != shown:
        yield plain, ", unescaped,"
    for decoded in (*_encoded(shown), *_escaped(shown)):
        yield decoded, ", decoded,"
    yield shown[::-1], ", read backwards,"
    yield codecs.decode(shown, "rot13"), ", turned by thirteen letters,"
    bare = unicodedata.normalize("NFKD", shown)
    yield "".join(sign for sign in bare if not unicodedata.combining(sign)), ", without accents,"


def _untagged(sign: str) -> str:
    return chr(ord(sign) - 0xE0000) if _TAGS.match(sign) else sign


def _encoded(text: str) -> Iterator[str]:
    for match in _BASE64.findall(text):
        padded = match + "=" * (-len(match) % 4)
        for decode in (base64.b64decode, base64.urlsafe_b64decode):
            try:
                yield from _readable(decode(padded))
            except (binascii.Error, ValueError):
                continue
    for match in _HEX.findall(text):
        yield from _readable(bytes.fromhex(re.sub(r"[ :]", "", match)))


def _escaped(text: str) -> Iterator[str]:
    if _ESCAPES.search(text):
        yield _ESCAPES.sub(_sign, text)


def _sign(escape: re.Match[str]) -> str:
    # Both kinds begin with two signs.
    digits = escape.group()[2:]
    return chr(int(digits, 16))


def _readable(data: bytes) -> Iterator[str]:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    letters = sum(sign.isalpha() or sign.isspace() for sign in text)
    if len(text) >= _SHORTEST and letters >= _READABLE * len(text):
        yield text


def _trick(text: str) -> str | None:
    """What no fan does by accident."""
    if len(text) > _LONGEST:
        return "it is longer than anybody writes by hand"
    if _TAGS.search(text) and _FLAG not in text:
        return "it holds signs that nobody sees"
    if _OVERRIDES.search(text) or len(_UNSEEN.findall(text)) > _MOST_UNSEEN:
        return "it holds signs that hide what it says"
    if any(_encoded(text)):
        return "it holds encoded text"
    return None
