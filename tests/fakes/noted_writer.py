"""A writer that always says the same, and notes each generation as the router would."""

from pydantic import BaseModel

from huntaze import ai
from huntaze.db import ConnectionSource, Tenant
from tests.fakes.scripted_writer import ScriptedWriter


class NotedWriter:
    """Gives one answer to every request.

    Args:
        source: Lends connections with the role ``app``.
        said: The answer.
    """

    def __init__(self, source: ConnectionSource, said: BaseModel) -> None:
        self._source = source
        self._said = said

    def generate[O: BaseModel](
        self, request: ai.Request, prompt: ai.Prompt, output: type[O]
    ) -> ai.Answer[O]:
        """Note a generation, and give the answer."""
        answer = ScriptedWriter(self._said).generate(request, prompt, output)
        with Tenant(self._source, request.workspace_id).transaction() as connection:
            connection.execute(
                "INSERT INTO ai_generations (workspace_id, id, creator_id, task, agent, complexity,"
                " critical, tier, reason, hops)"
                " VALUES (%s, %s, %s, %s, %s, 5, false, 'economy', 'ordinary', '{}')",
                (
                    request.workspace_id,
                    answer.generation_id,
                    request.creator_id,
                    request.task,
                    request.agent,
                ),
            )
        return answer
