"""What halts a workflow under way, what it shows then, and how it goes on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from functions.campaigns.hybrid.models import Step
from functions.campaigns.sweep import handler as sweep
from huntaze import ai
from huntaze.domain.workflows.runs import ModelsUnavailable, RunOvertaken, RunRefused, RunStopped
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.hybrid_steps import ASKING, BEFORE_HANDOVER, task_of
from tests.fakes.speaking_writer import SpeakingWriter

NO_ANSWER = ai.NoAnswerError("No provider answered.")


@pytest.mark.parametrize("name", ASKING)
def test_an_outage_of_models_approves_nothing_and_shows_what_is_done(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    resume: Callable[..., Answer],
    writer: SpeakingWriter,
    name: Step,
) -> None:
    began = start()
    at = BEFORE_HANDOVER.index(name)
    step(began, *BEFORE_HANDOVER[:at])
    task = task_of(name)
    writer.trouble[task] = [NO_ANSWER, NO_ANSWER]
    for _ in range(2):
        with pytest.raises(ModelsUnavailable):
            step(began, name)
    step(began, "halt", failed_step=name.value, error={"Error": "ModelsUnavailable", "Cause": ""})
    found = status(began["workflow_id"])
    assert (found["status"], found["halt"]["step"]) == ("failed", name.value)
    assert found["halt"]["resumable"] is True
    assert [one["status"] for one in found["steps"][:at]] == ["done"] * at
    assert all(one["result"] for one in found["steps"][:at])
    assert found["campaign_id"] is None
    assert desk.rows("SELECT id FROM campaigns") == []
    # An execution of the past has no say any more.
    with pytest.raises(RunOvertaken):
        step(began, name)

    asked = len(writer.asked)
    resumed = resume(began)
    assert (resumed.status, resumed.body["run"]) == (202, 2)
    step(began, *BEFORE_HANDOVER, run=2)
    # What was there before is not asked for again.
    assert len(writer.asked) - asked == len(ASKING) - ASKING.index(name)
    assert len(desk.rows("SELECT id FROM campaigns")) == 1


def test_without_budget_it_stops_with_the_time_when_there_is_more(
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    writer: SpeakingWriter,
) -> None:
    began = start()
    step(began, Step.HISTORY, Step.CONTENT)
    used_up = ai.BudgetUsedUpError("The budget is used up.", retry_after=7200)
    writer.trouble["content_optimization"] = [used_up]
    with pytest.raises(RunStopped):
        step(began, Step.OPTIMIZATION)
    found = status(began["workflow_id"])
    assert (found["status"], found["halt"]["error"]) == ("stopped", "BudgetUsedUp")
    resets_at = datetime.fromisoformat(found["halt"]["resets_at"])
    assert abs(resets_at - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=5)
    # The machine's last word changes nothing of it.
    step(began, "halt", failed_step="optimization", error={"Error": "RunStopped"})
    assert status(began["workflow_id"])["status"] == "stopped"


def test_texts_that_the_model_forbids_go_no_further(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    resume: Callable[..., Answer],
    book: Callable[[str], None],
    writer: SpeakingWriter,
) -> None:
    began = start()
    step(began, *BEFORE_HANDOVER[:7])
    count = len(status(began["workflow_id"])["steps"][6]["result"]["passed"])
    no = {"allowed": False, "reason": "it promises a meeting"}
    writer.answers["compliance_check"] = {f"text_{n}": no for n in range(1, count + 1)}
    asked = [one["generation_id"] for one in status(began["workflow_id"])["steps"]]
    for one in filter(None, asked):
        book(one)
    with pytest.raises(RunRefused):
        step(began, Step.REVIEW)
    found = status(began["workflow_id"])
    # Nobody will ever decide on what was written.
    outcomes = [one["outcome"] for one in desk.rows("SELECT outcome FROM ai_generations")]
    assert outcomes == ["rejected"] * len(ASKING[:-1])
    assert (found["status"], found["halt"]["error"]) == ("failed", "Blocked")
    assert "it promises a meeting" in found["halt"]["reason"]
    assert resume(began).status == 409
    assert desk.rows("SELECT id FROM campaigns") == []


def _set_workflow(desk: Desk, workflow: dict[str, Any], assignments: str) -> None:
    with desk.app.transaction() as connection:
        connection.execute(
            f"UPDATE workflows SET {assignments} WHERE id = %s",
            (workflow["workflow_id"],),
        )


def test_the_sweep_starts_what_was_not_started_and_ends_what_is_silent(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    status: Callable[[str], dict[str, Any]],
    lambda_context: object,
    aws: Mock,
) -> None:
    waiting, silent = start(), start()
    _set_workflow(desk, waiting, "execution_arn = NULL, started_at = now() - interval '1 hour'")
    _set_workflow(desk, silent, "updated_at = now() - interval '5 hours'")
    aws.machine.start_execution.reset_mock()
    sweep.handler({}, lambda_context)  # type: ignore[arg-type]
    names = {call.kwargs["name"] for call in aws.machine.start_execution.call_args_list}
    # The database is everybody's: other tests' workflows may wait, too.
    assert f"{waiting['workflow_id']}-1" in names
    assert f"{silent['workflow_id']}-1" not in names
    found = status(silent["workflow_id"])
    assert (found["status"], found["halt"]["error"]) == ("failed", "Lost")


def test_an_execution_whose_workspace_is_erased_ends_in_silence(
    desk: Desk, start: Callable[..., dict[str, Any]], step: Callable[..., None]
) -> None:
    began = start()
    gone = {**began, "workflow_id": str(new_id())}
    with pytest.raises(RunOvertaken):
        step(gone, Step.HISTORY)
    assert desk.rows("SELECT * FROM workflow_steps") == []
