"""What people made of what models wrote."""

from collections.abc import Collection
from uuid import UUID

from huntaze.ai.models import Outcome
from huntaze.db import Connection
from huntaze.errors import InvalidInputError, NotFoundError

_WORST, _BEST = 1, 5


def record_outcome(
    connection: Connection,
    generation_id: UUID,
    outcome: Outcome,
    *,
    by: UUID | None = None,
    satisfaction: int | None = None,
) -> None:
    """Record what became of a generation, in the caller's transaction; the last word counts.

    Args:
        connection: Inside a transaction of the workspace.
        generation_id: As the answer said.
        outcome: What became of it.
        by: Who decided; None: a rule or a workflow.
        satisfaction: From 1 to 5, if somebody said; what was said before stays otherwise.

    Raises:
        NotFoundError: The workspace has no such generation.
        InvalidInputError: The satisfaction is not from 1 to 5.
    """
    if satisfaction is not None and not _WORST <= satisfaction <= _BEST:
        raise InvalidInputError("Satisfaction is a number from 1 to 5.")
    changed = connection.execute(
        "UPDATE ai_generations SET outcome = %s, outcome_by = %s, outcome_at = clock_timestamp(),"
        " satisfaction = coalesce(%s, satisfaction)"
        " WHERE workspace_id = current_setting('app.workspace_id')::uuid AND id = %s",
        (outcome.value, by, satisfaction, generation_id),
    )
    if changed.rowcount == 0:
        raise NotFoundError("There is no such generation.")


def settle_outcomes(
    connection: Connection, generation_ids: Collection[UUID], outcome: Outcome
) -> None:
    """Record what a workflow made of generations, as far as nobody has said anything of them."""
    connection.execute(
        "UPDATE ai_generations SET outcome = %s, outcome_at = clock_timestamp()"
        " WHERE workspace_id = current_setting('app.workspace_id')::uuid AND id = ANY (%s)"
        " AND outcome IS NULL",
        (outcome.value, list(generation_ids)),
    )
