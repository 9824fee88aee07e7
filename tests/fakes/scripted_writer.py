"""A writer whose answers a test gives beforehand."""

from pydantic import BaseModel

from huntaze import ai
from huntaze.ids import new_id


class ScriptedWriter:
    """Answers requests in order from what it was given; an exception is raised instead.

    Args:
        answers: What it answers.
        over_budget: Whether it answers as the router does when the budget has no room for more.
    """

    def __init__(self, *answers: BaseModel | Exception, over_budget: bool = False) -> None:
        self._answers = list(answers)
        self._over_budget = over_budget
        self.asked: list[tuple[ai.Request, ai.Prompt]] = []

    def generate[O: BaseModel](
        self, request: ai.Request, prompt: ai.Prompt, output: type[O]
    ) -> ai.Answer[O]:
        """Give the next answer, as the router would: validated."""
        self.asked.append((request, prompt))
        given = self._answers.pop(0)
        if isinstance(given, Exception):
            raise given
        tier = ai.Tier.ECONOMY
        reason = ai.Reason.OVER_BUDGET if self._over_budget else ai.Reason.ORDINARY
        hop = ai.Hop(ai.Provider.OPENAI, "gpt-6-luna")
        decision = ai.Decision(request.task, 5, tier, reason, (hop,))
        return ai.Answer(
            value=output.model_validate(given.model_dump()),
            generation_id=new_id(),
            decision=decision,
            provider=hop.provider,
            model=hop.model,
            usage=ai.Usage(input_tokens=100, output_tokens=10),
            cost_nanos=15_000,
            latency_ms=1,
            cached=False,
            degraded=self._over_budget,
        )
