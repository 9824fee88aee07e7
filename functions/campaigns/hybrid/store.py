"""What the rules of workflows need of wherever workflows are kept."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from functions.campaigns.hybrid.models import (
    AiForecast,
    HybridOrder,
    Reply,
    Step,
    StoredStep,
    StoredWorkflow,
    WorkflowStatus,
)
from huntaze.ai.agents import Voice
from huntaze.db import Connection
from huntaze.domain.audience import SegmentRules
from huntaze.domain.audience.timing import LocalHour
from huntaze.domain.workflows.runs import Halt


class Part(NamedTuple):
    """A segment of an audience, and the fans of it who are in none before it."""

    rules: dict[str, Any]
    fans: int


class WorkflowStore(Protocol):
    """The workflows of one workspace; ``PostgresWorkflows`` documents each method."""

    def transaction(self) -> AbstractContextManager[Connection]: ...

    def add(
        self, order: HybridOrder, forecast: AiForecast, *, creator_id: UUID, requested_by: UUID
    ) -> UUID: ...

    def get(self, workflow_id: UUID, *, lock: bool = False) -> StoredWorkflow: ...

    def steps(self, workflow_id: UUID) -> dict[Step, StoredStep]: ...

    def claim(
        self, workflow: StoredWorkflow, step: Step, lease: timedelta
    ) -> StoredStep | None: ...

    def let_go(self, workflow: StoredWorkflow, step: Step) -> None: ...

    def keep_reply(self, workflow: StoredWorkflow, step: Step, reply: Reply) -> Reply: ...

    def finish(self, workflow: StoredWorkflow, step: Step, result: dict[str, Any]) -> None: ...

    def link(self, workflow: StoredWorkflow, campaign_id: UUID) -> None: ...

    def end(
        self, workflow: StoredWorkflow, status: WorkflowStatus, halt: Halt | None = None
    ) -> None: ...

    def run_again(self, row_id: UUID, *, by: UUID | None) -> None: ...

    def voice(self, creator_id: UUID) -> Voice: ...

    def figures(self, creator_id: UUID, since: datetime) -> dict[str, Any]: ...

    def audience(self, workflow: StoredWorkflow) -> tuple[list[Part], int]: ...

    def words(self, creator_id: UUID) -> Mapping[str, list[str]]: ...

    def count(self, creator_id: UUID, rules: SegmentRules) -> int: ...

    def activity(self, workflow: StoredWorkflow, since: datetime) -> Mapping[LocalHour, int]: ...

    def messages_per_minute(self, creator_id: UUID) -> int: ...
