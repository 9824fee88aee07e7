"""What an agent wrote, as both checks read it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from huntaze import ai
from huntaze.ai import agents
from huntaze.domain.compliance.review import Reviews, review
from huntaze.domain.drafts import DraftKind
from huntaze.errors import HuntazeError


class CheckUnavailableError(HuntazeError):
    """No model could look at what was written, so nothing of it is approved or kept."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


@dataclass(frozen=True)
class Written:
    """One text of an answer."""

    kind: DraftKind
    body: str
    title: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> str:
        """All its words, as the checks read them."""
        tags = " ".join(f"#{tag}" for tag in self.details.get("hashtags", []))
        return "\n".join(part for part in (self.title, self.body, tags) if part)


def check(
    texts: Sequence[Written],
    platforms: Sequence[str],
    writer: ai.Writer,
    client: agents.Client,
    *,
    deadline: timedelta,
) -> Reviews:
    """Both checks; a text for several platforms must be fit for each.

    Raises:
        BudgetUsedUpError: The budget has no room for the check.
        CheckUnavailableError: No model could make it.
    """
    found = review(
        [one.whole for one in texts],
        platforms=platforms,
        writer=writer,
        client=client,
        deadline=deadline,
    )
    if isinstance(found.outage, ai.BudgetUsedUpError):
        raise found.outage
    if found.outage is not None:
        raise CheckUnavailableError(
            "No model could check what was written, so nothing was kept; try again."
        )
    return found
