"""Words with which a fan asks for no more messages."""

import re
import unicodedata
from itertools import groupby

# Signs that nobody sees would part a word, or put it together.
_UNSEEN = "Cf"


def _plain(text: str) -> str:
    """Return a message without case, accents, and the signs around and between its words."""
    # First as one spelling of each letter: an ornate capital has no small one.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = (
        # An emoji is neither letter nor sign here: "stop" with a wink is not the whole message.
        " " if unicodedata.category(sign)[0] in "PZC" else sign
        for sign in decomposed
        if not unicodedata.combining(sign) and unicodedata.category(sign) != _UNSEEN
    )
    return " ".join("".join(kept).split())


# As fans and carriers write them, when they are the whole message. Words that are as often said in
# play ("no", "end", "basta") are left out.
STOP_WORDS = frozenset(
    map(
        _plain,
        (
            # English
            *("stop", "stop all", "stopall", "unsubscribe", "unsubscribe me", "opt out", "optout"),
            *("remove me", "stop messaging me", "stop texting me", "stop writing me"),
            *("no more messages", "no more texts"),
            # French
            *("désabonner", "désabonnement", "me désabonner", "désabonnez-moi", "désabonne-moi"),
            *("désinscrire", "me désinscrire", "arrête", "arrêter", "arrêtez", "arrêt"),
            # Spanish and Portuguese
            *("parar", "cancelar suscripción", "darse de baja", "darme de baja"),
            *("cancelar inscrição", "cancelar subscrição"),
            # German and Dutch
            *("stopp", "abmelden", "abbestellen", "afmelden", "uitschrijven"),
            # Italian
            *("disiscrivimi", "annulla iscrizione"),
            # Polish and Turkish
            *("wypisz", "wypisz mnie", "abonelikten çık", "durdur"),  # noqa: RUF001
            # Russian, Ukrainian and Greek
            *("стоп", "отписаться", "отпишите меня", "відписатися", "σταμάτα", "διαγραφή"),
            # Arabic, Hebrew and Hindi
            *("توقف", "إلغاء الاشتراك", "הסר", "הסרה", "रोकें", "बंद करो"),
            # Chinese, Japanese and Korean
            *(
                "停止",
                "退订",
                "退訂",
                "取消订阅",
                "取消訂閱",
                "配信停止",
                "수신거부",
                "중지",
                "그만",
            ),
        ),
    )
)
# What polite or angry people put around them.
_AROUND = frozenset(
    (
        *("please", "pls", "plz", "now", "just", "hi", "hey", "hello", "ok", "okay", "thanks"),
        *("svp", "stp", "merci", "bitte", "danke", "gracias", "obrigado", "grazie"),
    )
)
_PHRASES_AROUND = ("s il te plait", "s il vous plait", "por favor", "per favore", "thank you")
# Longer than any of them with its dots and blanks: a list may show the beginning of a message.
_LONGEST = 40

# Within a sentence it may be said in play, or of something else: a person looks.
_IN_A_SENTENCE = re.compile(
    r"\b(?:"
    r"(?:stop|quit) (?:sending|writing|texting|messaging|spamming|contacting|bothering)"
    r"|(?:do not|don ?t|never) (?:ever )?(?:message|text|write|contact|dm|send) (?:to )?me"
    r"|leave me alone|no more (?:messages|texts|dms|spam)|unsubscribe"
    r"|(?:take|remove) me (?:off|from)|opt me out"
    r"|arrete[zr]? de m (?:ecrire|envoyer|contacter|spammer)"
    r"|ne m (?:ecri\w+|envo\w+|contact\w+) plus|laisse[zr]? moi tranquille"
    r"|(?:me |m )?(?:desabonn|desinscri)\w+|plus de messages"
    r"|no me (?:escribas|escriba|envies|envie|mandes|mande|contactes) mas"
    r"|deja de (?:escribirme|enviarme|mandarme|contactarme)|(?:dame|darme) de baja"
    r"|(?:pare|para) de me (?:mandar|enviar|escrever)|nao me (?:mande|envie|escreva)\w* mais"
    r"|schreib\w*(?: sie)? mir nicht mehr|lass\w* mich in ruhe|keine (?:weiteren )?nachrichten"
    r"|(?:non (?:scriver|mandar|contattar)mi piu|smettila di (?:scriver|mandar)mi|lasciami in pace)"
    r"|(?:stuur|schrijf) me niet meer|laat me met rust"
    r"|не пиши(?:те)? мне|отпишите меня|хватит мне писать"
    r")\b"
)


def is_stop_word(text: str | None) -> bool:
    """Tell whether the whole of a message asks for no more messages."""
    if text is None or len(text) > _LONGEST:
        return False
    said = _plain(text)
    for phrase in _PHRASES_AROUND:
        said = said.removeprefix(f"{phrase} ").removesuffix(f" {phrase}")
    # "Stop stop stop", "please stop now", "S T O P".
    words = [word for word, _ in groupby(said.split())]
    while words and words[0] in _AROUND:
        words.pop(0)
    while words and words[-1] in _AROUND:
        words.pop()
    spelled = all(len(word) == 1 for word in said.split())
    return " ".join(words) in STOP_WORDS or (spelled and said.replace(" ", "") in STOP_WORDS)


def may_want_no_messages(text: str) -> bool:
    """Tell whether a message asks somewhere for no more messages, which a person must judge."""
    return is_stop_word(text) or _IN_A_SENTENCE.search(_plain(text)) is not None
