"""What an agent is told: a prefix that stays the same for a creator, and the data of one task.

The prefix is the rules for all agents, those of a language, those of the agent, and the creator, in
this order: what more requests share comes first, so that providers keep as much as they can.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from huntaze.ai.agents.voice import Language, Voice
from huntaze.ai.models import Prompt
from huntaze.ai.tasks import Task

_FOLDER = Path(__file__).parent
_COMMON = "common"
_COMMON_VERSION = 1
# A mark inside of data would end it, so its signs are written as JSON may write them.
_MARKS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


@dataclass(frozen=True)
class Agent:
    """One agent.

    Args:
        name: As costs and generations name it.
        version: Of its text; a change of the text is a new file with a new number.
        tasks: What it may be asked.
    """

    name: str
    version: int
    tasks: frozenset[Task]

    @property
    def prompt_version(self) -> str:
        """Which texts its prefix is made of, e.g. ``content-1/common-1``."""
        return f"{self.name}-{self.version}/{_COMMON}-{_COMMON_VERSION}"


CONTENT = Agent(
    "content",
    1,
    frozenset(
        {
            Task.CONTENT_IDEAS,
            Task.CAPTIONS,
            Task.HASHTAGS,
            Task.CONTENT_PIPELINES,
            Task.CONTENT_OPTIMIZATION,
        }
    ),
)
MARKETING = Agent(
    "marketing",
    2,
    frozenset({Task.CAMPAIGN_PLAN, Task.CAMPAIGN_VARIANTS, Task.AUDIENCE_SUGGESTIONS}),
)
CHAT = Agent("chat", 3, frozenset({Task.MESSAGE_ANALYSIS, Task.MESSAGE_REPLY, Task.STYLE_LEARNING}))
ANALYTICS = Agent(
    "analytics",
    1,
    frozenset({Task.INSIGHTS, Task.RECOMMENDATIONS, Task.PRICE_ADVICE, Task.QUESTION}),
)
ONLYFANS = Agent("onlyfans", 1, frozenset({Task.MESSAGE_PERSONALISATION, Task.COMPLIANCE_CHECK}))
AGENTS = (CONTENT, MARKETING, CHAT, ANALYTICS, ONLYFANS)


def prefix_of(agent: Agent, voice: Voice) -> str:
    """The static part, the same byte for byte for every request of one agent for one creator."""
    creator = voice.model_dump(mode="json", exclude={"language"}, exclude_none=True)
    parts = (
        _text(_COMMON, f"v{_COMMON_VERSION}"),
        _text(_COMMON, f"{Language(voice.language).value}.v{_COMMON_VERSION}"),
        _text(agent.name, f"v{agent.version}"),
        f"# The creator\n\n<creator>{as_data(creator)}</creator>\n",
    )
    return "\n".join(parts)


def prompt_of(agent: Agent, task: Task, voice: Voice, data: dict[str, Any]) -> Prompt:
    """Everything that a model is told.

    Args:
        agent: Who is asked.
        task: One of the agent's tasks.
        voice: For whom.
        data: What it is about. Whatever it says, it stays between the marks.

    Raises:
        ValueError: The agent has no such task.
    """
    if task not in agent.tasks:
        raise ValueError(f"the agent {agent.name} has no task {task.value}")
    suffix = f"Task: {task.value}\n<data>{as_data(data)}</data>"
    return Prompt(prefix=prefix_of(agent, voice), suffix=suffix)


def as_data(value: dict[str, Any]) -> str:
    """A value between marks: whatever it says, it cannot end them."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True).translate(_MARKS)


@cache
def _text(folder: str, name: str) -> str:
    return (_FOLDER / folder / f"{name}.txt").read_text("utf-8")
