"""How the platform shows a text: as it came, or rewritten the way real platforms do."""

import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from markupsafe import Markup, escape

Rewrite = Literal["white_space", "emoji", "links"]
REWRITES: tuple[Rewrite, ...] = ("white_space", "emoji", "links")

EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55\u2764]\ufe0f?")
LINK = re.compile(r"https?://[^\s<>\"]+")
SHOWN_LINK_LENGTH = 24


def displayed_text(text: str, rewrites: Sequence[str]) -> str:
    """Return what a reader sees of ``text``."""
    if "white_space" in rewrites:
        text = " ".join(text.split())
    if "links" in rewrites:
        text = LINK.sub(lambda match: _shown_link(match.group()), text)
    if "emoji" in rewrites:
        text = EMOJI.sub(lambda match: f"{match.group()[0]}\ufe0f", text)
    return text


def displayed_html(text: str, rewrites: Sequence[str]) -> Markup:
    """Return the markup of ``text``: links go through a redirect, emoji become images."""
    if "white_space" in rewrites:
        text = " ".join(text.split())
    if "links" not in rewrites:
        return _with_emoji(text, rewrites)
    parts: list[Markup] = []
    end = 0
    for match in LINK.finditer(text):
        parts.append(_with_emoji(text[end : match.start()], rewrites))
        target = quote(match.group(), safe="")
        parts.append(
            Markup('<a href="/out?url={}">{}</a>').format(target, _shown_link(match.group()))
        )
        end = match.end()
    parts.append(_with_emoji(text[end:], rewrites))
    return Markup("").join(parts)


def _with_emoji(text: str, rewrites: Sequence[str]) -> Markup:
    if "emoji" not in rewrites:
        return escape(text)
    parts: list[Markup] = []
    end = 0
    for match in EMOJI.finditer(text):
        parts.append(escape(text[end : match.start()]))
        parts.append(Markup('<img class="emoji" alt="{}">').format(match.group()[0]))
        end = match.end()
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def _shown_link(link: str) -> str:
    shown = re.sub(r"^https?://(www\.)?", "", link)
    return shown if len(shown) <= SHOWN_LINK_LENGTH else f"{shown[: SHOWN_LINK_LENGTH - 1]}…"
