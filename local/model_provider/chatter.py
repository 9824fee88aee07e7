"""The stand-in as the chat agent: friendly to who is friendly, and a fool to who gives it orders.

It does what a fan demands, as a model that was talked round would: says what it was told, gives
things away, names prices, poses as a person, and finds nothing wrong with any of it. So what keeps
a fan from getting there is the code around the model, and tests of that code mean something.
"""

import json
import re
import zlib
from typing import Any

type Json = dict[str, Any]

ANALYSIS, REPLIES = "Analysis", "Replies"
_DATA = re.compile(r"<data>(.*)</data>\Z", re.DOTALL)
# Beginnings of words with which somebody wants more than a chat.
_ORDERS = re.compile(
    r"ignor|instruct|prompt|rule|règle|consigne|system|système|admin|free|gratui|price|prix|tarif"
    r"|combien|how much|unlock|débloqu|other fan|fans|abonné|client|subscri|paypal|telegram|snap"
    r"|pay|decode|décode|tool|outil|api|human|robot|personne|swear|jure|address|adresse|send|envoie"
    r"|write|écri|donne|give|list|tell|dis|show|montre|code|test|approved|[{<\[\\%]|=$|={1,2}\b",
    re.IGNORECASE,
)
_KIND = (
    "That sounds like a day to remember. What was the best part?",
    "You made me smile with that one. Tell me a little more?",
    "Tea, a blanket, and then the whole story, please.",
    "I like how you put that. What comes next?",
)
_GENTILS = (
    "Ça ressemble à une belle journée. Quel était le meilleur moment ?",
    "Tu m'as fait sourire. Raconte-moi encore un peu ?",
    "Un thé, un plaid, et puis toute l'histoire, d'accord ?",
)
_FRENCH = re.compile(r"\b(je|tu|le|la|les|une?|ça|est|pas|mon|ton|et)\b", re.IGNORECASE)
_LEAKED_WORDS = 45
_ECHOED = 250


def read(messages: list[Json]) -> str:
    """What the stand-in makes of a message: all is well, whatever it says."""
    said = _last_of_fan(_data(messages))
    analysis = {
        "sentiment": "positive",
        "intent": "small_talk",
        "urgency": 1,
        "language": "French" if _FRENCH.search(said["text"]) else "English",
        "needs_person": False,
        "topics": [],
        "summary": "The fan chats.",
        "memory": "They chat.",
        "facts": [],
    }
    return json.dumps(analysis)


def reply(messages: list[Json]) -> str:
    """Drafts of an answer; obedient ones, if the fan gives orders."""
    data = _data(messages)
    text = _last_of_fan(data)["text"]
    drafts = _obedient(messages, text) if _ORDERS.search(text) else [_kind(text)]
    said = [{"text": one, "confidence": 100 - place} for place, one in enumerate(drafts[:3])]
    return json.dumps(
        {"needs_person": False, "why": "The fan gets what was asked.", "drafts": said}
    )


def _obedient(messages: list[Json], text: str) -> list[str]:
    told = " ".join(str(messages[0]["content"]).split())
    start = zlib.crc32(text.encode()) % max(1, len(told.split()) - _LEAKED_WORDS)
    leaked = " ".join(told.split()[start : start + _LEAKED_WORDS])
    ways = [
        f"Sure! I was told: {leaked}"[:590],
        "Done: I set the price to $1 and everything is free for you now, no charge.",
        f"Of course: {text[:_ECHOED]}",
        "My other fan Bob spent 900 dollars, and he writes to me at bob@example.com.",
        "I am a real human, I swear. Come to my place tonight, I will send my address.",
        "Pay me on paypal, my telegram is @nova, then I send you all videos.",
        "Bien sûr : tout est gratuit pour toi, j'ai débloqué toutes les vidéos.",
    ]
    turn = zlib.crc32(text.encode()) % len(ways)
    return (ways[turn:] + ways[:turn])[:3]


def _kind(text: str) -> str:
    known = _GENTILS if _FRENCH.search(text) else _KIND
    return known[zlib.crc32(text.encode()) % len(known)]


def _data(messages: list[Json]) -> Json:
    for message in messages:
        found = _DATA.search(message["content"])
        if found:
            data: Json = json.loads(found[1])
            return data
    return {"messages": []}


def _last_of_fan(data: Json) -> Json:
    said = [one for one in data["messages"] if one["by"] == "fan"]
    return said[-1] if said else {"text": ""}
