"""Asking an agent."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from huntaze.ai.agents.prompts import Agent, prompt_of
from huntaze.ai.agents.voice import Voice
from huntaze.ai.models import Answer, Request, Writer
from huntaze.ai.tasks import Task

_DEADLINE = timedelta(seconds=20)


@dataclass(frozen=True)
class Client:
    """For whom an agent works.

    Args:
        workspace_id: Whose budget pays.
        creator_id: Whose voice it is.
        voice: How the creator sounds.
        campaign_id: What the work belongs to.
    """

    workspace_id: UUID
    creator_id: UUID
    voice: Voice
    campaign_id: UUID | None = None


def ask[O: BaseModel](
    writer: Writer,
    agent: Agent,
    task: Task,
    client: Client,
    data: dict[str, Any],
    output: type[O],
    *,
    output_tokens: int,
    deadline: timedelta = _DEADLINE,
    complexity: int | None = None,
    critical: bool = False,
) -> Answer[O]:
    """Have an agent work on a task; see `huntaze.ai.Writer` for what may go wrong.

    Args:
        writer: Who answers.
        agent: Who is asked.
        task: One of the agent's tasks.
        client: For whom.
        data: What it is about, in words that JSON has.
        output: What the answer must look like.
        output_tokens: The most tokens that the answer may have.
        deadline: Until when there is an answer or an error.
        complexity: From 1 to 10, where this piece of work is harder than its task is usually.
        critical: Whether a mistake would be worse than the price of the better model.
    """
    request = Request(
        task=task.value,
        workspace_id=client.workspace_id,
        agent=agent.name,
        output_tokens=output_tokens,
        creator_id=client.creator_id,
        campaign_id=client.campaign_id,
        complexity=complexity,
        critical=critical,
        prompt_version=agent.prompt_version,
        deadline=deadline,
    )
    return writer.generate(request, prompt_of(agent, task, client.voice, data), output)
