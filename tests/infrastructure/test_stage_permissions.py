"""Roles: no wildcard action, no wildcard resource but where an action knows no other."""

import json

from functions.migrate.service import LOGIN_ROLES

# Actions that AWS does not tie to a resource.
_WITHOUT_RESOURCE = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ecr:GetAuthorizationToken",
}

# Actions that only MiniStack does not tie to one.
_WITHOUT_RESOURCE_LOCALLY = {"ses:SendEmail", "ses:SendRawEmail", "states:SendTaskSuccess"}


def _as_list(value):
    return value if isinstance(value, list) else [value]


def _statements(assembly):
    """What somebody is allowed."""
    for owner, statement in _all_statements(assembly):
        if statement["Effect"] == "Allow":
            yield owner, statement


def _all_statements(assembly):
    for policy in assembly.of_kind("AWS::IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            yield policy, statement
    for role in assembly.of_kind("AWS::IAM::Role"):
        for inline in role.properties.get("Policies", []):
            for statement in inline["PolicyDocument"]["Statement"]:
                yield role, statement


def test_no_action_is_a_wildcard(assembly):
    for owner, statement in _statements(assembly):
        assert not [action for action in _as_list(statement["Action"]) if "*" in action], owner


def test_every_resource_is_allowed_but_for_actions_that_know_none(assembly, local):
    known = _WITHOUT_RESOURCE | (_WITHOUT_RESOURCE_LOCALLY if assembly is local else set())
    for owner, statement in _statements(assembly):
        if "*" in _as_list(statement["Resource"]):
            assert set(_as_list(statement["Action"])) <= known, owner


def test_no_function_takes_a_managed_policy(assembly):
    for role in assembly.of_kind("AWS::IAM::Role"):
        trusted = json.dumps(role.properties["AssumeRolePolicyDocument"])
        if "lambda.amazonaws.com" in trusted:
            assert not role.properties.get("ManagedPolicyArns"), role


def test_each_function_may_read_the_password_of_its_own_database_role_only(local):
    passwords = {
        statement_owner.logical_id: [
            resource
            for resource in _as_list(statement["Resource"])
            if "Database" in json.dumps(resource)
        ]
        for statement_owner, statement in _statements(local)
        if "secretsmanager:GetSecretValue" in _as_list(statement["Action"])
    }
    several = {owner for owner, secrets in passwords.items() if len(secrets) > 1}
    of_all = ("Migrate", "RolePasswordsRotation")
    assert all(any(name in owner for name in of_all) for owner in several), several


def test_every_roles_password_is_rotated_where_aws_does_it(local, production):
    assert local.of_kind("AWS::SecretsManager::RotationSchedule") == []
    schedules = production.of_kind("AWS::SecretsManager::RotationSchedule")
    secrets = {json.dumps(one.properties["SecretId"]) for one in schedules}
    assert len(secrets) == len(schedules) == len(LOGIN_ROLES)
    for schedule in schedules:
        assert schedule.properties["RotateImmediatelyOnUpdate"] is False
        assert schedule.properties["RotationRules"] == {"ScheduleExpression": "rate(30 days)"}


def test_only_the_worker_reads_what_creators_log_in_with(local):
    readers = {
        owner.stack
        for owner, statement in _statements(local)
        if "secretsmanager:GetSecretValue" in _as_list(statement["Action"])
        and "/of/creds/" in json.dumps(statement["Resource"])
    }
    assert readers == {"Huntaze-local-Worker"}


def test_envelopes_are_bound_to_their_owner_on_aws(production):
    bound = [
        (owner.logical_id.partition("ServiceRole")[0], action, statement.get("Condition"))
        for owner, statement in _statements(production)
        for action in _as_list(statement["Action"])
        if action in ("kms:GenerateDataKey", "kms:Decrypt")
        and "Sessions" in json.dumps(statement["Resource"])
    ]

    def may(kind: str) -> dict[str, str]:
        """Who seals or opens what is of one kind."""
        condition = {"StringEquals": {"kms:EncryptionContext:kind": kind}}
        return {name.partition("Role")[0]: act for name, act, said in bound if said == condition}

    # Who stores a channel opens none; who posts seals none, and opens no creator's browser.
    assert may("slack_webhook") == {"Costs": "kms:GenerateDataKey", "CostAlerts": "kms:Decrypt"}
    # Nor does who keeps a platform's secret open one, or who checks by it seal one.
    assert may("platform_webhook") == {
        "Platforms": "kms:GenerateDataKey",
        "PlatformWebhook": "kms:Decrypt",
    }
    of_creators = [said for *_, said in bound if "Null" in (said or {})]
    assert len(of_creators) == len(bound) - 4
    assert of_creators
    assert all(
        condition["Null"]["kms:EncryptionContext:creator_id"] == "false"
        for condition in of_creators
    )


def test_only_who_signs_tokens_reads_the_private_keys_and_only_the_rotation_replaces_them(local):
    touched = {
        action: {
            owner.logical_id
            for owner, statement in _statements(local)
            if action in _as_list(statement["Action"])
            and "TokenSigningKeys" in json.dumps(statement["Resource"])
        }
        for action in ("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue")
    }
    assert {name.partition("Role")[0] for name in touched["secretsmanager:GetSecretValue"]} == {
        *("Auth", "OAuth", "TokenKeysRotation")
    }
    (rotation,) = touched["secretsmanager:PutSecretValue"]
    assert rotation.startswith("TokenKeysRotation")
