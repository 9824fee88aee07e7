"""The work that models do: how hard each kind is, who is asked first, what may be kept."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from huntaze.ai.catalogue import Provider
from huntaze.ai.errors import UnknownTaskError


class Task(StrEnum):
    """The kinds of work."""

    CONTENT_IDEAS = "content_ideas"
    CAPTIONS = "captions"
    HASHTAGS = "hashtags"
    CONTENT_PIPELINES = "content_pipelines"
    CONTENT_OPTIMIZATION = "content_optimization"
    CAMPAIGN_PLAN = "campaign_plan"
    CAMPAIGN_VARIANTS = "campaign_variants"
    AUDIENCE_SUGGESTIONS = "audience_suggestions"
    MESSAGE_ANALYSIS = "message_analysis"
    MESSAGE_REPLY = "message_reply"
    MESSAGE_PERSONALISATION = "message_personalisation"
    STYLE_LEARNING = "style_learning"
    COMPLIANCE_CHECK = "compliance_check"
    PRICE_ADVICE = "price_advice"
    INSIGHTS = "insights"
    RECOMMENDATIONS = "recommendations"
    QUESTION = "question"


@dataclass(frozen=True)
class TaskRules:
    """What the router knows of a task.

    Args:
        complexity: From 1 to 10, unless an agent says more.
        first: The provider that is asked first.
        protected: Decides about money or safety: never the economy tier.
        keep_for: How long the same question gets the same answer without asking again; None for
            work that should come out differently each time, or that judges what has to be judged
            anew.
    """

    complexity: int
    first: Provider
    protected: bool = False
    keep_for: timedelta | None = None


_PLANS, _MESSAGES = Provider.AZURE_OPENAI, Provider.OPENAI
_DAY = timedelta(days=1)

_RULES: dict[Task, TaskRules] = {
    Task.CONTENT_IDEAS: TaskRules(4, _PLANS),
    Task.CAPTIONS: TaskRules(3, _MESSAGES),
    Task.HASHTAGS: TaskRules(2, _MESSAGES, keep_for=_DAY),
    Task.CONTENT_PIPELINES: TaskRules(6, _PLANS),
    Task.CONTENT_OPTIMIZATION: TaskRules(5, _MESSAGES),
    Task.CAMPAIGN_PLAN: TaskRules(8, _PLANS),
    Task.CAMPAIGN_VARIANTS: TaskRules(5, _MESSAGES),
    Task.AUDIENCE_SUGGESTIONS: TaskRules(6, _PLANS),
    Task.MESSAGE_ANALYSIS: TaskRules(3, _MESSAGES, keep_for=_DAY),
    Task.MESSAGE_REPLY: TaskRules(5, _MESSAGES),
    Task.MESSAGE_PERSONALISATION: TaskRules(4, _MESSAGES),
    Task.STYLE_LEARNING: TaskRules(6, _PLANS),
    Task.COMPLIANCE_CHECK: TaskRules(6, _MESSAGES, protected=True),
    Task.PRICE_ADVICE: TaskRules(7, _PLANS, protected=True),
    Task.INSIGHTS: TaskRules(6, _PLANS, keep_for=_DAY),
    Task.RECOMMENDATIONS: TaskRules(6, _PLANS),
    Task.QUESTION: TaskRules(5, _PLANS),
}


def rules_of(task: str) -> TaskRules:
    """What the router knows of a task.

    Raises:
        UnknownTaskError: There is no such task.
    """
    try:
        return _RULES[Task(task)]
    except ValueError:
        known = ", ".join(sorted(Task))
        raise UnknownTaskError(
            f"There is no task {task[:60]!r}; there are {known}.", fields={"task": "unknown"}
        ) from None
