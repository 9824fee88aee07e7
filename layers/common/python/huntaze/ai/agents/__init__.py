"""The agents: what each knows by heart, what it may be asked, and what its answers look like.

An agent never calls another: a service asks one, looks at the answer, and may ask the next.
"""

from huntaze.ai.agents.asking import Client, ask
from huntaze.ai.agents.prompts import (
    AGENTS,
    ANALYTICS,
    CHAT,
    CONTENT,
    MARKETING,
    ONLYFANS,
    Agent,
    as_data,
    prefix_of,
    prompt_of,
)
from huntaze.ai.agents.voice import CustomWords, Language, LearnedStyle, Voice

__all__ = [
    "AGENTS",
    "ANALYTICS",
    "CHAT",
    "CONTENT",
    "MARKETING",
    "ONLYFANS",
    "Agent",
    "Client",
    "CustomWords",
    "Language",
    "LearnedStyle",
    "Voice",
    "as_data",
    "ask",
    "prefix_of",
    "prompt_of",
]
