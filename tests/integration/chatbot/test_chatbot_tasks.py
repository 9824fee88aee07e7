"""Work that waits: it lasts as long as somebody waits for it, and ends with that."""

from datetime import UTC, datetime, timedelta

import pytest

from functions.chatbot import repository
from huntaze import ai

_TASK = "SELECT state, trouble FROM reply_tasks"


@pytest.fixture
def outage(scene):
    """A message that no model could answer yet; whose it is."""
    scene.activate()
    scene.writer.trouble = ai.NoAnswerError("No model answered.")
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "Hello"))
    assert scene.desk.rows(_TASK) == [{"state": "waiting", "trouble": "NoAnswer"}]
    scene.sql("UPDATE reply_tasks SET due_at = clock_timestamp()")
    return platform_id


@pytest.mark.parametrize(
    ("text", "own"), [("I am here", True), ("STOP", False)], ids=["answered", "stopped"]
)
def test_what_wants_no_answer_any_more_is_swept_once(scene, outage, text, own):
    scene.hear(scene.wrote(outage, text, own=own))
    scene.sweep()
    assert scene.desk.rows(_TASK)[0]["state"] == "done"


def test_what_was_answered_while_a_model_worked_is_swept_no_more(scene):
    scene.activate()
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "Hello")
    scene.writer.meanwhile = lambda: scene.wrote(platform_id, "I am here", own=True)
    scene.hear(event)
    assert [row["state"] for row in scene.desk.rows(_TASK)] == ["done"]


def test_an_old_conversation_waits_as_long_as_a_new_one(scene, outage):
    scene.sql(
        "WITH old AS (DELETE FROM reply_tasks RETURNING *)"
        " INSERT INTO reply_tasks (workspace_id, creator_id, fan_id, conversation_id, message_id,"
        " state, created_at) SELECT workspace_id, creator_id, fan_id, conversation_id, message_id,"
        " 'done', created_at - interval '9 days' FROM old"
    )
    scene.hear(scene.wrote(outage, "Are you there?"))
    assert [row["state"] for row in scene.desk.rows(_TASK)] == ["waiting"]


def test_a_long_outage_ends_the_wait_after_a_day_and_not_before(scene, outage, monkeypatch):
    for _ in range(12):
        scene.sql("UPDATE reply_tasks SET due_at = clock_timestamp()")
        scene.sweep()
    assert scene.desk.rows(_TASK) == [{"state": "waiting", "trouble": "NoAnswer"}]
    (wait,) = scene.desk.rows("SELECT due_at FROM reply_tasks")
    assert wait["due_at"] < datetime.now(UTC) + timedelta(hours=2)
    monkeypatch.setattr(repository, "_TOO_LATE", timedelta(0))
    scene.sql("UPDATE reply_tasks SET due_at = clock_timestamp()")
    scene.sweep()
    assert scene.desk.rows(_TASK) == [{"state": "given_up", "trouble": "NoAnswer"}]
    assert outage


def test_who_raises_a_budget_waits_for_no_reset(scene):
    scene.activate()
    days = timedelta(days=20)
    scene.writer.trouble = ai.BudgetUsedUpError("No room.", retry_after=int(days.total_seconds()))
    scene.hear(scene.wrote(scene.fan()[1], "Hello"))
    (row,) = scene.desk.rows("SELECT due_at FROM reply_tasks")
    wait = row["due_at"] - datetime.now(UTC)
    assert timedelta(minutes=50) < wait <= timedelta(hours=1)


def test_what_waits_for_longer_than_a_day_is_shown_to_no_model(scene, outage, monkeypatch):
    asked = len(scene.writer.asked)
    # The first of the month: there is a budget again.
    scene.writer.trouble = None
    with monkeypatch.context() as a_day_later:
        a_day_later.setattr(repository, "_TOO_LATE", timedelta(0))
        scene.sweep()
    assert scene.desk.rows(_TASK) == [{"state": "given_up", "trouble": "NoAnswer"}]
    assert (len(scene.writer.asked), scene.drafts()) == (asked, [])
    assert [told["why"] for told in scene.desk.events("chatbot.gave_up")] == ["NoAnswer"]
    scene.hear(scene.wrote(outage, "Are you there?"))
    assert len(scene.drafts()) == 1


def test_what_comes_a_day_late_is_handed_over_all_the_same(scene, monkeypatch):
    scene.activate()
    monkeypatch.setattr(repository, "_TOO_LATE", timedelta(0))
    scene.hear(scene.wrote(scene.fan()[1], "I want my money back"))
    assert len(scene.hand_overs()) == 1
    assert scene.desk.events("chatbot.gave_up") == []
