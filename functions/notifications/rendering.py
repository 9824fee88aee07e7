"""Texts of mails into letters: plain text and HTML that say the same."""

import html
import json
import tomllib
from functools import cache
from pathlib import Path
from string import Template as Text
from typing import Any

from huntaze.domain.mails import NOTICES, Template

_TEXTS = Path(__file__).with_name("texts")
LANGUAGES = ("en", "fr")
LOGO_ID = "logo"


def render(template: Template, language: str, facts: dict[str, str]) -> tuple[str, str, str]:
    """Make subject, text and HTML of a mail.

    Args:
        template: What it is about.
        language: In which language.
        facts: What the texts name. A name may hold anything; it never becomes a header or a tag.
    """
    language = language if language in LANGUAGES else LANGUAGES[0]
    texts = _texts(language)
    parts: dict[str, Any] = texts[template]
    if "items" in parts:
        parts, facts = _with_items(parts, facts)
    plain = {name: _one_line(value) for name, value in facts.items()}
    safe = {name: html.escape(value) for name, value in plain.items()}
    footer = texts["notice_footer" if template in NOTICES else "footer"]["lines"]
    return (
        _fill(parts["subject"], plain),
        _as_text(parts, footer, plain),
        _as_html(parts, footer, safe, language),
    )


def _with_items(
    parts: dict[str, Any], facts: dict[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Add a line for each thing of a list: its kind has a text, and what it is about has a name."""
    items = [(kind, about or "") for kind, about in json.loads(facts["items"])]
    lines = [
        "• " + Text(parts["items"][kind]).substitute(about=f"${{about_{number}}}")
        for number, (kind, _) in enumerate(items)
    ]
    named = {f"about_{number}": about for number, (_, about) in enumerate(items)}
    return {**parts, "lines": [*parts["lines"], *lines]}, {**facts, **named}


def logo() -> bytes:
    """The picture at the top, which travels with the mail: nothing is fetched to show it."""
    return (_TEXTS / "logo.png").read_bytes()


@cache
def _texts(language: str) -> dict[str, Any]:
    return tomllib.loads((_TEXTS / f"{language}.toml").read_text())


@cache
def _layout() -> Text:
    return Text((_TEXTS / "layout.html").read_text())


def _as_text(parts: dict[str, Any], footer: list[str], facts: dict[str, str]) -> str:
    blocks = [_fill(line, facts) for line in parts["lines"]]
    blocks.append(f"{parts['button']}:\n{facts['url']}")
    blocks += [_fill(line, facts) for line in parts.get("after", [])]
    return "\n\n".join([*blocks, "-- ", *footer]) + "\n"


def _as_html(parts: dict[str, Any], footer: list[str], facts: dict[str, str], language: str) -> str:
    def paragraphs(lines: list[str]) -> str:
        return "\n".join(f"<p>{_fill(html.escape(line), facts)}</p>" for line in lines)

    return _layout().substitute(
        language=language,
        title=_fill(html.escape(parts["subject"]), facts),
        lines=paragraphs(parts["lines"]),
        button=html.escape(parts["button"]),
        url=facts["url"],
        after=paragraphs(parts.get("after", [])),
        footer=paragraphs(footer),
        logo=LOGO_ID,
    )


def _fill(text: str, facts: dict[str, str]) -> str:
    return Text(text).substitute(facts)


def _one_line(value: str) -> str:
    return " ".join(value.split())
