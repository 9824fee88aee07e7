"""What each step asks a model for: never more than one question, whatever the audience."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from functions.campaigns.hybrid.models import Step
from huntaze import ai
from huntaze.ai import agents
from huntaze.ai.agents import outputs
from huntaze.domain.outbound.texts import PLACEHOLDERS

# Three tries to choose from are cheaper than a second question.
CANDIDATES = 3
# Both attempts that the router makes fit into one call of the function.
_DEADLINE = timedelta(seconds=45)


@dataclass(frozen=True)
class Question:
    """Who is asked for what.

    Args:
        agent: Who.
        task: One of the agent's tasks.
        output_tokens: The most that the answer may have.
        most_bytes: The most that it says beside its prefix and the creator's topics, its schema
            included. A test holds the longest ones against it.
    """

    agent: agents.Agent
    task: ai.Task
    output_tokens: int
    most_bytes: int


QUESTIONS: dict[Step, Question] = {
    Step.CONTENT: Question(agents.CONTENT, ai.Task.CAPTIONS, 700, 5_000),
    Step.OPTIMIZATION: Question(agents.CONTENT, ai.Task.CONTENT_OPTIMIZATION, 900, 8_500),
    Step.COMPLIANCE: Question(agents.ONLYFANS, ai.Task.COMPLIANCE_CHECK, 500, 27_000),
    Step.PLAN: Question(agents.MARKETING, ai.Task.CAMPAIGN_PLAN, 1200, 42_000),
    Step.AUDIENCES: Question(agents.MARKETING, ai.Task.AUDIENCE_SUGGESTIONS, 1200, 43_000),
    Step.VARIANTS: Question(agents.MARKETING, ai.Task.CAMPAIGN_VARIANTS, 1000, 48_000),
    Step.REVIEW: Question(agents.ONLYFANS, ai.Task.COMPLIANCE_CHECK, 600, 18_000),
}


# Their answers are as long as there are segments.
OF_EACH_SEGMENT = (Step.VARIANTS, Step.REVIEW)


def ask[O: BaseModel](
    writer: ai.Writer,
    step: Step,
    client: agents.Client,
    data: dict[str, Any],
    output: type[O],
    *,
    segments: int,
) -> ai.Answer[O]:
    """Ask the question of a step of a campaign for one segment or several."""
    question = QUESTIONS[step]
    parts = max(1, segments) if step in OF_EACH_SEGMENT else 1
    return agents.ask(
        writer,
        question.agent,
        question.task,
        client,
        data,
        output,
        output_tokens=question.output_tokens * parts,
        deadline=_DEADLINE,
    )


def content(goal: str, tone: str, platform: str) -> tuple[dict[str, Any], type[BaseModel]]:
    """Texts to begin with."""
    data = {"subject": goal, "tone": tone, "platform": platform, "count": CANDIDATES}
    return data, outputs.several(outputs.Caption, CANDIDATES)


def optimization(text: str, goal: str) -> tuple[dict[str, Any], type[BaseModel]]:
    """One of them, better."""
    return {"text": text, "goal": goal}, outputs.Optimization


def judgement(
    texts: list[str], platform: str, forbidden: tuple[str, ...]
) -> tuple[dict[str, Any], type[BaseModel]]:
    """The second check, of all texts at once."""
    named = {f"text_{number}": text for number, text in enumerate(texts, 1)}
    data = {"platform": platform, "forbidden_topics": list(forbidden), "texts": named}
    return data, outputs.judgements(len(texts))


def plan(
    goal: str, history: dict[str, Any], core: str, platform: str
) -> tuple[dict[str, Any], type[BaseModel]]:
    """What the campaign is about."""
    data = {
        "goal": goal,
        "segment": history["segment"],
        "earlier_figures": history["figures"],
        "message_so_far": core,
        "platforms": [platform],
    }
    return data, outputs.CampaignPlan


def audiences(
    goal: str, plan: dict[str, Any], history: dict[str, Any], fields: dict[str, Any]
) -> tuple[dict[str, Any], type[BaseModel]]:
    """Whom else it could be for."""
    data = {
        "goal": goal,
        "leave_out": plan["leave_out"],
        "segment": history["segment"],
        "fields": fields,
    }
    return data, outputs.Audiences


def variants(
    plan: dict[str, Any], history: dict[str, Any], core: str, count: int
) -> tuple[dict[str, Any], type[BaseModel]]:
    """The texts themselves: ``count`` for each segment."""
    data = {
        "plan": plan,
        "message_so_far": core,
        "segment": history["segment"],
        "placeholders": [f"{{{name}|a word that fits}}" for name in PLACEHOLDERS],
        "variants": count,
    }
    if segments := history.get("segments"):
        return {**data, "segments": segments}, outputs.variants_of(len(segments), count)
    return data, outputs.several(outputs.Variant, count)
