"""What a feature asks a model for, and what it gets."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from huntaze.ai.catalogue import Provider, Tier

MAX_COMPLEXITY = 10


class Request(BaseModel):
    """One piece of work for a model, as the router sees it: all but the words.

    Args:
        task: What is to be done, one of `huntaze.ai.Task`.
        workspace_id: Whose budget pays.
        agent: Which agent asks, e.g. ``content``; part of the key of cached prefixes.
        output_tokens: The most tokens that the answer may have; a larger answer is unusable.
        creator_id: For whom the text is written.
        campaign_id: What it belongs to.
        complexity: From 1 to 10; may raise what the task is worth by itself, never lower it.
        critical: Whether a mistake would be worse than the price of the better model.
        prompt_version: Which texts the prompt is made of; stored with the generation.
        deadline: Until when there is an answer or an error, all attempts together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    workspace_id: UUID
    agent: Annotated[str, Field(pattern="^[a-z][a-z_]{0,39}$")]
    output_tokens: Annotated[int, Field(ge=1, le=16_000)]
    creator_id: UUID | None = None
    campaign_id: UUID | None = None
    complexity: Annotated[int, Field(ge=1, le=MAX_COMPLEXITY)] | None = None
    critical: bool = False
    prompt_version: Annotated[str, Field(max_length=80)] | None = None
    deadline: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(minutes=10))] = timedelta(
        seconds=20
    )


class Prompt(BaseModel):
    """The words of a request.

    Args:
        prefix: What is the same for every request of one agent for one creator, byte for byte:
            rules, style, examples. Providers read it at a tenth of the price or less from 1,024
            tokens on; see `huntaze.ai.is_cacheable`.
        suffix: What is new in this request. Text of fans and pages is data in here, never in the
            prefix.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: Annotated[str, Field(min_length=1, max_length=200_000)]
    suffix: Annotated[str, Field(min_length=1, max_length=200_000)]


class Reason(StrEnum):
    """Why the router chose a tier."""

    CRITICAL = "critical"
    # Decisions about money and safety are never taken by the economy tier.
    PROTECTED_TASK = "protected_task"
    COMPLEX = "complex"
    ORDINARY = "ordinary"
    # The budget has no more room for the tier that was chosen first.
    OVER_BUDGET = "over_budget"
    # The workspace has chosen the economy tier for this kind of work.
    WORKSPACE = "workspace"


@dataclass(frozen=True)
class Hop:
    """A model of a provider, as one step of the way to an answer."""

    provider: Provider
    model: str

    @property
    def circuit(self) -> str:
        """The name of its circuit breaker."""
        return f"{self.provider.value}/{self.model}"


@dataclass(frozen=True)
class Decision:
    """What the router decided, and why; stored with every generation."""

    task: str
    complexity: int
    tier: Tier
    reason: Reason
    hops: tuple[Hop, ...]


@dataclass(frozen=True)
class Usage:
    """The tokens of one call. ``input_tokens`` are all; cached and written ones are among them.

    ``output_tokens`` include those of the model's own reasoning.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True)
class Answer[O: BaseModel]:
    """What a model answered, validated, and what it took.

    Args:
        value: The answer.
        generation_id: What `huntaze.ai.record_outcome` is told later, and the drafts keep.
        decision: What the router decided.
        provider: Who answered; None: the cache of answers.
        model: Which model answered, now or when the answer was cached.
        usage: Tokens of all attempts that were billed.
        cost_nanos: What they cost, in billionths of a US dollar.
        latency_ms: From the request to the answer.
        cached: Whether the answer was there already.
        degraded: Whether the budget made it the economy tier's, and shorter.
    """

    value: O
    generation_id: UUID
    decision: Decision
    provider: Provider | None
    model: str
    usage: Usage
    cost_nanos: int
    latency_ms: int
    cached: bool
    degraded: bool


class Writer(Protocol):
    """Whoever answers requests: the router in a function, a script in a test."""

    def generate[O: BaseModel](
        self, request: Request, prompt: Prompt, output: type[O]
    ) -> Answer[O]:
        """Have a model work on ``prompt``; its answer is an ``output``.

        Raises:
            UnknownTaskError: The task is unknown.
            PromptTooLongError: No model takes that much.
            BudgetUsedUpError: The budget has no room until its reset.
            NoAnswerError: No provider answered before the deadline.
            DeclinedTextError: The model does not work on this text.
            UnusableAnswerError: What was answered is not an ``output``, and so again.
        """
        ...


class Outcome(StrEnum):
    """What became of what a model wrote."""

    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"
    HANDED_OVER = "handed_over"
    RESOLVED = "resolved"
