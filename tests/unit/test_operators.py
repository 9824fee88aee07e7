"""Operators: when a stage is degraded, and the command that gives the role."""

import io
import json
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.operators import service
from functions.operators.models import (
    Breaker,
    GrantOrder,
    Lanes,
    ListOrder,
    ReadmissionOrder,
    Work,
    Workflows,
)
from huntaze.ai.breaker import State
from huntaze.ai.catalogue import Provider
from huntaze.auth import EmailUnverifiedError, NoWorkspaceError, Person, principal_from
from huntaze.errors import ForbiddenError
from huntaze.ids import new_id
from operations import operators, stage

QUIET = Lanes(at_work=3, stalled=0, held_by_restore=0)
NO_WORKFLOWS = Workflows(
    running=0,
    oldest_seconds=None,
    waiting=0,
    queue_seconds=None,
    completed_today=0,
    stopped_today=0,
    failed_today=0,
    last_success_at=None,
)
LONGEST = {kind: longest.total_seconds() for kind, longest in service._LONGEST.items()}
WHY = ["--stage", "dev", "--by", "ops", "--reason", "on call"]


@given(st.sampled_from(sorted(LONGEST)), st.floats(0, 1e7))
def test_degraded_is_what_waits_longer_than_it_should(kind: Any, seconds: float) -> None:
    work = [Work(kind=kind, waiting=1, oldest_seconds=seconds)]
    assert service.judge(QUIET, work) == (seconds <= LONGEST[kind])


def test_lanes_that_get_nowhere_degrade_and_imports_never_do() -> None:
    assert service.judge(QUIET, [Work(kind="imports", waiting=1, oldest_seconds=1e7)])
    assert not service.judge(QUIET.model_copy(update={"stalled": 1}), [])


@given(
    st.lists(st.sampled_from(State), max_size=4),
    st.none() | st.floats(0, 1e5),
    st.none() | st.floats(0, 1e5),
)
def test_degraded_is_a_model_that_is_not_asked_or_a_workflow_that_waits(states, queue, oldest):
    told = [
        Breaker(provider=Provider.OPENAI, model="m", state=state, failures=0, until=None)
        for state in states
    ]
    flows = NO_WORKFLOWS.model_copy(update={"queue_seconds": queue, "oldest_seconds": oldest})
    well = {*states} <= {State.CLOSED} and (queue or 0) <= 300 and (oldest or 0) <= 9000
    assert service.judge_models(told, flows) == well
    assert not service.judge_models(None, flows)


@pytest.mark.parametrize(
    ("operator", "verified", "refusal"),
    [(False, True, ForbiddenError), (True, False, EmailUnverifiedError), (True, True, None)],
)
def test_asks_for_the_role_and_for_a_verified_address(operator, verified, refusal) -> None:
    ids = {name: new_id() for name in ("user_id", "session_id")}
    person = Person(**ids, operator=operator, email_verified=verified)
    if refusal is None:
        person.require_operator()
    else:
        with pytest.raises(refusal):
            person.require_operator()


def test_an_operator_in_no_workspace_is_no_member(lone_operator: dict[str, str]) -> None:
    with pytest.raises(NoWorkspaceError):
        principal_from(lone_operator)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """A stage whose function answers what it is told."""
    made = Mock(told={"outcome": "granted"})
    monkeypatch.setattr(stage, "function_name", lambda _stage, name: f"physical-{name}")
    made.invoke.side_effect = lambda **_: {"Payload": io.BytesIO(json.dumps(made.told).encode())}
    monkeypatch.setattr(stage.boto3, "client", lambda _service: made)
    return made


@pytest.mark.parametrize("action", ["grant", "revoke"])
def test_the_command_sends_an_order_that_the_function_takes(aws, action, capsys) -> None:
    assert operators.main([action, "ada@example.com", *WHY]) == 0
    sent = aws.invoke.call_args.kwargs
    assert sent["FunctionName"] == "physical-OperatorGrants"
    order = GrantOrder.model_validate_json(sent["Payload"])
    assert (order.action, order.email, order.by) == (action, "ada@example.com", "ops")
    assert json.loads(capsys.readouterr().out) == aws.told


def test_the_command_readmits_an_address(aws) -> None:
    aws.told = {"outcome": "readmitted"}
    assert operators.main(["readmit", "eve@example.com", *WHY]) == 0
    sent = aws.invoke.call_args.kwargs
    assert sent["FunctionName"] == "physical-OperatorGrants"
    order = ReadmissionOrder.model_validate_json(sent["Payload"])
    assert (order.email, order.by, order.reason) == ("eve@example.com", "ops", "on call")


def test_the_command_lists(aws, capsys) -> None:
    aws.told = {"operators": []}
    assert operators.main(["list", "--stage", "dev"]) == 0
    ListOrder.model_validate_json(aws.invoke.call_args.kwargs["Payload"])
    assert json.loads(capsys.readouterr().out) == {"operators": []}


def test_the_command_says_when_nobody_has_the_address(aws, capsys) -> None:
    aws.told = {"outcome": "unknown"}
    assert operators.main(["grant", "ada@example.com", *WHY]) == 1
    assert "verified" in capsys.readouterr().err
