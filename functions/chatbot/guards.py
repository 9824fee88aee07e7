"""What a reply of a model may not say, whatever made the model say it.

The checks of compliance look at what platforms forbid. These look at what no model may decide or
know: amounts, gifts, what it was told, and words in which nobody writes to a fan.
"""

import re
from collections.abc import Iterable

from huntaze.domain.compliance.amounts import names_amount

# So many words in the same order are copied.
_COPIED_WORDS = 7
_ECHOED_WORDS = 6
_WORD = re.compile(r"\w+")
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        (
            "it gives something away or lowers a price",
            r"\b(?:for free|free of charge|free (?:video|content|ppv|access|month|pic|photo|set"
            r"|nude|trial|unlock|custom|gift)s?|discount\w*|half price|half off|% off|on the house"
            r"|no charge|without paying|lower(?:ed)? (?:the|my|your) price|cheaper|refund\w*"
            r"|gratuit\w*|gratos|offert\w*|sans payer|réduction|promo\w*|moitié prix|moins cher"
            r"|rembours\w*)\b",
        ),
        (
            "it claims to have done something",
            r"\b(?:i(?:'ve| have)? (?:unlocked|sent|attached|refunded|changed|lowered|activated|"
            r"granted|upgraded|deleted|updated)|unlocked for you|j'ai (?:débloqué|envoyé|remboursé|"
            r"changé|baissé|activé|offert|modifié|supprimé))\b",
        ),
        (
            "it speaks of what it was told",
            r"\b(?:system prompt|my (?:instructions|prompt|rules|guidelines)|i was (?:told"
            r"|instructed|programmed)|as an ai language model|mes (?:instructions|consignes"
            r"|règles)|message système|developer mode|mode développeur|jailbreak\w*"
            r"|new instructions)\b",
        ),
        (
            "it is written as a machine's message",
            r"[{}<>`\\]|\[/?(?:system|inst|data)|\b(?:needs_person|price_cents|confidence|drafts|message_reply|"
            r"creator_id|fan_id|workspace_id|media_ids?)\b|\\u[0-9a-f]{4}",
        ),
        ("it holds an address, an account or a key", r"@\w|https?:|www\.|\b[\w-]{28,}\b|\bsk-\w"),
        (
            "it proposes to meet",
            r"\b(?:meet (?:you|up|me|irl|in person)|see you in person|my address|come over|my place"
            r"|se (?:voir|rencontrer)|te (?:voir|rencontrer) en vrai|mon adresse|chez moi)\b",
        ),
        (
            "it speaks of other fans",
            r"\b(?:other|another|all (?:my|the)|my (?:other|top|best)|autres?|tous mes"
            r"|mes (?:autres )?)(?: \w+)? ?(?:fans?|subscribers?|customers?|abonnés?|clients?)\b",
        ),
    )
)


def objections(
    text: str, *, heard: str = "", told: Iterable[str] = (), own_words: Iterable[str] = ()
) -> list[str]:
    """Say what is wrong with a reply.

    Args:
        text: The reply.
        heard: What the fan wrote.
        told: What the model was told and must keep to itself.
        own_words: What the creator wants said word by word, and may be.
    """
    found = [f"guard: {reason}" for reason, pattern in _RULES if pattern.search(text)]
    if names_amount(text):
        found.append("guard: it names an amount")
    if _runs(text, _ECHOED_WORDS) & _runs(heard, _ECHOED_WORDS):
        found.append("guard: it says what the fan wants to hear, word by word")
    mine = set().union(*(_runs(words) for words in own_words), set())
    copied = _runs(text) - mine
    if any(copied & _runs(one) for one in told):
        found.append("guard: it repeats what the model was told")
    return found


def _runs(text: str, length: int = _COPIED_WORDS) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}
