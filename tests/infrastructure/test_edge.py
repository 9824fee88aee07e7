"""The firewall and the domain of the API."""

import json
import re

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from stacks.build import ROOT
from stacks.edge import Edge
from stacks.rest_api import RestApi
from stacks.routes import Route
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack


@pytest.fixture(scope="session")
def acl(production):
    (found,) = production.of_kind("AWS::WAFv2::WebACL")
    return found.properties


@pytest.fixture(scope="session")
def rules(acl):
    return {rule["Name"]: rule for rule in acl["Rules"]}


@pytest.fixture
def synthesised():
    """Synthesises a small API and its edge; answers its address and both templates."""

    def synthesise(**given):
        context = json.loads((ROOT / "cdk.json").read_text())["context"]
        base = {"stage": "dev", "database_host": "database.example", "firewall": "true"}
        settings = StageSettings.from_context({**context, **base, **given}.get)
        app = App(context={name: value for name, value in context.items() if name[0] == "@"})
        stack = StageStack(app, "Api", settings, description="A small API")
        rest = RestApi(stack, "Routes", settings=settings, authorizer="authorizer")
        rest.serve(Route("auth", "/api/auth/me", "ANY", public=False))
        edge = Edge(app, settings, rest=rest)
        return rest.url, Template.from_stack(stack), Template.from_stack(edge)

    return synthesise


def test_the_firewall_guards_the_stage_of_the_api(production):
    (guard,) = production.of_kind("AWS::WAFv2::WebACLAssociation")
    arn = json.dumps(guard.properties["ResourceArn"])
    assert ":apigateway:" in arn
    assert "RoutesRestDeploymentStageproduction" in arn


def test_rule_groups_decide_and_count_only_what_they_find_in_bodies(rules):
    groups = [
        rule["Statement"]["ManagedRuleGroupStatement"]
        for rule in rules.values()
        if "ManagedRuleGroupStatement" in rule["Statement"]
    ]
    assert {group["Name"] for group in groups} == {
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
        "AWSManagedRulesSQLiRuleSet",
    }
    counted = {
        override["Name"] for group in groups for override in group.get("RuleActionOverrides", [])
    }
    assert "SizeRestrictions_BODY" in counted
    assert all(name.endswith("_BODY") for name in counted)
    for rule in rules.values():
        assert rule.get("OverrideAction", {"None": {}}) == {"None": {}}
        assert "Block" in rule.get("Action", {"Block": {}})


def test_rule_groups_do_not_see_webhooks(rules):
    for rule in rules.values():
        group = rule["Statement"].get("ManagedRuleGroupStatement")
        if group is not None:
            seen = group["ScopeDownStatement"]["NotStatement"]["Statement"]["RegexMatchStatement"]
            assert seen["FieldToMatch"] == {"UriPath": {}}
            pattern = re.compile(seen["RegexString"])
            assert pattern.search("/api/webhooks/stripe")
            assert pattern.search("/production/api/webhooks/stripe")
            assert not pattern.search("/api/crm/fans/api/webhooks/stripe")
            assert not pattern.search("/dev/api/webhooks/stripe")


def test_an_address_signs_in_far_less_often_than_it_asks(rules):
    limits = {
        name: rule["Statement"]["RateBasedStatement"]
        for name, rule in rules.items()
        if "RateBasedStatement" in rule["Statement"]
    }
    assert {
        name: (limit["Limit"], limit["AggregateKeyType"]) for name, limit in limits.items()
    } == {
        "SignInsPerAddress": (100, "IP"),
        "SignInsBehindFrontEnds": (100, "FORWARDED_IP"),
        "AllPerAddress": (3000, "IP"),
        "AllBehindFrontEnds": (3000, "FORWARDED_IP"),
    }
    for name, limit in limits.items():
        scope = json.dumps(limit["ScopeDownStatement"])
        assert ("api/auth/" in scope) == name.startswith("SignIns")
        assert ("NotStatement" in scope) == name.endswith("PerAddress")
        answer = rules[name]["Action"]["Block"]["CustomResponse"]
        assert answer["ResponseCode"] == 429
        assert {"Name": "Retry-After", "Value": "300"} in answer["ResponseHeaders"]


def test_a_refusal_of_the_firewall_looks_like_ours(acl):
    for body in acl["CustomResponseBodies"].values():
        assert set(json.loads(body["Content"])) == {"error", "detail"}


def test_the_firewalls_log_is_kept_for_a_time_and_holds_no_secret(production, acl):
    (logging,) = production.of_kind("AWS::WAFv2::LoggingConfiguration")
    redacted = logging.properties["RedactedFields"]
    assert {"QueryString": {}} in redacted
    headers = {field["SingleHeader"]["Name"] for field in redacted if "SingleHeader" in field}
    assert {"authorization", "cookie", "stripe-signature"} <= headers
    hidden = {
        protection["Field"]["FieldType"]: protection
        for protection in acl["DataProtectionConfig"]["DataProtections"]
    }
    assert set(hidden) == {"SINGLE_HEADER", "QUERY_STRING", "BODY"}
    assert set(hidden["SINGLE_HEADER"]["Field"]["FieldKeys"]) == headers
    (destination,) = logging.properties["LogDestinationConfigs"]
    group = production.templates[logging.stack]["Resources"][destination["Fn::Join"][1][-1]["Ref"]]
    assert group["Properties"]["LogGroupName"].startswith("aws-waf-logs-")
    assert group["Properties"]["RetentionInDays"] == 365
    assert ":*" not in json.dumps(destination)


def test_a_stage_without_a_domain_answers_at_the_address_of_aws(synthesised):
    url, api, edge = synthesised()
    assert "execute-api" in url
    api.has_resource_properties("AWS::ApiGateway::RestApi", {"DisableExecuteApiEndpoint": False})
    edge.resource_count_is("AWS::ApiGateway::DomainName", 0)
    edge.resource_count_is("AWS::WAFv2::IPSet", 0)
    edge.resource_count_is("AWS::WAFv2::WebACLAssociation", 1)


def test_a_stage_with_a_domain_answers_there_alone(synthesised):
    url, api, edge = synthesised(
        api_domain="api.huntaze.example", dns_zone_id="Z1", dns_zone_name="huntaze.example"
    )
    assert url == "https://api.huntaze.example"
    api.has_resource_properties("AWS::ApiGateway::RestApi", {"DisableExecuteApiEndpoint": True})
    edge.has_resource_properties(
        "AWS::ApiGateway::DomainName",
        {"DomainName": "api.huntaze.example", "SecurityPolicy": "TLS_1_2"},
    )
    edge.has_resource_properties(
        "AWS::CertificateManager::Certificate",
        {
            "DomainName": "api.huntaze.example",
            "ValidationMethod": "DNS",
            "DomainValidationOptions": [
                {"DomainName": "api.huntaze.example", "HostedZoneId": "Z1"}
            ],
        },
    )
    edge.resource_count_is("AWS::ApiGateway::BasePathMapping", 1)
    for kind in ("A", "AAAA"):
        edge.has_resource_properties(
            "AWS::Route53::RecordSet",
            {"Type": kind, "Name": "api.huntaze.example.", "HostedZoneId": "Z1"},
        )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"api_domain": "api.huntaze.example"}, "not in the zone"),
        (
            {
                "api_domain": "api.nothuntaze.example",
                "dns_zone_id": "Z1",
                "dns_zone_name": "huntaze.example",
            },
            "not in the zone",
        ),
        ({"dns_zone_id": "Z1"}, "-c dns_zone_name="),
        ({"trusted_proxies": "203.0.113.7/24"}, "has host bits set"),
    ],
)
def test_settings_of_the_edge_that_do_not_fit_are_refused(synthesised, given, told):
    with pytest.raises(ValueError, match=told):
        synthesised(**given)


def test_the_function_of_accounts_knows_the_front_ends(production):
    (auth,) = [
        function.properties["Environment"]["Variables"]
        for function in production.of_kind("AWS::Lambda::Function")
        if function.properties["Handler"] == "functions.auth.handler.handler"
    ]
    assert auth["TRUSTED_PROXIES"] == "203.0.113.0/24,2001:db8::/48"
