"""The browser workers on AWS: confined, alive, and as many as there is work for."""

import json

import pytest

from browser_worker.settings import WorkerSettings
from huntaze.metrics import LANES_WITH_DUE_WORK
from huntaze.outbox import RelaySettings
from huntaze.settings import DatabaseSettings
from stacks.worker_service import LANES_PER_WORKER


@pytest.fixture
def task(on_aws):
    (found,) = on_aws.of_kind("AWS::ECS::TaskDefinition")
    return found.properties


@pytest.fixture
def container(task):
    (found,) = task["ContainerDefinitions"]
    return found


@pytest.fixture
def service(on_aws):
    (found,) = on_aws.of_kind("AWS::ECS::Service")
    return found.properties


def test_it_runs_as_nobody_on_a_root_that_it_cannot_change(container):
    assert container["User"] == "10001"
    assert container["ReadonlyRootFilesystem"] is True
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert "Privileged" not in container


def test_what_the_browser_writes_stays_in_memory(task, container):
    (scratch,) = container["LinuxParameters"]["Tmpfs"]
    assert scratch["ContainerPath"] == "/tmp"  # noqa: S108
    assert {"nosuid", "nodev"} <= set(scratch["MountOptions"])
    assert scratch["Size"] <= int(task["Memory"]) / 4
    assert "MountPoints" not in container
    assert "Volumes" not in task


def test_children_of_the_browser_are_buried(container):
    assert container["LinuxParameters"]["InitProcessEnabled"] is True


def test_a_worker_that_hangs_is_replaced(container):
    health = container["HealthCheck"]
    assert health["Command"] == ["CMD", "python", "-m", "browser_worker.health"]
    assert health["Retries"] >= 2


def test_a_worker_has_the_time_to_hand_its_lanes_over(container):
    assert 30 < container["StopTimeout"] <= 120


def test_it_runs_on_graviton_in_the_private_subnets(task, service):
    assert task["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    assert task["RequiresCompatibilities"] == ["FARGATE"]
    network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["AssignPublicIp"] == "DISABLED"
    assert "PrivateSubnet" in json.dumps(network["Subnets"])
    assert "WorkersGroup" in json.dumps(network["SecurityGroups"])


def test_a_bad_image_goes_back_and_a_good_one_leaves_no_gap(service):
    deployment = service["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)


def test_a_deployment_does_not_undo_the_scaling(service):
    assert "DesiredCount" not in service


def test_nobody_opens_a_shell_in_it(service):
    assert not service.get("EnableExecuteCommand")


@pytest.mark.parametrize(("stage", "fewest", "most"), [("dev", 0, 2), ("production", 1, 10)])
def test_the_stage_bounds_how_many_there_are(request, stage, fewest, most):
    (target,) = request.getfixturevalue(stage).of_kind(
        "AWS::ApplicationAutoScaling::ScalableTarget"
    )
    assert (target.properties["MinCapacity"], target.properties["MaxCapacity"]) == (fewest, most)


def _workers_for(assembly, lanes):
    """What the alarms and policies make of a number of lanes with due work."""
    policies = {
        policy.logical_id: policy.properties["StepScalingPolicyConfiguration"]
        for policy in assembly.of_kind("AWS::ApplicationAutoScaling::ScalingPolicy")
    }
    counts = []
    for alarm in assembly.of_kind("AWS::CloudWatch::Alarm"):
        facts = alarm.properties
        if facts.get("MetricName") != "LanesWithDueWork" or not facts.get("AlarmActions"):
            continue
        (action,) = facts["AlarmActions"]
        policy = policies.get(action.get("Ref"))
        if policy is None:
            continue
        threshold = facts["Threshold"]
        rings = (
            lanes >= threshold
            if facts["ComparisonOperator"].startswith("GreaterThanOrEqual")
            else lanes <= threshold
        )
        if rings:
            assert policy["AdjustmentType"] == "ExactCapacity"
            counts += [
                step["ScalingAdjustment"]
                for step in policy["StepAdjustments"]
                if lanes - threshold >= step.get("MetricIntervalLowerBound", float("-inf"))
                and lanes - threshold < step.get("MetricIntervalUpperBound", float("inf"))
            ]
    (count,) = counts
    return count


@pytest.mark.parametrize(("stage", "fewest", "most"), [("dev", 0, 2), ("production", 1, 10)])
def test_there_is_a_worker_for_every_twenty_lanes_with_due_work(request, stage, fewest, most):
    assembly = request.getfixturevalue(stage)
    for lanes in range(300):
        needed = -(-lanes // LANES_PER_WORKER)
        assert _workers_for(assembly, lanes) == min(most, max(fewest, needed)), lanes


def test_more_work_counts_at_once_and_less_only_when_it_lasts(on_aws):
    alarms = [
        alarm.properties
        for alarm in on_aws.of_kind("AWS::CloudWatch::Alarm")
        if alarm.properties.get("MetricName") == "LanesWithDueWork"
        and "Policy" in json.dumps(alarm.properties.get("AlarmActions", []))
    ]
    assert len(alarms) == 2
    for alarm in alarms:
        # The most of a window that slides: one busy minute in ten keeps the workers.
        assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"]) == (
            "Maximum",
            600,
            1,
        )
        published = LANES_WITH_DUE_WORK
        assert (alarm["Namespace"], alarm["MetricName"]) == (published.namespace, published.name)
        assert not published.dimensions
        assert not alarm.get("Dimensions")
        # A sweep that failed says nothing about the work: nobody is sent home for it.
        assert alarm.get("TreatMissingData", "missing") == "missing"


def test_a_worker_takes_as_many_lanes_as_the_scaling_counts_on():
    assert WorkerSettings.model_fields["most_lanes"].default == LANES_PER_WORKER


def test_the_task_starts_with_the_settings_that_the_worker_reads(container, rendered):
    variables = {e["Name"].lower(): rendered(e["Value"]) for e in container["Environment"]}
    for model in (WorkerSettings, DatabaseSettings, RelaySettings):
        model.model_validate(variables)


def test_the_task_has_the_environment_that_a_launcher_gets(on_aws, container, rendered):
    (outputs,) = [
        template["Outputs"]
        for stack, template in on_aws.templates.items()
        if stack.endswith("-Worker")
    ]
    described = json.loads(rendered(outputs["WorkerEnvironment"]["Value"]))
    given = {entry["Name"]: rendered(entry["Value"]) for entry in container["Environment"]}
    assert given == described


def test_the_task_carries_no_secret(container):
    assert "Secrets" not in container
    assert "resolve:secretsmanager" not in json.dumps(container["Environment"])


def test_its_log_is_kept_for_a_while_and_never_holds_it_up(on_aws, container):
    options = container["LogConfiguration"]["Options"]
    assert options["mode"] == "non-blocking"
    groups = {
        group.logical_id: group.properties["RetentionInDays"]
        for group in on_aws.of_kind("AWS::Logs::LogGroup")
        if group.stack.endswith("-Worker")
    }
    assert groups[options["awslogs-group"]["Ref"]]


def test_the_figures_of_containers_are_the_stages_choice(dev, production):
    for assembly, value in ((dev, "disabled"), (production, "enabled")):
        (cluster,) = assembly.of_kind("AWS::ECS::Cluster")
        assert cluster.properties["ClusterSettings"] == [
            {"Name": "containerInsights", "Value": value}
        ]


def test_on_one_machine_the_launcher_stands_in(local):
    assert not local.of_kind("AWS::ECS::Service")
    (outputs,) = [
        template["Outputs"]
        for stack, template in local.templates.items()
        if stack.endswith("-Worker")
    ]
    assert {"WorkerTaskRoleArn", "WorkerEnvironment"} <= set(outputs)
