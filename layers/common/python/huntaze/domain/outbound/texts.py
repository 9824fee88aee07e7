"""What a message may say, and templates: ``{display_name|there}`` is filled from the fan once."""

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated

from psycopg import sql
from pydantic import AfterValidator, Field

from huntaze.errors import InvalidInputError

# Column of `fans` for each placeholder; the fan writes these values, so they are data: joined to
# the text, never read as a template.
PLACEHOLDERS = {"display_name": "display_name", "handle": "handle"}
MAX_TEXT = 3000
# A longer name is none: the fallback reads better.
MAX_NAME = 40

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_LINE_BREAK = re.compile(r"\r\n?")
# All but the tab and the line break, which every form holds.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def with_plain_breaks(text: str) -> str:
    """Write each line break as a form on a page holds it, whoever typed it on what machine."""
    return _LINE_BREAK.sub("\n", text)


def sendable(text: str) -> str:
    """Write a text as a form on a page holds it.

    Raises:
        ValueError: A form would not hold it.
    """
    if _CONTROL.search(text):
        raise ValueError("must hold no control characters besides tabs and line breaks")
    return with_plain_breaks(text)


# On every text that goes to fans, where it comes in: one that the form on the platform's page gives
# back otherwise is never sent, and looks like a page that has changed.
SENDABLE = AfterValidator(sendable)
MessageText = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), SENDABLE]


class TemplateError(InvalidInputError):
    """A message template cannot be filled for every fan."""


@dataclass(frozen=True)
class Slot:
    """A placeholder: the fan's field, or the fallback where that is empty or unfit."""

    field: str
    fallback: str


type Template = list[str | Slot]


def parse(text: str) -> Template:
    """Split ``text`` into literals and slots.

    Raises:
        TemplateError: An unknown field, a missing fallback or a stray brace.
    """
    parts: Template = []
    position = 0
    for match in _PLACEHOLDER.finditer(text):
        parts.append(text[position : match.start()])
        name, bar, fallback = match.group(1).partition("|")
        if name.strip() not in PLACEHOLDERS:
            raise TemplateError(
                f"{{{match.group(1)}}} is no placeholder; use one of "
                + ", ".join(f"{{{known}|…}}" for known in PLACEHOLDERS)
                + "."
            )
        if not bar or not fallback.strip():
            raise TemplateError(
                f"{{{name}}} needs a fallback for fans without one, such as {{{name}|there}}."
            )
        parts.append(Slot(PLACEHOLDERS[name.strip()], fallback.strip()))
        position = match.end()
    parts.append(text[position:])
    if any("{" in part or "}" in part for part in parts if isinstance(part, str)):
        raise TemplateError("A brace has no partner; placeholders look like {display_name|there}.")
    return [part for part in parts if part != ""]


def render(template: Template, fan: dict[str, str | None], *, unfit: re.Pattern[str]) -> str:
    """Fill ``template`` for one fan; the same as :func:`to_sql` does for many."""
    return "".join(
        part if isinstance(part, str) else _value(fan.get(part.field), part.fallback, unfit)
        for part in template
    )


def _value(value: str | None, fallback: str, unfit: re.Pattern[str]) -> str:
    trimmed = (value or "").strip(" ")
    fits = 0 < len(trimmed) <= MAX_NAME and not unfit.search(trimmed)
    return trimmed if fits else fallback


def to_sql(
    template: Template, prefix: str, values: dict[str, object], *, unfit: str, suspect: str
) -> sql.Composed:
    """Compile ``template`` to an SQL text expression over the fans ``f``.

    Args:
        template: What :func:`parse` gave.
        prefix: Makes the parameter names unique within the query.
        values: Receives the parameters; nothing of the template reaches the SQL text.
        unfit: Pattern of fan values that the fallback replaces.
        suspect: A cheaper pattern that all of those match.
    """
    values[f"{prefix}unfit"] = unfit
    values[f"{prefix}suspect"] = suspect
    pieces: list[sql.Composable] = []
    for index, part in enumerate(template):
        name = f"{prefix}{index}"
        if isinstance(part, str):
            values[name] = part
            pieces.append(sql.SQL("{}::text").format(sql.Placeholder(name)))
            continue
        values[name] = part.fallback
        column = sql.SQL("btrim(f.{}, ' ')").format(sql.Identifier(part.field))
        pieces.append(
            sql.SQL(
                "CASE WHEN coalesce(length({column}), 0) NOT BETWEEN 1 AND {longest}"
                " OR CASE WHEN {column} ~ {suspect} THEN {column} ~ {unfit} END"
                " THEN {fallback}::text ELSE {column} END"
            ).format(
                column=column,
                longest=sql.Literal(MAX_NAME),
                suspect=sql.Placeholder(f"{prefix}suspect"),
                unfit=sql.Placeholder(f"{prefix}unfit"),
                fallback=sql.Placeholder(name),
            )
        )
    return sql.SQL(" || ").join(pieces) if pieces else sql.Composed([sql.SQL("''")])


def text_hash(text: str) -> str:
    """SHA-256 of a text, as the ledger keeps it."""
    return hashlib.sha256(text.encode()).hexdigest()
