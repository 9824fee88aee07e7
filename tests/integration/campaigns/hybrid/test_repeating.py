"""Each step is done once, though it is called again or has died on the way."""

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from functions.campaigns.hybrid.models import Step
from functions.campaigns.hybrid.tasks import handler as tasks
from huntaze.domain.workflows.runs import StepBusy
from tests.fakes.creator_desk import Desk
from tests.fakes.hybrid_steps import ASKING, BEFORE_HANDOVER
from tests.fakes.speaking_writer import COST, SpeakingWriter


def _let_lease_end(desk: Desk) -> None:
    with desk.app.transaction() as connection:
        connection.execute(
            "UPDATE workflow_steps SET leased_until = now() - interval '1 hour'"
            " WHERE leased_until IS NOT NULL"
        )


@pytest.mark.parametrize("name", BEFORE_HANDOVER)
def test_a_step_that_is_called_again_does_nothing_twice(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    writer: SpeakingWriter,
    name: Step,
) -> None:
    began = start()
    step(began, *BEFORE_HANDOVER[: BEFORE_HANDOVER.index(name)])
    step(began, name)
    asked, found = len(writer.asked), desk.rows("SELECT * FROM workflow_steps")
    step(began, name, name)
    assert len(writer.asked) == asked
    assert desk.rows("SELECT * FROM workflow_steps") == found
    assert len(desk.rows("SELECT id FROM campaigns")) == (name is Step.CAMPAIGN)


@pytest.mark.parametrize("name", ASKING)
def test_a_step_that_died_with_its_reply_is_done_again_and_not_paid_again(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    writer: SpeakingWriter,
    monkeypatch: pytest.MonkeyPatch,
    name: Step,
) -> None:
    began = start()
    step(began, *BEFORE_HANDOVER[: BEFORE_HANDOVER.index(name)])

    def die(*_: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(tasks.PostgresWorkflows, "finish", die)
        with pytest.raises(SystemExit):
            step(began, name)
    asked = len(writer.asked)
    # Whoever has died still holds it, and lets nobody ask the same meanwhile.
    with pytest.raises(StepBusy):
        step(began, name)
    _let_lease_end(desk)
    step(began, name)
    assert len(writer.asked) == asked
    (row,) = desk.rows("SELECT * FROM workflow_steps WHERE step = %s", name.value)
    assert (row["attempts"], row["finished_at"] is not None) == (2, True)
    assert row["reply"]["cost_nano_usd"] == COST


def test_a_step_that_died_before_its_campaign_was_committed_makes_one(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    aws: Mock,
) -> None:
    began = start()
    step(began, *BEFORE_HANDOVER[:-1])

    def die(*_: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(tasks.PostgresWorkflows, "finish", die)
        with pytest.raises(SystemExit):
            step(began, Step.CAMPAIGN)
    assert desk.rows("SELECT id FROM campaigns") == []
    _let_lease_end(desk)
    aws.machine.start_execution.reset_mock()
    step(began, Step.CAMPAIGN)
    step(began, Step.CAMPAIGN)
    (campaign,) = desk.rows("SELECT id, status FROM campaigns")
    assert campaign["status"] == "preparing"
    names = {call.kwargs["name"] for call in aws.machine.start_execution.call_args_list}
    assert names == {f"{campaign['id']}-1"}
