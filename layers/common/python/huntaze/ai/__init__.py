"""Models: which one is asked, what it may cost, and what becomes of its answer.

A feature asks in three lines::

    request = ai.Request(task=ai.Task.CAPTIONS, agent="content", output_tokens=600, …)
    answer = ai.generate(request, ai.Prompt(prefix=…, suffix=…), Captions)
    return answer.value
"""

from huntaze.ai.catalogue import Provider, Tier, catalogue
from huntaze.ai.errors import (
    BudgetUsedUpError,
    DeclinedTextError,
    NoAnswerError,
    PromptTooLongError,
    UnknownModelError,
    UnknownTaskError,
    UnusableAnswerError,
)
from huntaze.ai.models import (
    Answer,
    Decision,
    Hop,
    Outcome,
    Prompt,
    Reason,
    Request,
    Usage,
    Writer,
)
from huntaze.ai.outcomes import record_outcome, settle_outcomes
from huntaze.ai.prices import is_cacheable
from huntaze.ai.routing import decide
from huntaze.ai.tasks import Task
from huntaze.ai.wiring import generate, writer

__all__ = [
    "Answer",
    "BudgetUsedUpError",
    "Decision",
    "DeclinedTextError",
    "Hop",
    "NoAnswerError",
    "Outcome",
    "Prompt",
    "PromptTooLongError",
    "Provider",
    "Reason",
    "Request",
    "Task",
    "Tier",
    "UnknownModelError",
    "UnknownTaskError",
    "UnusableAnswerError",
    "Usage",
    "Writer",
    "catalogue",
    "decide",
    "generate",
    "is_cacheable",
    "record_outcome",
    "settle_outcomes",
    "writer",
]
