"""Functions: importable, alone in their zip, each with a role of its own, settings that fit."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from unittest.mock import Mock

import pytest

import cdk_app
from operations import stage

ROOT = Path(cdk_app.__file__).parent

# Runs each handler's import in a forked process: nothing of the repository is on its path but the
# function's own zip and the common layer, and the environment is empty.
_IMPORT_ALONE = """
import importlib, json, os, sys
import aws_lambda_powertools.event_handler, psycopg, pydantic
layer, functions = json.load(sys.stdin)
for name, (zipped, handler, environment) in functions.items():
    child = os.fork()
    if child == 0:
        os.environ.clear()
        sys.path[:0] = [zipped, layer]
        try:
            module, _, entry = handler.rpartition(".")
            assert callable(getattr(importlib.import_module(module), entry))
            strangers = {m.split(".")[1] for m in sys.modules if m.startswith("functions.")}
            assert strangers <= {handler.split(".")[1]}, strangers
            heavy = {"openai", "stripe"} & set(sys.modules)
            assert not heavy, heavy
            from huntaze.settings import Settings
            todo = [Settings]
            while todo:
                model = todo.pop()
                todo += model.__subclasses__()
                if model.__module__.startswith("functions."):
                    model.model_validate({k.lower(): v for k, v in environment.items()})
        except BaseException as problem:
            print(f"{name}: {problem!r}", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_each_handler_imports_from_its_own_zip_and_reads_its_settings(assembly, rendered, tmp_path):
    functions = {
        str(function): (
            str(assembly.asset_of(function)),
            function.properties["Handler"],
            {
                name: rendered(value)
                for name, value in function.properties["Environment"]["Variables"].items()
            },
        )
        for function in assembly.of_kind("AWS::Lambda::Function")
    }
    layer = tmp_path / "layer"
    common = next(
        found
        for found in assembly.of_kind("AWS::Lambda::LayerVersion")
        if "Common" in found.logical_id
    )
    with zipfile.ZipFile(assembly.asset_of(common)) as archive:
        archive.extractall(layer)
    run = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALONE],
        input=json.dumps([str(layer / "python"), functions]),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={},
        check=False,
    )
    assert (run.stdout, run.returncode) == ("", 0), run.stdout + run.stderr


def test_each_zip_holds_one_feature_with_its_byte_code(assembly):
    for function in assembly.of_kind("AWS::Lambda::Function"):
        feature = function.properties["Handler"].split(".")[1]
        asset = assembly.asset_of(function)
        with zipfile.ZipFile(asset) as archive:
            names = set(archive.namelist())
        carried = {"migrate": "migrations/", "docs": "docs/openapi.json"}.get(feature)
        package = {"functions/__init__.py", "functions/__pycache__/__init__.cpython-313.pyc"}
        foreign = {
            name
            for name in names - package
            if not name.startswith(f"functions/{feature}/")
            and not (carried and name.startswith(carried))
        }
        assert not foreign, f"{function} carries {sorted(foreign)}"
        module = function.properties["Handler"].rpartition(".")[0].replace(".", "/")
        folder, _, stem = module.rpartition("/")
        assert f"{folder}/__pycache__/{stem}.cpython-313.pyc" in names
        assert asset.stat().st_size <= 200_000


def test_the_migrations_travel_with_the_function_that_applies_them(local):
    (migrate,) = [
        function
        for function in local.of_kind("AWS::Lambda::Function")
        if function.properties["Handler"] == "functions.migrate.handler.handler"
    ]
    with zipfile.ZipFile(local.asset_of(migrate)) as archive:
        carried = {name for name in archive.namelist() if name.startswith("migrations/")}
    assert carried == {f"migrations/{path.name}" for path in (ROOT / "migrations").glob("*.sql")}


def test_each_function_has_a_role_and_a_log_group_of_its_own(assembly):
    functions = assembly.of_kind("AWS::Lambda::Function")
    roles = [json.dumps([f.stack, f.properties["Role"]]) for f in functions]
    logs = [json.dumps([f.stack, f.properties["LoggingConfig"]["LogGroup"]]) for f in functions]
    assert len(set(roles)) == len(set(logs)) == len(functions)


def test_functions_run_on_the_same_terms(assembly):
    for function in assembly.of_kind("AWS::Lambda::Function"):
        assert function.properties["Runtime"] == "python3.13", function
        assert function.properties["LoggingConfig"]["LogFormat"] == "JSON", function
        assert function.properties["Layers"], function
    for group in assembly.of_kind("AWS::Logs::LogGroup"):
        assert group.properties["RetentionInDays"], group


def test_functions_on_aws_run_on_graviton_and_are_traced(production):
    for function in production.of_kind("AWS::Lambda::Function"):
        assert function.properties["Architectures"] == ["arm64"], function
        assert function.properties["TracingConfig"] == {"Mode": "Active"}, function


def test_nothing_that_uses_the_database_is_updated_before_its_schema(assembly):
    for stack, template in assembly.templates.items():
        if not stack.endswith("-Functions"):
            continue
        (schema,) = [
            logical_id
            for logical_id, body in template["Resources"].items()
            if body["Type"] == "Custom::DatabaseSchema"
        ]
        early = {
            body["Properties"]["Handler"]
            for body in template["Resources"].values()
            if body["Type"] == "AWS::Lambda::Function" and schema not in body.get("DependsOn", [])
        }
        without_database = {f"functions.{name}.handler.handler" for name in ("docs", "token_keys")}
        assert early == {"functions.migrate.handler.handler"} | without_database


def test_what_an_event_calls_keeps_its_failures_or_is_called_again(assembly):
    """Nobody waits for such a call: after its retries the event would be gone."""

    def targets(scheduled):
        for rule in assembly.of_kind("AWS::Events::Rule"):
            if ("ScheduleExpression" in rule.properties) is scheduled:
                for target in rule.properties["Targets"]:
                    yield json.dumps([rule.stack, target["Arn"]])

    swept = set(targets(scheduled=True))
    kept = {
        json.dumps([function.stack, {"Fn::GetAtt": [function.logical_id, "Arn"]}])
        for function in assembly.of_kind("AWS::Lambda::Function")
        if "DeadLetterConfig" in function.properties
    } | {
        json.dumps(
            [config.stack, {"Fn::GetAtt": [config.properties["FunctionName"]["Ref"], "Arn"]}]
        )
        for config in assembly.of_kind("AWS::Lambda::EventInvokeConfig")
        if "OnFailure" in config.properties.get("DestinationConfig", {})
    }
    called = {target for target in targets(scheduled=False) if "Fn::GetAtt" in target}
    functions = {
        json.dumps([function.stack, {"Fn::GetAtt": [function.logical_id, "Arn"]}])
        for function in assembly.of_kind("AWS::Lambda::Function")
    }
    assert not called & functions - swept - kept


@pytest.mark.parametrize("construct_id", ["Lanes", "OperatorGrants"])
def test_operators_commands_find_their_functions(local, monkeypatch, construct_id):
    def list_stack_resources(StackName):  # noqa: N803 - as boto3 calls it
        yield {
            "StackResourceSummaries": [
                {
                    "ResourceType": body["Type"],
                    "LogicalResourceId": name,
                    "PhysicalResourceId": body.get("Properties", {}).get("Handler"),
                }
                for name, body in local.templates[StackName]["Resources"].items()
            ]
        }

    aws = Mock()
    aws.get_paginator.return_value.paginate = list_stack_resources
    monkeypatch.setattr(stage.boto3, "client", lambda _service: aws)
    assert stage.function_name("local", construct_id).endswith(".handler.handler")
