"""A writer that answers as the chat agent does, with what a test wants it to say."""

from typing import Any

from pydantic import BaseModel

from huntaze import ai
from huntaze.ai.agents.outputs import Analysis, Replies
from huntaze.db import ConnectionSource
from tests.fakes.noted_writer import NotedWriter

_CALM = {
    "sentiment": "positive",
    "intent": "small_talk",
    "urgency": 1,
    "language": "English",
    "needs_person": False,
    "topics": [],
    "summary": "The fan chats.",
    "memory": "They chat.",
    "facts": [],
}


class ChatWriter:
    """Says what it is told to, and notes each generation as the router would.

    Args:
        source: Lends connections with the role ``app``.
    """

    def __init__(self, source: ConnectionSource) -> None:
        self._source = source
        self.reading: dict[str, Any] = {}
        self.drafts = [{"text": "Home at last, was the long train late again?", "confidence": 80}]
        self.needs_person = False
        self.allowed = True
        self.trouble: Exception | None = None
        # Done while a model works.
        self.meanwhile = lambda: None
        self.asked: list[tuple[ai.Request, ai.Prompt]] = []

    def generate[O: BaseModel](
        self, request: ai.Request, prompt: ai.Prompt, output: type[O]
    ) -> ai.Answer[O]:
        """Give the answer of the shape."""
        self.asked.append((request, prompt))
        if self.trouble is not None:
            raise self.trouble
        said = output.model_validate(self._said(output))
        self.meanwhile()
        return NotedWriter(self._source, said).generate(request, prompt, output)

    def _said(self, output: type[BaseModel]) -> dict[str, Any]:
        if output is Analysis:
            return _CALM | self.reading
        if output is Replies:
            return {"needs_person": self.needs_person, "why": "It answers.", "drafts": self.drafts}
        judged = {"allowed": self.allowed, "reason": "fine" if self.allowed else "no"}
        return dict.fromkeys(output.model_fields, judged)
