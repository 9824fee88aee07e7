"""The roles of the pipeline: one repository, one environment, nothing of their own."""

import json

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from stacks.build import ROOT
from stacks.delivery import Delivery
from stacks.settings import StageSettings

_ISSUER = "token.actions.githubusercontent.com"


@pytest.fixture
def delivery():
    """Synthesises the stack of the pipeline's roles."""

    def synthesise(stage, **given):
        context = json.loads((ROOT / "cdk.json").read_text())["context"]
        base = {"database_host": "database.example", "github_repository": "huntaze/backend"}
        settings = StageSettings.from_context({**context, **base, "stage": stage, **given}.get)
        app = App(context={name: value for name, value in context.items() if name[0] == "@"})
        return Template.from_stack(Delivery(app, settings, repository=settings.github_repository))

    return synthesise


@pytest.mark.parametrize("stage", ["dev", "production"])
def test_a_deployment_is_trusted_from_its_environment_alone(delivery, stage):
    roles = delivery(stage).find_resources("AWS::IAM::Role")
    trusted = {}
    for role in roles.values():
        (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert set(statement["Condition"]) == {"StringEquals"}
        condition = statement["Condition"]["StringEquals"]
        assert condition[f"{_ISSUER}:aud"] == "sts.amazonaws.com"
        trusted[condition[f"{_ISSUER}:sub"]] = role
    pull_request = {"repo:huntaze/backend:pull_request"} if stage == "dev" else set()
    assert set(trusted) == {f"repo:huntaze/backend:environment:{stage}"} | pull_request
    assert "*" not in json.dumps(sorted(trusted))


@pytest.mark.parametrize("stage", ["dev", "production"])
def test_the_roles_may_assume_the_bootstraps_or_read_templates(delivery, stage):
    allowed = {}
    for policy in delivery(stage).find_resources("AWS::IAM::Policy").values():
        (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
        actions = statement["Action"]
        allowed[" ".join([actions] if isinstance(actions, str) else actions)] = json.dumps(
            statement["Resource"]
        )
    assert set(allowed) == {"sts:AssumeRole"} | (
        {"cloudformation:DescribeStacks cloudformation:GetTemplate"} if stage == "dev" else set()
    )
    assumed = allowed.pop("sts:AssumeRole")
    assert assumed.count("role/cdk-hnb659fds-") == 3
    assert "lookup" not in assumed
    assert "cfn-exec" not in assumed
    assert "*" not in assumed
    for resource in allowed.values():
        assert ":stack/Huntaze-dev-*/*" in resource


def test_a_provider_that_the_account_has_is_used(delivery):
    arn = f"arn:aws:iam::123456789012:oidc-provider/{_ISSUER}"
    template = delivery("dev", github_oidc_provider_arn=arn)
    template.resource_count_is("AWS::IAM::OIDCProvider", 0)
    assert arn in json.dumps(template.to_json())
    delivery("dev").has_resource_properties(
        "AWS::IAM::OIDCProvider",
        {"Url": f"https://{_ISSUER}", "ClientIdList": ["sts.amazonaws.com"]},
    )


@pytest.mark.parametrize("name", ["*", "huntaze", "huntaze/*", "huntaze/a:environment:production"])
def test_a_repository_that_could_mean_more_is_refused(delivery, name):
    with pytest.raises(ValueError, match="owner/name"):
        delivery("dev", github_repository=name)
