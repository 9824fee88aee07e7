"""The operator's commands of a restore, against a stage that stands in."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import pytest

from functions.billing.sweep import models as sweep_models
from functions.lanes.models import Restored
from operations import restore, stage

MARK = ["mark", "--stage", "dev", "--moment", "2026-01-01T08:00:00Z", "--by", "ops@example.com"]
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:huntaze-dev-campaign"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    """AWS, with a stack of two functions and one running execution."""
    made = Mock()
    made.meta.region_name = "eu-west-1"
    made.get_caller_identity.return_value = {"Account": "123456789012"}
    stack = [
        {
            "ResourceType": f"AWS::Lambda::{kind}",
            "LogicalResourceId": logical,
            "PhysicalResourceId": f"physical-{logical}",
        }
        for kind, logical in (
            ("Permission", "Lanes0000000A"),
            ("Function", "LanesSweep0000000B"),
            ("Function", "Lanes0000000C"),
            ("Function", "BillingSweep0000000D"),
        )
    ]
    pages = {
        "list_stack_resources": [{"StackResourceSummaries": stack}],
        "list_executions": [{"executions": [{"executionArn": "arn:one"}]}],
    }
    made.get_paginator.side_effect = lambda name: Mock(paginate=Mock(return_value=pages[name]))
    made.invoke.side_effect = lambda **_: {"Payload": io.BytesIO(json.dumps(made.told).encode())}
    made.told = {"held": 7}
    monkeypatch.setattr(stage.boto3, "client", lambda _service: made)
    return made


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_nothing_is_marked_without_the_word(aws: Mock, capsys: pytest.CaptureFixture[str]) -> None:
    assert restore.main(MARK) == 0
    assert answer(capsys)["would_invoke"] == "Lanes"
    aws.invoke.assert_not_called()


def test_marking_sends_an_order_that_the_function_takes(
    aws: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert restore.main([*MARK, "--apply"]) == 0
    assert answer(capsys) == {"held": 7}
    call = aws.invoke.call_args.kwargs
    assert call["FunctionName"] == "physical-Lanes0000000C"
    order = Restored.model_validate_json(call["Payload"])
    assert (order.moment, order.by) == (datetime(2026, 1, 1, 8, tzinfo=UTC), "ops@example.com")


def test_payments_are_ordered_of_the_sweep_that_takes_it(
    aws: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    order = ["payments", *MARK[1:5]]
    assert restore.main(order) == 0
    assert answer(capsys)["would_invoke"] == "BillingSweep"
    aws.invoke.assert_not_called()
    assert restore.main([*order, "--apply"]) == 0
    call = aws.invoke.call_args.kwargs
    assert call["FunctionName"] == "physical-BillingSweep0000000D"
    sent = sweep_models.Restored.model_validate_json(call["Payload"])
    assert sent.moment == datetime(2026, 1, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize("moment", ["2026-01-01T08:00:00", "2999-01-01T08:00:00Z", "yesterday"])
def test_an_unclear_moment_is_refused(moment: str) -> None:
    with pytest.raises(SystemExit):
        restore.main([*MARK[:4], moment, *MARK[5:]])


def test_a_function_that_fails_is_told(aws: Mock, capsys: pytest.CaptureFixture[str]) -> None:
    failed = io.BytesIO(b'{"errorMessage": "no database"}')
    aws.invoke.side_effect = lambda **_: {"Payload": failed, "FunctionError": "Unhandled"}
    assert restore.main(["status", "--stage", "dev"]) == 1
    assert "no database" in capsys.readouterr().err


def test_executions_are_listed_and_then_stopped(
    aws: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert restore.main(["stop-executions", "--stage", "dev"]) == 0
    assert answer(capsys) == {"running": ["arn:one"], "stopped": False}
    aws.stop_execution.assert_not_called()
    assert restore.main(["stop-executions", "--stage", "dev", "--apply"]) == 0
    assert aws.stop_execution.call_args.kwargs["executionArn"] == "arn:one"


def test_a_stack_without_the_function_is_named(
    aws: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.get_paginator.side_effect = lambda _: Mock(
        paginate=Mock(return_value=[{"StackResourceSummaries": []}])
    )
    assert restore.main([*MARK, "--apply"]) == 1
    assert "Huntaze-dev-Functions" in capsys.readouterr().err
