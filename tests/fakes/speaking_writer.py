"""A writer that always has something to say: whatever fits the shape that it is asked for."""

import json

from pydantic import BaseModel

from huntaze import ai
from huntaze.ai.schemas import response_format
from huntaze.ids import new_id
from local.model_provider.words import Speaker

COST = 15_000


class SpeakingWriter:
    """Answers every request as the stand-in for models does, and counts.

    Attributes:
        asked: What it was asked, in order.
        trouble: What it raises instead, by task; taken once each.
        answers: What it says instead, by task.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[ai.Request, ai.Prompt]] = []
        self.trouble: dict[str, list[Exception]] = {}
        self.answers: dict[str, dict[str, object]] = {}

    @property
    def tasks(self) -> list[str]:
        """The tasks that it was asked for."""
        return [request.task for request, _ in self.asked]

    def generate[O: BaseModel](
        self, request: ai.Request, prompt: ai.Prompt, output: type[O]
    ) -> ai.Answer[O]:
        """Say something that validates."""
        self.asked.append((request, prompt))
        if self.trouble.get(request.task):
            raise self.trouble[request.task].pop(0)
        schema = json.loads(response_format(output))["json_schema"]["schema"]
        said = self.answers.get(request.task) or json.loads(Speaker(prompt.suffix).answer(schema))
        hop = ai.Hop(ai.Provider.OPENAI, "gpt-6-luna")
        return ai.Answer(
            value=output.model_validate(said),
            generation_id=new_id(),
            decision=ai.Decision(request.task, 5, ai.Tier.ECONOMY, ai.Reason.ORDINARY, (hop,)),
            provider=hop.provider,
            model=hop.model,
            usage=ai.Usage(input_tokens=100, output_tokens=10),
            cost_nanos=COST,
            latency_ms=1,
            cached=False,
            degraded=False,
        )
