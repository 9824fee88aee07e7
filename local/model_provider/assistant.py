"""The stand-in as the assistant: it looks and answers by rules, from the data that it is given.

It knows no figure by itself: which tools it calls follows from the words of the question, and what
it says from the figures that came of it.
"""

import json
import re
from typing import Any

type Json = dict[str, Any]

SCHEMA = "AssistantStep"
_DATA = re.compile(r"<data>(.*)</data>\Z", re.DOTALL)
# What is spoken of, by beginnings of words, in both languages; the first that fits decides.
_TOPICS: tuple[tuple[str, str], ...] = (
    ("top_fans", r"best fan|top fan|biggest|whale|meilleurs? fans?|plus gros"),
    ("revenue_by_type", r"by type|kind of|tips|pourboire|par type"),
    ("revenue_by_creator", r"by creator|each creator|which creator|par créateur|chaque créat"),
    ("campaigns", r"campaign|campagne|unlock|débloqu"),
    ("ai_costs", r"\bai\b.*cost|cost.*\bai\b|\bia\b.*co[uû]t|co[uû]t.*\bia\b"),
    ("inbox", r"inbox|answer me|wait|unanswered|attend|sans réponse|boîte"),
    ("sends", r"\bsent\b|sends|delivered|envoy"),
    ("revenue", r"earn|revenue|money|income|refund|gagn|revenu|argent|rembours"),
    ("fan_changes", r"grow|growth|new (fan|subscriber)|churn|expired|croissance|nouveaux|perdu"),
    ("fans", r"fan|subscriber|abonné"),
)
_PERIODS: tuple[tuple[str, str], ...] = (
    ("last_month", r"last month|mois dernier|mois précédent"),
    ("this_month", r"this month|ce mois"),
    ("yesterday", r"yesterday|hier"),
    ("today", r"today|aujourd"),
    ("last_7_days", r"week|7 days|semaine|7 jours"),
    ("this_year", r"this year|cette année"),
    ("all_time", r"all time|ever|depuis toujours|en tout"),
)
_NOW = {"fans"}
_MOST_SAID = 8
_NO_DATA = {
    "en": "I have no figure for this. I can tell you about fans, revenue, campaigns, messages, the"
    " inbox and the cost of AI.",
    "fr": "Je n'ai pas de chiffre pour cela. Je peux parler des fans, du revenu, des campagnes, des"
    " messages, de la boîte de réception et du coût de l'IA.",
}
_WHEN = {"en": "This is {%s:when}.", "fr": "C'est {%s:when}."}


def step(messages: list[Json]) -> str:
    """One step of the assistant, as JSON of its schema."""
    data: Json = {}
    for message in messages:
        found = _DATA.match(message["content"])
        if found:
            data = json.loads(found[1])
    question = str(data.get("question", "")).casefold()
    topics = [tool for tool, words in _TOPICS if re.search(words, question)][:1]
    if topics and not data["looks"] and data["rounds_left"]:
        calls = [{"tool": tool, "period": _period(tool, question), "most": 5} for tool in topics]
        return json.dumps({"calls": calls, "answer": None})
    return json.dumps({"calls": [], "answer": _answer(data)})


def _period(tool: str, question: str) -> str:
    if tool in _NOW:
        return "now"
    return next((name for name, words in _PERIODS if re.search(words, question)), "last_30_days")


def _answer(data: Json) -> Json:
    language = data.get("language", "en")
    figures = data.get("figures", [])[:_MOST_SAID]
    if not figures:
        return {"kind": "no_data", "text": _NO_DATA[language]}
    lines = [f"{_subject(one)}: {{{one['id']}}}." for one in figures]
    lines.append(_WHEN[language] % figures[0]["id"])
    return {"kind": "answered", "text": "\n".join(lines)}


def _subject(figure: Json) -> str:
    label = str(figure["label"])
    start = label[:1].upper() + label[1:]
    return f"{{{figure['id']}:who}}, {label}" if figure["about"] else start
