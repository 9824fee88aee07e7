"""What the steps of pipelines need of wherever pipelines are kept."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from functions.content.pipelines.models import Item, PipelineStatus, Spent, StoredPlan
from functions.content.pipelines.slots import Slot
from huntaze.ai.agents import Client
from huntaze.domain.drafts import NewDraft
from huntaze.domain.media import MediaKind
from huntaze.domain.workflows.runs import Halt


class LostPlanError(Exception):
    """The run is over, or somebody else has taken it."""


class NewItem(NamedTuple):
    """An idea that both checks approved."""

    kind: str
    title: str
    description: str
    details: dict[str, Any]


class Refused(NamedTuple):
    """Why what was to stand beside an item was not approved."""

    position: int
    reasons: list[str]


class PlanStore(Protocol):
    """The pipelines of a workspace; ``PostgresPlans`` documents each method."""

    def transaction(self) -> AbstractContextManager[Any]: ...

    def get(self, plan_id: UUID, *, lock: bool = False) -> StoredPlan: ...

    def items(self, plan_id: UUID) -> list[Item]: ...

    def claim(self, plan_id: UUID, run: int, lease: timedelta) -> StoredPlan | None: ...

    def let_go(self, plan: StoredPlan) -> None: ...

    def end(
        self, plan: StoredPlan, status: PipelineStatus, halt: Halt | None = None, *, by: UUID | None
    ) -> bool: ...

    def client(self, plan: StoredPlan) -> Client: ...

    def published(self, creator_id: UUID) -> list[str]: ...

    def find(self, creator_id: UUID, kind: MediaKind, word: str) -> list[UUID]: ...

    def scheduled(self, creator_id: UUID) -> list[tuple[datetime, UUID]]: ...

    def keep_ideas(
        self,
        plan: StoredPlan,
        items: Sequence[NewItem],
        blocked: list[list[str]],
        spent: Spent,
        *,
        asked: int,
    ) -> None: ...

    def keep_assets(self, plan: StoredPlan, assets: dict[int, UUID]) -> None: ...

    def keep_captions(
        self, plan: StoredPlan, kept: Sequence[NewDraft], refused: Sequence[Refused], spent: Spent
    ) -> None: ...

    def keep_slots(self, plan: StoredPlan, slots: dict[int, Slot]) -> None: ...

    def advance(self, plan: StoredPlan) -> None: ...
