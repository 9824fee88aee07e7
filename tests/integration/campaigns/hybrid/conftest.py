"""Workflows on real Postgres: how they are ordered, run step by step, resumed and looked at."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.campaigns.api import handler as door
from functions.campaigns.hybrid.tasks import handler as tasks
from functions.campaigns.tasks import handler as campaign_tasks
from huntaze import ai
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.hybrid_steps import GOAL
from tests.fakes.speaking_writer import SpeakingWriter


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> SpeakingWriter:
    made = SpeakingWriter()
    monkeypatch.setattr(ai, "writer", lambda: made)
    return made


@pytest.fixture
def start(ask_door: Callable[..., Answer], desk: Desk) -> Callable[..., dict[str, Any]]:
    """Order a workflow over HTTP."""

    def order(expect: int = 202, **values: object) -> dict[str, Any]:
        answer = ask_door(door, desk, "POST", "/api/v2/campaigns/hybrid", {"goal": GOAL} | values)
        assert answer.status == expect, answer.body
        found: dict[str, Any] = answer.body
        return found

    return order


@pytest.fixture
def status(ask_door: Callable[..., Answer], desk: Desk) -> Callable[[str], dict[str, Any]]:
    def look(workflow_id: str) -> dict[str, Any]:
        query = {"workflow_id": workflow_id}
        answer = ask_door(door, desk, "GET", "/api/v2/campaigns/status", query=query)
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.body
        return found

    return look


@pytest.fixture
def step(
    desk: Desk,
    writer: SpeakingWriter,  # noqa: ARG001  (wired first)
    lambda_context: object,
) -> Callable[..., None]:
    """Run one step, or several, as the machine calls them."""

    def run(workflow: dict[str, Any], *names: str, run: int = 1, **payload: object) -> None:
        for name in names:
            event = {
                "step": str(name),
                "workspace_id": str(desk.workspace_id),
                "workflow_id": workflow["workflow_id"],
                "run": run,
                "input": {"correlation_id": workflow["correlation_id"]},
                **payload,
            }
            tasks.handler(event, lambda_context)  # type: ignore[arg-type]

    return run


@pytest.fixture
def resume(ask_door: Callable[..., Answer], desk: Desk) -> Callable[..., Answer]:
    """Ask for another run of a workflow, as somebody of its workspace or of another one."""

    def order(workflow: dict[str, Any], by: Desk = desk) -> Answer:
        path = f"/api/v2/campaigns/hybrid/{workflow['workflow_id']}/resume"
        return ask_door(door, by, "POST", path, {})

    return order


@pytest.fixture
def prepare(desk: Desk, lambda_context: object) -> Callable[[str], None]:
    """Walk the campaign's own machine up to its approval."""

    def walk(campaign_id: str) -> None:
        for name in ("prepare", "check_compliance", "dry_run", "await_approval"):
            event = {
                "step": name,
                "workspace_id": str(desk.workspace_id),
                "campaign_id": campaign_id,
                "launch": 1,
                "task_token": "T",
            }
            campaign_tasks.handler(event, lambda_context)  # type: ignore[arg-type]

    return walk


@pytest.fixture
def book(desk: Desk) -> Callable[[str], None]:
    """Write what the books of models have of a question; the writer of these tests writes none."""

    def add(generation_id: str) -> None:
        with desk.app.transaction() as connection:
            connection.execute(
                "INSERT INTO ai_generations (workspace_id, id, task, agent, complexity, critical,"
                " tier, reason, hops) VALUES (%s, %s, 'campaign_variants', 'marketing', 5, false,"
                " 'economy', 'ordinary', '{}')",
                (desk.workspace_id, generation_id),
            )

    return add
