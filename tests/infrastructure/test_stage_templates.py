"""What linters say of the templates, and what the settings refuse."""

import json

import pytest
from cfnlint.api import ManualArgs, lint

from stacks.settings import StageSettings

_IGNORED = [
    "W3005",  # CDK names the role in DependsOn beside the reference that already orders the two
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


def test_a_stage_without_its_database_says_which_setting_is_missing():
    context = {
        "stage": "dev",
        "stages": {"dev": {"allowed_origins": "https://a.example", "log_retention": "ONE_DAY"}},
    }
    with pytest.raises(ValueError, match="-c database_host="):
        StageSettings.from_context(context.get)


def test_a_setting_given_on_the_command_line_wins():
    context = {
        "stage": "local",
        "database_port": "15432",
        "stages": {
            "local": {
                "allowed_origins": "http://a.example,http://b.example",
                "log_retention": "ONE_DAY",
                "database_host": "127.0.0.1",
                "database_port": 5432,
            }
        },
    }
    settings = StageSettings.from_context(context.get)
    assert settings.database_port == 15432
    assert settings.allowed_origins == ("http://a.example", "http://b.example")
