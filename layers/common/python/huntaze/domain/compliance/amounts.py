"""Whether a text names an amount or a share: what something costs, no model may decide or know."""

import re

# A unit is enough: what stands before it may be written in words.
_UNITS = "usd|eur|gbp|dollars?|euros?|bucks?|quid|balles|percent|pourcents?|pour cent"
_AMOUNT = re.compile(
    rf"[$€£¥]|\b(?:{_UNITS})\b|\b(?:usd|eur|gbp)\s?\d|\d\s?(?:%|(?:{_UNITS}|cents?)\b)"
    r"|\b(?:half|moitié)[ -](?:off|price|prix)\b",
    re.IGNORECASE,
)


def names_amount(text: str) -> bool:
    """Whether a text speaks of money or of shares of it, in English or French."""
    return _AMOUNT.search(text) is not None
