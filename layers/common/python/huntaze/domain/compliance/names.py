"""Which names of fans may stand in a text.

Fans choose their names, so a name is judged more strictly than a creator's own words. The pattern
is written in what Python's and Postgres' regular expressions share, and spells both cases of each
letter out: their ideas of ignoring case differ, and one fan and a hundred thousand must be judged
alike.
"""

import re
from collections.abc import Iterable

# No brace, link, address, long number, line break or control, and not forty letters of anything.
_SHAPE = r"[{}<>@\\/]|[0-9]{4,}|[\x01-\x1f\x7f\u0080-\u009f]|^.{41,}$"
_BLANK = r"^[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u2800]*$"
# What is invisible, turns the direction of a line, or strikes letters through.
_UNSEEN = (
    r"[\u00ad\u0332-\u0338\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]"
)
# Alphabets for mathematics and show, in which a banned word would pass unread.
_COSTUMES = (
    r"[\u2070-\u209f\u2100-\u214f\u2460-\u24ff\uff00-\uffef\U0001d400-\U0001d7ff"
    r"\U0001f100-\U0001f1e5]"
)
_LETTER = "[a-zA-Z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]"
_NO_LETTER = "[^" + _LETTER[1:]
_SITES = ("com", "net", "org", "gg", "ly", "me", "io", "co", "tv", "fr", "link", "xyz")
# Shorter words are parts of real names: Salvador, Violet, Rothschild.
_STANDS_ALONE = 5


def _either_case(word: str) -> str:
    return "".join(
        f"[{char}{char.upper()}]"
        if char.isalpha() and len(char.upper()) == 1
        else re.escape(char)
        if char != " "
        else " ?"
        for char in word
    )


def _alone(pattern: str) -> str:
    return f"(^|{_NO_LETTER})({pattern})({_NO_LETTER}|$)"


def unfit_pattern(banned: Iterable[str]) -> str:
    """The pattern of names that a fallback replaces."""
    words = sorted(set(banned))
    short = "|".join(_either_case(word) for word in words if len(word) <= _STANDS_ALONE)
    long = "|".join(_either_case(word) for word in words if len(word) > _STANDS_ALONE)
    sites = "|".join(map(_either_case, _SITES))
    years = "|".join(map(_either_case, ("yo", "year", "yr", "ans")))
    return "|".join(
        [
            _SHAPE,
            _BLANK,
            _UNSEEN,
            _COSTUMES,
            _either_case("www"),
            _either_case("http"),
            rf"[.]({sites})({_NO_LETTER}|$)",
            rf"(^|[^0-9])(1[0-7]|[1-9])[ -]?({years})",
            _alone(short),
            long,
        ]
    )
