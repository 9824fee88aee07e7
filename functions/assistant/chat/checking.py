"""Whether an answer may be shown: every number in it is a figure, and every figure was found.

The model writes places instead of numbers (``{f3}``), so that it can misquote none. What is left of
its text must hold no number, neither in signs nor in words.
"""

import re
import unicodedata
from collections.abc import Mapping

from functions.assistant.chat.models import Figure, Saying
from functions.assistant.chat.wording import PLACE

# "Un" and "une" are articles more often than numbers; all others can be said otherwise.
_NUMBER_WORDS = frozenset(
    {
        *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
        *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
        *("eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy"),
        *("eighty", "ninety", "hundred", "hundreds", "thousand", "thousands", "million"),
        *("millions", "billion", "billions", "trillion", "trillions", "dozen", "dozens", "half"),
        *("halved", "third", "thirds", "quarter", "quarters", "twice", "thrice", "double"),
        *("doubled", "triple", "tripled", "quadruple", "quadrupled", "tenfold", "couple", "pair"),
        *("zéro", "deux", "trois", "quatre", "cinq", "sept", "huit", "neuf", "dix", "onze"),
        *("douze", "treize", "quatorze", "quinze", "seize", "vingt", "vingts", "trente"),
        *("quarante", "cinquante", "soixante", "cent", "cents", "mille", "millier", "milliers"),
        *("milliard", "milliards", "dizaine", "dizaines", "douzaine", "douzaines", "vingtaine"),
        *("trentaine", "cinquantaine", "centaine", "centaines", "moitié", "tiers", "quart"),
        *("quarts", "doublé", "triplé", "quadruplé", "septante", "huitante", "nonante"),
    }
)
# A figure comes with its unit, which may be another than the model thinks.
_UNIT_WORDS = frozenset(
    {
        *("dollar", "dollars", "usd", "buck", "bucks", "euro", "euros", "eur"),
        *("gbp", "percent", "pourcent", "pourcents"),
    }
)
_MULTIPLE = re.compile(r"(hundred|thousand|two|three|four|five|six|seven|eight|nine|ten)fold")
_WORD = re.compile(r"[^\W\d_]+")


def problem_of(saying: Saying, figures: Mapping[str, Figure]) -> str | None:
    """What is wrong with an answer, as the model is told; None: nothing."""
    return _wrong_places(saying.text, figures) or _wrong_words(saying)


def _wrong_places(text: str, figures: Mapping[str, Figure]) -> str | None:
    cited = list(PLACE.finditer(text))
    unknown = sorted({place[1] for place in cited} - figures.keys())
    if unknown:
        return f"There is no figure {', '.join(unknown)}; cite only ids of the data."
    nobody = sorted({p[0] for p in cited if p[2] == "who" and figures[p[1]].about is None})
    if nobody:
        return f"{', '.join(nobody)}: these figures are about nobody in particular."
    return None


def _wrong_words(saying: Saying) -> str | None:
    rest = PLACE.sub(" ", saying.text)
    if "{" in rest or "}" in rest:
        return "A place is written {f1}, {f1:when} or {f1:who}, and nothing else in braces."
    if any(sign.isnumeric() for sign in rest):
        return "The text holds digits; write places such as {f1} and {f1:when} instead."
    if any(unicodedata.category(sign) == "Sc" or sign in "%‰" for sign in rest):
        return "The text holds a unit; a place comes with its own."
    if said := _said_in_words(rest, is_answer=saying.kind == "answered"):
        return said
    cites = any(place[2] is None for place in PLACE.finditer(saying.text))
    if saying.kind == "answered" and not cites:
        return "An answer cites a figure at least; if none answers the question, say no_data."
    return None


def _said_in_words(rest: str, *, is_answer: bool) -> str | None:
    words = set(_WORD.findall(unicodedata.normalize("NFKC", rest).casefold()))
    if is_answer and words & _UNIT_WORDS:
        return "The text names a unit; a place comes with its own."
    numbers = sorted(word for word in words if word in _NUMBER_WORDS or _MULTIPLE.fullmatch(word))
    if numbers:
        return f"The text says numbers in words ({', '.join(numbers)}); write places instead."
    return None


def cited_in(text: str, figures: Mapping[str, Figure]) -> list[Figure]:
    """The figures that a text cites, in the order in which they come."""
    ids = dict.fromkeys(place[1] for place in PLACE.finditer(text))
    return [figures[one] for one in ids]
