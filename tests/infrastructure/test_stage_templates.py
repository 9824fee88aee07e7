"""What linters say of the templates, and what the settings refuse."""

import json
from pathlib import Path

import pytest
from cfnlint.api import ManualArgs, lint

import cdk_app
from stacks.settings import StageSettings

ROOT = Path(cdk_app.__file__).parent

_IGNORED = [
    "W3005",  # CDK names the role in DependsOn beside the reference that already orders the two
    "W3010",  # the zones are a stage's setting, so that nothing is looked up at synth
    "W3691",  # the linter knows minor versions alone; RDS takes the newest of a major one
    "W6001",  # the worker's environment is one output, made of what other stacks export
]


# AWS has no such permission; its stand-in asks for it.
_LOCAL_ONLY = "'sendmessagebatch' is not one of"


def test_templates_pass_the_linter(assembly):
    for stack, template in assembly.templates.items():
        settings = ManualArgs(regions=["us-east-1"], ignore_checks=_IGNORED)
        problems = [str(problem) for problem in lint(json.dumps(template), config=settings)]
        if stack.startswith("Huntaze-local-"):
            problems = [problem for problem in problems if _LOCAL_ONLY not in problem]
        assert problems == [], stack


def test_templates_stay_far_from_the_limit_of_resources(assembly):
    for stack, template in assembly.templates.items():
        assert len(template["Resources"]) < 400, stack


@pytest.fixture
def context():
    """What ``cdk.json`` says, as the app reads it."""
    return json.loads((ROOT / "cdk.json").read_text())["context"]


def _settings(context, stage, **given):
    return StageSettings.from_context({**context, "stage": stage, **given}.get)


def test_a_stage_that_lacks_a_setting_says_which(context):
    context["stages"]["local"].pop("database_host")
    with pytest.raises(ValueError, match="-c database_host="):
        _settings(context, "local")


@pytest.mark.parametrize(
    ("group", "setting", "value", "problem"),
    [
        ("network", "cidr", None, "network.cidr: Field required"),
        ("network", "zones", "a", "network.zones: .*at least 2"),
        ("network", "egress", "nat", "network.egress: Input should be 'nat_instance'"),
        ("postgres", "backup_days", 0, "postgres.backup_days: .*greater than or equal to 1"),
        ("postgres", "most_storage_gb", 20, "postgres: .*most_storage_gb must be more"),
        ("worker", "most", 0, "worker.most: "),
        ("worker", "cores", 2, "worker.cores: Extra inputs"),
    ],
)
def test_a_wrong_setting_of_a_group_is_named(context, group, setting, value, problem):
    context["stages"]["dev"][group].pop(setting, None)
    if value is not None:
        context["stages"]["dev"][group][setting] = value
    with pytest.raises(ValueError, match=problem):
        _settings(context, "dev")


def test_a_setting_given_on_the_command_line_wins(context):
    given = {"database_port": "15432", "allowed_origins": "http://a.example,http://b.example"}
    settings = _settings(context, "local", **given)
    assert settings.database_port == 15432
    assert settings.allowed_origins == ("http://a.example", "http://b.example")


def test_a_setting_of_a_group_given_on_the_command_line_wins(context):
    given = {"postgres.proxy": "true", "worker.cpu": "512", "network.zones": "c,d,f"}
    settings = _settings(context, "dev", **given)
    assert settings.postgres.proxy is True
    assert settings.worker.cpu == 512
    assert settings.network.zones == ("c", "d", "f")


def test_one_machine_has_no_network_of_its_own(context):
    settings = _settings(context, "local")
    assert (settings.network, settings.postgres, settings.worker) == (None, None, None)
