"""What the cells of an import mean; each function reads one cell that is not blank."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from functions.fans.imports.table import Cell
from huntaze.domain.fans import MAX_TAGS
from huntaze.domain.fans.models import MAX_CENTS, is_email, is_language, is_time_zone

type ReadCell = Callable[[Cell], object]

# What makes a cell a formula in some spreadsheet, the full-width signs of East Asia included; a tab
# or a line end may stand before them.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_YES = frozenset({"true", "t", "yes", "y", "on", "1"})
_NO = frozenset({"false", "f", "no", "n", "off", "0"})
_WRITTEN_BY_ISOFORMAT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}(:[0-9]{2}){2}\+00:00")
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,20})?")
_DECIMAL_COMMA = re.compile(r"-?[0-9]{1,12},[0-9]{1,2}")


def one_text(cell: Cell) -> str:
    """Return the cell without the space around it.

    Raises:
        ValueError: It is a list.
    """
    if isinstance(cell, list):
        raise ValueError("a list where one value belongs")  # noqa: TRY004  (of a row, not a type)
    text = cell.strip()
    # Our export puts an apostrophe before what a spreadsheet would run; take it off again.
    return text[1:] if text[:1] == "'" and _is_quoted(text) else text


def text_up_to(limit: int) -> ReadCell:
    """Make a reader of texts of at most ``limit`` characters."""

    def read(cell: Cell) -> str | None:
        text = one_text(cell)
        if len(text) > limit:
            raise ValueError(f"longer than {limit} characters")
        return text or None

    return read


def one_of(choices: frozenset[str]) -> ReadCell:
    """Make a reader of words, whatever their case."""

    def read(cell: Cell) -> str | None:
        word = one_text(cell).lower()
        if word and word not in choices:
            raise ValueError(f"not one of {', '.join(sorted(choices))}")
        return word or None

    return read


@lru_cache(maxsize=4096)
def _checked(text: str, check: Callable[[str], bool], problem: str) -> str:
    if not check(text):
        raise ValueError(problem)
    return text


def time_zone(cell: Cell) -> str | None:
    """Read an IANA time zone."""
    text = one_text(cell)
    if not text:
        return None
    return _checked(text, is_time_zone, "not an IANA time zone such as Europe/Paris")


def language(cell: Cell) -> str | None:
    """Read a BCP 47 tag."""
    text = one_text(cell)
    if not text:
        return None
    return _checked(text, is_language, "not a language tag such as en or pt-BR")


def email(cell: Cell) -> str | None:
    """Read an address."""
    text = one_text(cell)
    if text and not is_email(text):
        raise ValueError("not an e-mail address")
    return text or None


def flag(cell: Cell) -> bool | None:
    """Read a yes or no."""
    word = one_text(cell).lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    if not word:
        return None
    raise ValueError("neither true nor false")


def remembering(read: ReadCell) -> ReadCell:
    """Make a reader that knows again what it read lately: for columns of few different texts."""
    # So few that cells of the greatest length do not fill the memory.
    known = lru_cache(maxsize=256)(read)

    def read_or_know(cell: Cell) -> object:
        return known(cell) if isinstance(cell, str) else read(cell)

    return read_or_know


def moment(cell: Cell) -> str | None:
    """Read an ISO 8601 time; without a zone it is UTC, without a time it is midnight."""
    text = one_text(cell)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        # Most files are written by a program: this is what is returned below.
        if _WRITTEN_BY_ISOFORMAT.fullmatch(text):
            return text
        # Postgres knows fewer offsets than ISO 8601: it is given UTC.
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("not an ISO 8601 time such as 2026-01-31T18:00:00Z") from None
    return at.isoformat()


def cents(cell: Cell) -> int | None:
    """Read a whole number of cents."""
    text = one_text(cell)
    digits = text.removeprefix("-")
    if not text:
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 13):
        raise ValueError("not a whole number of cents")
    return _within_limits(int(text))


def decimal_cents(cell: Cell) -> int | None:
    """Read an amount in units of the currency, exactly: 12.5 is 1250."""
    text = one_text(cell)
    if not text:
        return None
    if _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    elif not _DECIMAL.fullmatch(text):
        raise ValueError("not a decimal amount such as 12.50")
    value = Decimal(text) * 100
    if value != int(value):
        raise ValueError("a fraction of a cent")
    return _within_limits(int(value))


def _within_limits(value: int) -> int:
    if abs(value) > MAX_CENTS:
        raise ValueError("larger than any amount can be")
    return value


def positive_cents(cell: Cell) -> int | None:
    """Read a whole number of cents, zero or more."""
    value = cents(cell)
    if value is not None and value < 0:
        raise ValueError("below zero")
    return value


def tags(cell: Cell) -> list[str] | None:
    """Read tags: ``a|b``, or a list in JSON lines."""
    parts = cell if isinstance(cell, list) else one_text(cell).split("|")
    found = list(dict.fromkeys(part.strip() for part in parts if part.strip()))
    if len(found) > MAX_TAGS:
        raise ValueError(f"more than {MAX_TAGS} tags")
    if any(len(tag) > 60 for tag in found):
        raise ValueError("a tag longer than 60 characters")
    return found or None


def neutral(text: str) -> str:
    """Return ``text`` so that a spreadsheet shows it and never runs it as a formula.

    An import takes the apostrophe off again; one that was there before gets company, so that it
    stays.
    """
    return f"'{text}" if _would_run(text) or _is_quoted(text) else text


def _would_run(text: str) -> bool:
    # A spreadsheet may take off space before it looks.
    return text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS)


def _is_quoted(text: str) -> bool:
    """Whether it looks like what ``neutral`` makes."""
    return text.startswith("'") and _would_run(text.lstrip("'"))
