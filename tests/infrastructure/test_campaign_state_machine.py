"""The machines: every step is retried, caught and named."""

import json
import random

import pytest

from functions.campaigns.hybrid import running
from functions.content.pipelines import steps as pipeline
from stacks.model_state_machines import HYBRID_STEPS, PIPELINE_STEPS

_STEPS = [
    *("prepare", "check_compliance", "dry_run", "await_approval", "freeze", "wait_until_due"),
    *("release", "await_delivery", "announce", "summarise", "done"),
]


@pytest.fixture(scope="session")
def machines(local):
    found = {}
    for one in local.of_kind("AWS::StepFunctions::StateMachine"):
        parts = one.properties["DefinitionString"]["Fn::Join"][1]
        text = "".join(part if isinstance(part, str) else "arn" for part in parts)
        found[one.properties["StateMachineName"]] = json.loads(text)
    return found


@pytest.fixture(scope="session")
def machine(machines):
    return machines["huntaze-local-campaign"]


# What models do: steps, the id of whose they are, and a step's lease.
_OF_MODELS = {
    "hybrid": (HYBRID_STEPS, "workflow_id", running.LEASE),
    "pipeline": (PIPELINE_STEPS, "plan_id", pipeline.LEASE),
}


@pytest.fixture(scope="session", params=_OF_MODELS)
def of_models(request, machines):
    return machines[f"huntaze-local-{request.param}"], *_OF_MODELS[request.param]


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


def test_what_models_do_goes_through_its_steps_in_order(of_models):
    machine, steps, *_ = of_models
    order = [machine["StartAt"]]
    while "Next" in machine["States"][order[-1]]:
        order.append(machine["States"][order[-1]]["Next"])
    assert order == [*steps, "done"]


def test_every_step_of_models_is_caught_retried_and_named(of_models):
    machine, steps, whose, _ = of_models
    tasks = {name: one for name, one in machine["States"].items() if one["Type"] == "Task"}
    assert tasks.keys() == {*steps, "halt"}
    for name, task in tasks.items():
        (catch,) = task["Catch"]
        assert catch["ErrorEquals"] == ["States.ALL"]
        if name == "halt":
            assert catch["Next"] == "failed"
        else:
            note = machine["States"][catch["Next"]]
            assert (note["Result"], note["Next"]) == (name, "halt")
        refusal, *retried = task["Retry"]
        ended = ["RunRefused", "RunStopped", "RunOvertaken"]
        assert (refusal["ErrorEquals"], refusal["MaxAttempts"]) == (ended, 0)
        assert retried[-1]["ErrorEquals"] == ["States.TaskFailed"]
        ids = {"step", f"{whose}.$", "workspace_id.$", "run.$", "input.$"}
        extra = {"failed_step.$", "error.$"} if name == "halt" else set()
        assert set(task["Parameters"]["Payload"]) == ids | extra
        assert task["ResultPath"] is None


def _pauses(retry):
    return [
        min(retry["MaxDelaySeconds"], retry["IntervalSeconds"] * retry["BackoffRate"] ** n)
        for n in range(retry["MaxAttempts"])
    ]


def _shortest_wait(retry):
    """How long all tries together wait, but for one time in a hundred: jitter has it so."""
    chance = random.Random(7)  # noqa: S311 - for chance, not for secrets
    waits = sorted(sum(chance.uniform(0, pause) for pause in _pauses(retry)) for _ in range(10_000))
    return waits[100]


@pytest.mark.parametrize("error", ["StepBusy", "States.TaskFailed"])
def test_whoever_has_died_with_a_step_lets_go_before_the_machine_gives_up(of_models, error):
    machine, steps, _, lease = of_models
    retries = machine["States"][steps[0]]["Retry"]
    (patience,) = [retry for retry in retries if retry["ErrorEquals"] == [error]]
    assert _shortest_wait(patience) > lease.total_seconds()
    # Nor does anybody wait for an hour to hear of an error that stays.
    assert sum(_pauses(patience)) < 1800


def test_a_campaign_waits_for_a_database_that_fails_over(tasks):
    for name, task in tasks.items():
        assert _shortest_wait(task["Retry"][-1]) > 120, name
