"""Which names of fans may stand in a text.

Fans choose their names, so a name is judged more strictly than a creator's own words. The pattern
is written in what Python's and Postgres' regular expressions share, and spells both cases of each
letter out: their ideas of ignoring case differ, and one fan and a hundred thousand must be judged
alike.
"""

import re
from collections.abc import Iterable

# No brace, link, address, long number, line break or control.
_SIGNS = r"[{}<>@\\/]"
_CONTROLS = r"[\x01-\x1f\x7f\u0080-\u009f]"
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
# So many letters of a banned word make a name suspect.
_PART = 3
# Letters from rare to common in names; what is not among them is rarer still.
_COMMON = "qxzjwvykpfbgmuhdcotlsrniea"


def _either_case(char: str) -> str:
    if char == " ":
        return " ?"
    # A letter whose capital is two letters, such as a sharp s, stands for itself.
    both = char.isalpha() and len(char.upper()) == 1
    return f"[{char}{char.upper()}]" if both else re.escape(char)


def _any_of(words: Iterable[str]) -> str:
    """An expression for any of ``words`` in which common beginnings are written once.

    What Postgres spends on a name grows with the size of the expression: written as a flat list,
    these words were a quarter of the time of a plan of a hundred thousand fans.
    """
    endings: dict[str, set[str]] = {}
    for word in words:
        endings.setdefault(word[:1], set()).add(word[1:])
    may_end = endings.pop("", None) is not None
    branches = [_either_case(first) + _any_of(rest) for first, rest in sorted(endings.items())]
    if len(branches) == 1 and not may_end:
        return branches[0]
    return f"({'|'.join(branches)}){'?' if may_end else ''}" if branches else ""


def _shortest(words: Iterable[str]) -> set[str]:
    """The words that hold no other: finding those finds all."""
    given = set(words)
    return {word for word in given if not any(other in word for other in given if other != word)}


def _alone(pattern: str) -> str:
    return f"(^|{_NO_LETTER})({pattern})({_NO_LETTER}|$)"


def _rarest(word: str) -> str:
    """The part of a word that the fewest names hold."""
    parts = [word[start : start + _PART] for start in range(len(word) - _PART + 1)]
    # A gap may be left out, so what holds one says little.
    solid = [part for part in parts if " " not in part] or [word]
    return min(solid, key=lambda part: (sum(map(_COMMON.find, part)), part))


def suspect_pattern(banned: Iterable[str]) -> str:
    """A short pattern that every unfit name matches, and few others do.

    What Postgres spends on a name grows with the pattern; so it looks here first.
    """
    sites = "".join(sorted({site[0] + site[0].upper() for site in _SITES}))
    # One class of everything that is unfit by itself costs a tenth of three.
    unfit = "[" + "".join(part[1:-1] for part in (_SIGNS, _CONTROLS, _UNSEEN, _COSTUMES)) + "]"
    telling = {_rarest(word) for word in _shortest({"www", "http", *banned})}
    return "|".join(
        [unfit, "[0-9]{4}", "[0-9][ -]?[yYaA]", f"[.][{sites}]", _BLANK, _any_of(telling)]
    )


def unfit_pattern(banned: Iterable[str]) -> str:
    """The pattern of names that a fallback replaces."""
    words = set(banned)
    short = [word for word in words if len(word) <= _STANDS_ALONE]
    long = [word for word in words if len(word) > _STANDS_ALONE]
    return "|".join(
        [
            _SIGNS,
            _CONTROLS,
            "[0-9]{4}",
            _BLANK,
            _UNSEEN,
            _COSTUMES,
            rf"[.]{_any_of(_SITES)}({_NO_LETTER}|$)",
            rf"(^|[^0-9])(1[0-7]|[1-9])[ -]?{_any_of(('yo', 'year', 'yr', 'ans'))}",
            _alone(_any_of(short)),
            _any_of(_shortest({"www", "http", *long})),
        ]
    )
