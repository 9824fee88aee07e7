"""A desk with campaigns, and the door that leads to them."""

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest

from functions.campaigns.api import handler as door
from functions.campaigns.hybrid import routes as hybrid_door
from functions.campaigns.hybrid.tasks import handler as hybrid_tasks
from functions.campaigns.sweep import handler as sweep
from functions.campaigns.tasks import handler as tasks
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk

BASE = "/api/marketing/campaigns"


@pytest.fixture
def aws(record_aws: Callable[..., Mock]) -> Mock:
    """What AWS was asked: ``machine``, ``queue``, ``relay``, ``flags``."""
    return record_aws(door, tasks, sweep, hybrid_door, hybrid_tasks)


@pytest.fixture
def desk(aws: Mock, open_desk: Callable[..., Desk]) -> Desk:  # noqa: ARG001  (wired first)
    return open_desk()


@pytest.fixture
def call(desk: Desk, ask_door: Callable[..., Answer]) -> Callable[..., Answer]:
    """Ask as the workspace's owner, or in another role."""

    def ask(method: str, path: str = "", body: object = None, **event: Any) -> Answer:
        return ask_door(door, desk, method, BASE + path, body, **event)

    return ask


@pytest.fixture
def draft(call: Callable[..., Answer]) -> Callable[..., dict[str, Any]]:
    def make(**values: object) -> dict[str, Any]:
        answer = call("POST", body={"name": "Spring", "message": "Hi {display_name|love}"} | values)
        assert answer.status == 201, answer.body
        found: dict[str, Any] = answer.body
        return found

    return make


@pytest.fixture
def at(desk: Desk, draft: Callable[..., dict[str, Any]]) -> Callable[..., str]:
    """A campaign in a status, as the machinery would have left it."""

    def make(status: str, **columns: object) -> str:
        campaign_id = draft()["id"]
        desk.set_campaign(UUID(campaign_id), status=status, **columns)
        return str(campaign_id)

    return make


@pytest.fixture
def campaign(desk: Desk) -> Callable[..., UUID]:
    """Make a launched campaign in a status."""

    def make(status: str = "preparing", *, approved: bool = False, **columns: object) -> UUID:
        campaign_id = desk.campaign(status, launch=1, launched_at="now", **columns)
        if approved:
            with desk.app.transaction() as connection:
                connection.execute(
                    "INSERT INTO campaign_approvals (workspace_id, creator_id, campaign_id,"
                    " version, decision, content_hash, decided_by)"
                    " VALUES (%s, %s, %s, 1, 'approved', 'h', %s)",
                    (desk.workspace_id, desk.creator_id, campaign_id, desk.user_id),
                )
        return campaign_id

    return make
