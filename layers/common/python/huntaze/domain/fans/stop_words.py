"""Words with which a fan asks for no more messages, when they are the whole message."""

import unicodedata

# As fans and carriers write them; each in the form that `_plain` gives. Words that are as often
# said in play ("no", "end", "basta") are left out: a message with them goes to a person.
STOP_WORDS = frozenset(
    {
        # English
        *("stop", "stop all", "stopall", "unsubscribe", "opt out", "optout", "remove me"),
        *("stop messaging me", "stop texting me", "stop writing me", "no more messages"),
        # French
        *("desabonner", "desabonnement", "me desabonner", "desinscrire", "me desinscrire"),
        *("arrete", "arreter", "arretez", "arret"),
        # Spanish and Portuguese
        *("parar", "cancelar suscripcion", "darse de baja", "darme de baja"),
        *("cancelar inscricao", "cancelar subscricao"),
        # German and Dutch
        *("stopp", "abmelden", "abbestellen", "afmelden", "uitschrijven"),
        # Italian
        *("disiscrivimi", "annulla iscrizione"),
    }
)
# Longer than any of them with its dots and blanks: a list may show the beginning of a message.
_LONGEST = 40


def is_stop_word(text: str | None) -> bool:
    """Tell whether the whole of a message asks for no more messages."""
    return text is not None and len(text) <= _LONGEST and _plain(text) in STOP_WORDS


def _plain(text: str) -> str:
    """Return a message without case, accents, and the signs around and between its words."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = (
        # An emoji is neither letter nor sign here: "stop" with a wink is not the whole message.
        " " if unicodedata.category(sign)[0] in "PZC" else sign
        for sign in decomposed
        if not unicodedata.combining(sign)
    )
    return " ".join("".join(kept).split())
