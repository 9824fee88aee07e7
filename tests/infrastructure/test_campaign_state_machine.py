"""The campaign's state machine: every step is retried, caught and named."""

import json

import pytest

_STEPS = [
    *("prepare", "check_compliance", "dry_run", "await_approval", "freeze", "wait_until_due"),
    *("release", "await_delivery", "announce", "summarise", "done"),
]


@pytest.fixture(scope="session")
def machine(local):
    (found,) = local.of_kind("AWS::StepFunctions::StateMachine")
    parts = found.properties["DefinitionString"]["Fn::Join"][1]
    return json.loads("".join(part if isinstance(part, str) else "arn" for part in parts))


@pytest.fixture(scope="session")
def tasks(machine):
    return {name: state for name, state in machine["States"].items() if state["Type"] == "Task"}


def test_a_campaign_goes_through_its_steps_in_order(machine):
    order = [machine["StartAt"]]
    while "Next" in machine["States"][order[-1]]:
        order.append(machine["States"][order[-1]]["Next"])
    assert order == _STEPS


def test_every_step_is_caught_and_its_failure_names_it(machine, tasks):
    for name, task in tasks.items():
        (catch,) = task["Catch"]
        assert catch["ErrorEquals"] == ["States.ALL"]
        if name == "fail":
            assert catch["Next"] == "failed"
        else:
            note = machine["States"][catch["Next"]]
            assert (note["Result"], note["Next"]) == (name, "fail")


def test_every_step_is_retried_with_jitter_but_not_a_refusal(tasks):
    for name, task in tasks.items():
        refusal, *retried = task["Retry"]
        assert refusal["ErrorEquals"] == ["CampaignRefused", "CampaignOvertaken"], name
        assert refusal["MaxAttempts"] == 0, name
        assert retried, name
        assert all(retry["JitterStrategy"] == "FULL" for retry in retried), name
        assert retried[-1]["ErrorEquals"] == ["States.TaskFailed"], name


def test_the_waiting_steps_hand_out_their_token(tasks):
    waiting = {name for name, task in tasks.items() if "waitForTaskToken" in str(task["Resource"])}
    assert waiting == {"await_approval", "await_delivery"}
    for name in waiting:
        payload = tasks[name]["Parameters"]["Payload"]
        assert payload["task_token.$"] == "$$.Task.Token"


def test_steps_pass_ids_and_nothing_else(tasks):
    # The input of an execution is ids, too.
    ids = {"step", "campaign_id.$", "workspace_id.$", "launch.$", "input.$", "task_token.$"}
    for name, task in tasks.items():
        payload = set(task["Parameters"]["Payload"])
        extra = payload - ids
        assert extra == ({"failed_step.$", "error.$"} if name == "fail" else set())
        if name == "freeze":
            assert task["ResultSelector"] == {"scheduled_at.$": "$.Payload.scheduled_at"}
        else:
            assert task["ResultPath"] is None
