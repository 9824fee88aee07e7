"""The steps of a workflow by what they do, and what is said in them."""

from functions.campaigns.hybrid.asks import QUESTIONS
from functions.campaigns.hybrid.models import Step

GOAL = "Bring back fans who were silent for a month"
# Those that ask a model.
ASKING = [
    *(Step.CONTENT, Step.OPTIMIZATION, Step.COMPLIANCE, Step.PLAN, Step.AUDIENCES),
    *(Step.VARIANTS, Step.REVIEW),
]
BEFORE_HANDOVER = [*Step][:-1]
_WORDS = ("name", "purpose", "tone", "desired_reaction", "difference", "leave_out", "success")
PLAN: dict[str, object] = {**dict.fromkeys(_WORDS, "something plain"), "risks": []}


def task_of(name: Step) -> str:
    """The task that a step asks for."""
    return QUESTIONS[name].task.value
