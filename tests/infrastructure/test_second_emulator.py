"""Every template, deployed to an emulator that shares no code with the local cloud's.

What it does not know is listed in ``second_emulator_gaps.json``, each type with the reason why its
absence is borne.
"""

import json
from collections import Counter
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from tests.fakes.second_emulator import REGION, Emulated, is_unknown

GAPS = json.loads(Path(__file__).with_name("second_emulator_gaps.json").read_text())


@pytest.fixture(scope="module", params=["local", "dev", "production"])
def emulated(request):
    """Each stage in turn, created from nothing."""
    assembly = request.getfixturevalue(request.param)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        with mock_aws(config={"lambda": {"use_docker": False}}):
            made = Emulated(assembly)
            made.create()
            yield made


def test_the_list_of_what_the_emulator_does_not_know_is_true(local, dev, production):
    used = {
        body["Type"]
        for assembly in (local, dev, production)
        for template in assembly.templates.values()
        for body in template["Resources"].values()
    }
    assert set(GAPS) == {kind for kind in used if is_unknown(kind)}
    assert all(len(reason.split()) >= 4 for reason in GAPS.values())


def test_every_stack_is_created_whole(emulated):
    cloudformation = boto3.client("cloudformation")
    for stack, template in emulated.assembly.templates.items():
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        assert described["StackStatus"] == "CREATE_COMPLETE", stack
        made = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        asked = Counter(
            body["Type"] for body in template["Resources"].values() if not is_unknown(body["Type"])
        )
        assert Counter(found["ResourceType"] for found in made) == asked, stack


def test_queues_lead_their_dead_letters_to_a_queue_that_is_there(emulated):
    sqs = boto3.client("sqs")
    names = {url.rpartition("/")[2] for url in sqs.list_queues()["QueueUrls"]}
    for url, asked in emulated.of_kind("AWS::SQS::Queue").items():
        assert asked["QueueName"] in names
        held = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        if "RedrivePolicy" in asked:
            target = json.loads(held["RedrivePolicy"])["deadLetterTargetArn"]
            assert target.rpartition(":")[2] in names


def test_tables_have_their_keys(emulated):
    for name, asked in emulated.of_kind("AWS::DynamoDB::Table").items():
        table = boto3.client("dynamodb").describe_table(TableName=name)["Table"]
        assert table["KeySchema"] == asked["KeySchema"]
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_keys_rotate_and_have_their_names(emulated):
    kms = boto3.client("kms")
    aliases = {alias["AliasName"] for alias in kms.list_aliases()["Aliases"]}
    for key in emulated.of_kind("AWS::KMS::Key"):
        assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
    for asked in emulated.of_kind("AWS::KMS::Alias").values():
        assert asked["AliasName"] in aliases


def test_functions_hold_their_code_and_settings(emulated):
    functions = boto3.client("lambda")
    for name, asked in emulated.of_kind("AWS::Lambda::Function").items():
        held = functions.get_function(FunctionName=name)["Configuration"]
        assert (held["Handler"], held["Runtime"]) == (asked["Handler"], asked["Runtime"])
        assert held["CodeSize"] > 0
        variables = held["Environment"]["Variables"]
        assert set(variables) == set(asked["Environment"]["Variables"])
        # What refers to another stack has become the text that its export holds.
        assert all(isinstance(value, str) for value in variables.values()), name


def test_rules_call_functions_and_fill_queues_that_are_there(emulated):
    events, queues = boto3.client("events"), boto3.client("sqs")
    filled = {
        queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        for url in queues.list_queues()["QueueUrls"]
    }
    functions = {
        found["FunctionArn"] for found in boto3.client("lambda").list_functions()["Functions"]
    }
    for rule, asked in emulated.of_kind("AWS::Events::Rule").items():
        bus = {"EventBusName": "huntaze"} if "EventPattern" in asked else {}
        targets = events.list_targets_by_rule(Rule=rule.rpartition("/")[2], **bus)["Targets"]
        assert len(targets) == len(asked["Targets"])
        assert {target["Arn"] for target in targets} <= functions | filled


def test_roles_hold_their_policies(emulated):
    iam = boto3.client("iam")
    roles = emulated.of_kind("AWS::IAM::Role")
    held = {role: iam.list_role_policies(RoleName=role)["PolicyNames"] for role in roles}
    assert sum(map(len, held.values())) == len(emulated.of_kind("AWS::IAM::Policy"))


def test_routes_and_the_machines_of_campaigns_are_there(emulated):
    gateway = boto3.client("apigateway")
    (api,) = emulated.of_kind("AWS::ApiGateway::RestApi")
    paths = {
        found["path"]
        for page in gateway.get_paginator("get_resources").paginate(restApiId=api)
        for found in page["items"]
    }
    assert {"/api/auth/login", "/api/crm/fans", "/api/marketing/campaigns"} <= paths
    begins = set()
    for machine in emulated.of_kind("AWS::StepFunctions::StateMachine"):
        described = boto3.client("stepfunctions").describe_state_machine(stateMachineArn=machine)
        begins.add(json.loads(described["definition"])["StartAt"])
    assert begins == {"prepare", "history", "ideas"}


def test_buckets_and_logs_are_there(emulated):
    buckets = {found["Name"] for found in boto3.client("s3").list_buckets()["Buckets"]}
    assert set(emulated.of_kind("AWS::S3::Bucket")) <= buckets
    held = {
        group["logGroupName"]: group["retentionInDays"]
        for page in boto3.client("logs").get_paginator("describe_log_groups").paginate()
        for group in page["logGroups"]
    }
    for name, asked in emulated.of_kind("AWS::Logs::LogGroup").items():
        assert held[name] == asked["RetentionInDays"]
