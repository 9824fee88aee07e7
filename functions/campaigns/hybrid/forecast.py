"""What a workflow's model calls will cost, before any is made."""

from datetime import date
from uuid import UUID

from functions.campaigns.hybrid.asks import OF_EACH_SEGMENT, QUESTIONS, Question
from functions.campaigns.hybrid.models import AiForecast
from huntaze import ai
from huntaze.ai import agents, prices, routing
from huntaze.ai.catalogue import Prices

_USUAL_DATA_BYTES = 3_000
# English and French have about four bytes a token.
_BYTES_A_TOKEN = 4
# Answers that do not validate are asked for once more.
_ATTEMPTS = 2


def forecast(
    workspace_id: UUID, voice: agents.Voice, today: date, *, economy: bool, segments: int
) -> AiForecast:
    """Add up the questions of a workflow.

    Args:
        workspace_id: Whose budget pays.
        voice: Whose prefix it is.
        today: Which models there are.
        segments: How many get texts of their own.
        economy: As a workspace gets it whose budget is used up and who takes less.
    """
    expected = worst = 0
    topics = len(agents.as_data({"forbidden_topics": list(voice.forbidden_topics)}).encode())
    for step, question in QUESTIONS.items():
        parts = segments if step in OF_EACH_SEGMENT else 1
        paid = _prices(workspace_id, question, today, economy=economy)
        prefix = len(agents.prefix_of(question.agent, voice).encode())
        output = question.output_tokens * parts
        output = output // 2 if economy else output
        expected += prices.worst_case(
            (prefix + _USUAL_DATA_BYTES) // _BYTES_A_TOKEN, output // 2, paid
        )
        most = prefix + topics + question.most_bytes * parts
        worst += _ATTEMPTS * prices.worst_case(most, output, paid)
    return AiForecast(
        model_calls=len(QUESTIONS), expected_nano_usd=expected, at_most_nano_usd=worst
    )


def _prices(workspace_id: UUID, question: Question, today: date, *, economy: bool) -> Prices:
    request = ai.Request(
        task=question.task.value,
        workspace_id=workspace_id,
        agent=question.agent.name,
        output_tokens=question.output_tokens,
    )
    models, providers = ai.catalogue(), tuple(ai.Provider)
    decision = ai.decide(request, models, providers=providers, today=today)
    if economy:
        less = routing.degraded(decision, models, providers=providers, today=today)
        decision = less or decision
    hop = decision.hops[0]
    return models.find(hop.provider, hop.model).prices
