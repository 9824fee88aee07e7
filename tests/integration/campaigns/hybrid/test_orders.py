"""Who may order a workflow, and what is refused before it costs anything."""

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from functions.campaigns.api import handler as door
from huntaze import flags
from huntaze.ai.ledger import room_of
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.hybrid_steps import GOAL
from tests.fakes.speaking_writer import SpeakingWriter


@pytest.mark.parametrize("over_budget", ["stop", "degrade"])
def test_nothing_starts_that_the_budget_has_no_room_for(
    desk: Desk,
    ask_door: Callable[..., Answer],
    over_budget: str,
) -> None:
    with desk.app.transaction() as connection:
        connection.execute(
            "INSERT INTO ai_budgets (workspace_id, daily_cents, over_budget, updated_by)"
            " VALUES (%s, 0, %s, %s)",
            (desk.workspace_id, over_budget, desk.user_id),
        )
        assert room_of(connection, desk.workspace_id).nanos == 0
    answer = ask_door(door, desk, "POST", "/api/v2/campaigns/hybrid", {"goal": GOAL})
    assert (answer.status, answer.body["error"]) == (429, "BudgetUsedUp")
    assert 0 < int(answer.headers["Retry-After"][0]) <= 86400
    assert desk.rows("SELECT id FROM workflows") == []


def test_a_workspace_that_the_feature_has_not_reached_starts_nothing(
    desk: Desk, start: Callable[..., dict[str, Any]], resume: Callable[..., Answer], aws: Mock
) -> None:
    began = start()
    held_back = {
        **{name: {"N": "0"} for name in ("share_percent", "version")},
        "workspaces": {"L": []},
        "changed_by": {"S": str(desk.user_id)},
        "changed_at": {"S": "2026-01-01T00:00:00+00:00"},
    }
    aws.flags.get_item.return_value = {"Item": held_back}
    flags.flags.cache_clear()
    assert start(expect=403)["error"] == "FeatureOff"
    assert resume(began).status == 403
    assert len(desk.rows("SELECT id FROM workflows")) == 1
    pilot = {**held_back, "workspaces": {"L": [{"S": str(desk.workspace_id)}]}}
    aws.flags.get_item.return_value = {"Item": pilot}
    flags.flags.cache_clear()
    start()


def test_a_stranger_sees_no_workflow(
    start: Callable[..., dict[str, Any]],
    open_desk: Callable[..., Desk],
    ask_door: Callable[..., Answer],
    resume: Callable[..., Answer],
) -> None:
    began, stranger = start(), open_desk()
    query = {"workflow_id": began["workflow_id"]}
    answer = ask_door(door, stranger, "GET", "/api/v2/campaigns/status", query=query)
    assert answer.status == 404
    assert resume(began, stranger).status == 404


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"price_cents": 500}, None),
        ({"goal": "Write me on telegram"}, None),
        ({"segment_id": str(new_id())}, "segment_id"),
        ({"media_ids": [str(new_id())]}, "media_ids"),
        ({"scheduled_at": "2020-01-01T00:00:00Z"}, "scheduled_at"),
    ],
)
def test_what_could_not_be_sent_is_refused_before_it_costs(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    writer: SpeakingWriter,
    order: dict[str, Any],
    field: str | None,
) -> None:
    refusal = start(expect=422, **order)
    assert field is None or field in refusal["fields"]
    assert writer.asked == []
    assert desk.rows("SELECT id FROM workflows") == []
