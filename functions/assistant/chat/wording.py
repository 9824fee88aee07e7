"""Figures in words: labels, values and days, in English and French; answers filled with them."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from uuid import UUID

from functions.assistant.chat.models import Figure, Unit
from huntaze.ai.agents import Language

PLACE = re.compile(r"\{(f\d{1,4})(?::(when|who))?\}")

LABELS: dict[str, tuple[str, str]] = {
    "fans": ("fans", "fans"),
    "subscribers": ("subscribers", "abonnés"),
    "expired_fans": ("fans whose subscription has ended", "fans dont l'abonnement a pris fin"),
    "followers": ("followers", "followers"),
    "new_subscribers": ("new subscribers", "nouveaux abonnés"),
    "ended_subscriptions": ("ended subscriptions", "abonnements terminés"),
    "subscriber_growth": ("growth in subscribers", "croissance des abonnés"),
    "fan_value": ("net value of the fan", "valeur nette du fan"),
    "net_revenue": ("net revenue after reversals", "revenu net après annulations"),
    "gross_revenue": ("gross revenue", "revenu brut"),
    "platform_fees": ("fees of the platform", "frais de la plateforme"),
    "reversed": ("taken back by refunds and chargebacks", "repris par remboursements et litiges"),
    "reversals": ("refunds and chargebacks", "remboursements et litiges"),
    "net_revenue_before": ("net revenue in the span before", "revenu net de la période précédente"),
    "net_revenue_change": ("change of net revenue", "évolution du revenu net"),
    "revenue_subscription": ("net revenue from subscriptions", "revenu net des abonnements"),
    "revenue_tip": ("net revenue from tips", "revenu net des pourboires"),
    "revenue_message": ("net revenue from paid messages", "revenu net des messages payants"),
    "revenue_post": ("net revenue from posts", "revenu net des publications"),
    "revenue_stream": ("net revenue from streams", "revenu net des directs"),
    "revenue_refund": ("taken back by refunds", "repris par remboursements"),
    "revenue_chargeback": ("taken back by chargebacks", "repris par litiges"),
    "creator_revenue": ("net revenue of the creator", "revenu net du créateur"),
    "campaigns": ("campaigns that went out", "campagnes envoyées"),
    "campaign_sent": ("messages sent", "messages envoyés"),
    "campaign_unlocked": ("messages unlocked", "messages débloqués"),
    "campaign_unlock_ratio": ("unlock ratio", "taux de déblocage"),
    "campaign_revenue": (
        "price of the unlocked messages together",
        "prix total des messages débloqués",
    ),
    "campaign_held_out": ("fans held out", "fans du groupe témoin"),
    "campaign_lift": (
        "net revenue for each fan over the held-out, in the week after",
        "revenu net par fan au-delà du groupe témoin, la semaine suivante",
    ),
    "sends_sent": ("messages sent", "messages envoyés"),
    "sends_unknown": ("messages with an unknown outcome", "messages au résultat inconnu"),
    "sends_submitting": ("messages being sent", "messages en cours d'envoi"),
    "sends_planned": ("messages that wait to be sent", "messages en attente d'envoi"),
    "inbox_unanswered": ("fans who wait for an answer", "fans en attente de réponse"),
    "inbox_longest_wait": ("the longest wait for an answer", "la plus longue attente"),
    "inbox_active": ("fans who wrote", "fans qui ont écrit"),
    "ai_cost": ("cost of AI", "coût de l'IA"),
}
_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre"),
    *("octobre", "novembre", "décembre"),
)
_UNKNOWN = ("unknown", "inconnu")
_SOMEBODY = {
    "fan": ("a fan who is not known any more", "un fan qui n'est plus connu"),
    "campaign": ("a campaign", "une campagne"),
    "creator": ("a creator", "un créateur"),
}
_ALWAYS = ("until {until}", "jusqu'au {until}")
_ON = ("on {since}", "le {since}")
_FROM_TO = ("from {since} to {until}", "du {since} au {until}")
REFUSALS = (
    "I could not answer this with figures that I can show. Ask for something more precise, such as"
    " the revenue of a month.",
    "Je n'ai pas pu répondre avec des chiffres que je peux montrer. Demandez quelque chose de plus"
    " précis, comme le revenu d'un mois.",
)


def label_of(name: str, language: Language) -> str:
    """What a figure is called."""
    return _in(language, LABELS[name])


def refusal(language: Language) -> str:
    """What is said where the model's answer cannot be shown."""
    return _in(language, REFUSALS)


def filled(
    answer: str, figures: list[Figure], names: Mapping[UUID, str], language: Language
) -> str:
    """An answer with values, days and names in its places.

    Args:
        answer: With places such as ``{f1}``, ``{f1:when}`` and ``{f1:who}``.
        figures: All that it cites.
        names: Of fans, as far as the reader may see them.
        language: Of the answer.
    """
    known = {figure.id: figure for figure in figures}

    def fill(place: re.Match[str]) -> str:
        figure = known[place[1]]
        match place[2]:
            case "when":
                return _days(figure, language)
            case "who":
                return _named(figure, names, language)
        return f"{value_of(figure, language)} [{figure.id}]"

    return PLACE.sub(fill, answer)


def value_of(figure: Figure, language: Language) -> str:
    """A value as people read it."""
    if figure.value is None:
        return _in(language, _UNKNOWN)
    number = Decimal(figure.value)
    match figure.unit:
        case Unit.CENTS:
            return f"{_digits(number / 100, 2, language)} {figure.currency}"
        case Unit.NANODOLLARS:
            return f"{_digits(number / 1_000_000_000, 4, language)} USD"
        case Unit.BASIS_POINTS:
            sign = "\N{NO-BREAK SPACE}%" if _fr(language) else "%"
            return _digits(number / 100, 1, language) + sign
        case Unit.HOURS:
            return f"{_digits(number, 0, language)} h"
    return _digits(number, 0, language)


def _digits(number: Decimal, places: int, language: Language) -> str:
    text = f"{number:,.{places}f}"
    if _fr(language):
        return text.replace(",", "\N{NARROW NO-BREAK SPACE}").replace(".", ",")
    return text


def _days(figure: Figure, language: Language) -> str:
    if figure.until is None:
        return _in(language, ("now", "actuellement"))
    until = _day(figure.until, language)
    if figure.since is None:
        return _in(language, _ALWAYS).format(until=until)
    pattern = _ON if figure.since == figure.until else _FROM_TO
    return _in(language, pattern).format(since=_day(figure.since, language), until=until)


def _day(day: date, language: Language) -> str:
    if _fr(language):
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    return f"{day.day} {day:%B} {day.year}"


def _named(figure: Figure, names: Mapping[UUID, str], language: Language) -> str:
    if figure.about is None:
        return figure.label
    nobody = _in(language, _SOMEBODY[figure.about.kind])
    return names.get(figure.about.id) or figure.about.name or nobody


def _in(language: Language, texts: tuple[str, str]) -> str:
    return texts[_fr(language)]


def _fr(language: Language) -> bool:
    return language is Language.FR
