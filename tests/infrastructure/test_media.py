"""Media leave their bucket at signed addresses alone, and nobody sees the key that signs."""

import json

import pytest
from aws_cdk import App
from aws_cdk.assertions import Match, Template

from stacks.build import ROOT
from stacks.data import Data
from stacks.settings import StageSettings


@pytest.fixture
def data():
    """Synthesises the stack of the data."""

    def synthesise(**given):
        context = json.loads((ROOT / "cdk.json").read_text())["context"]
        base = {"stage": "dev", "database_host": "database.example", "dependencies_layer": "false"}
        settings = StageSettings.from_context({**context, **base, **given}.get)
        app = App(context={name: value for name, value in context.items() if name[0] == "@"})
        stack = Data(app, settings)
        return stack, Template.from_stack(stack)

    return synthesise


def test_media_are_read_through_cloudfront_at_signed_addresses_alone(production):
    (distribution,) = production.of_kind("AWS::CloudFront::Distribution")
    config = distribution.properties["DistributionConfig"]
    behaviour = config["DefaultCacheBehavior"]
    (group,) = production.of_kind("AWS::CloudFront::KeyGroup")
    assert behaviour["TrustedKeyGroups"] == [{"Ref": group.logical_id}]
    assert behaviour["ViewerProtocolPolicy"] == "https-only"
    assert set(behaviour["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS"}
    assert "CacheBehaviors" not in config
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert config["Logging"]["IncludeCookies"] is False
    assert "Restrictions" not in config
    (origin,) = config["Origins"]
    assert "OriginAccessControlId" in origin
    bucket = origin["DomainName"]["Fn::GetAtt"][0]
    (policy,) = [
        found.properties["PolicyDocument"]["Statement"]
        for found in production.of_kind("AWS::S3::BucketPolicy")
        if found.properties["Bucket"] == {"Ref": bucket}
    ]
    (reader,) = [statement for statement in policy if statement["Effect"] == "Allow"]
    assert reader["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert reader["Action"] == "s3:GetObject"
    asked_by = json.dumps(reader["Condition"]["StringEquals"]["AWS:SourceArn"])
    assert distribution.logical_id in asked_by


def test_the_key_that_signs_is_in_no_template(production):
    assert "PRIVATE KEY" not in json.dumps(production.templates)
    for key in production.of_kind("AWS::CloudFront::PublicKey"):
        made_by, attribute = key.properties["PublicKeyConfig"]["EncodedKey"]["Fn::GetAtt"]
        assert attribute == "PublicKey"
        pair = production.templates[key.stack]["Resources"][made_by]
        assert pair["Type"] == "Custom::MediaKey"
        secret = production.templates[key.stack]["Resources"][
            pair["Properties"]["SecretArn"]["Fn::GetAtt"][0]
        ]
        assert "PRIVATE" not in json.dumps(secret)


def test_who_makes_the_key_and_who_signs_alone_reach_it(production):
    reachers = {
        policy.logical_id
        for policy in production.of_kind("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if "MediaDeliveryKey1" in json.dumps(statement["Resource"])
    }
    assert len(reachers) == 2
    for name in ("KeyMaker", "ContentRole"):
        assert any(name in reacher for reacher in reachers)


def test_what_is_shown_runs_nothing_and_is_framed_nowhere(production):
    (policy,) = production.of_kind("AWS::CloudFront::ResponseHeadersPolicy")
    config = policy.properties["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    csp = security["ContentSecurityPolicy"]
    assert csp["ContentSecurityPolicy"].startswith("default-src 'none'")
    assert csp["ContentSecurityPolicy"].endswith("sandbox")
    assert csp["Override"] is True
    assert security["FrameOptions"]["FrameOption"] == "DENY"
    assert security["ContentTypeOptions"]["Override"] is True
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 365 * 86_400
    assert config["CorsConfig"]["AccessControlAllowOrigins"]["Items"] == ["https://app.huntaze.com"]
    assert config["CorsConfig"]["AccessControlAllowCredentials"] is False


def test_deleted_media_can_be_taken_back_and_are_gone_within_a_month(assembly):
    (bucket,) = [
        found.properties
        for found in assembly.of_kind("AWS::S3::Bucket")
        if found.properties.get("VersioningConfiguration") == {"Status": "Enabled"}
    ]
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert 7 <= rule["NoncurrentVersionExpiration"]["NoncurrentDays"] < 30
    assert "ExpirationInDays" not in rule


def test_every_bucket_on_aws_writes_down_who_asked(production):
    buckets = production.of_kind("AWS::S3::Bucket")
    silent = {
        bucket.logical_id for bucket in buckets if "LoggingConfiguration" not in bucket.properties
    }
    (destination,) = {
        bucket.properties["LoggingConfiguration"]["DestinationBucketName"]["Ref"]
        for bucket in buckets
        if "LoggingConfiguration" in bucket.properties
    }
    assert silent == {destination}


def test_a_stage_without_a_domain_reads_media_at_the_address_of_aws(data):
    stack, template = data()
    assert stack.resolve(stack.media.domain)["Fn::GetAtt"][1] == "DomainName"
    template.has_resource_properties(
        "AWS::CloudFront::Distribution", {"DistributionConfig": {"Aliases": Match.absent()}}
    )


def test_a_stage_with_a_domain_reads_media_there(data):
    stack, template = data(
        media_domain="media.huntaze.example",
        dns_zone_id="Z1",
        dns_zone_name="huntaze.example",
        region="us-east-1",
    )
    assert stack.media.domain == "media.huntaze.example"
    template.has_resource_properties(
        "AWS::CloudFront::Distribution",
        {
            "DistributionConfig": {
                "Aliases": ["media.huntaze.example"],
                "ViewerCertificate": {
                    "AcmCertificateArn": {"Ref": Match.any_value()},
                    "SslSupportMethod": "sni-only",
                },
            }
        },
    )


def test_a_domain_for_media_is_refused_where_its_certificate_would_not_count(data):
    with pytest.raises(ValueError, match="needs region us-east-1"):
        data(
            media_domain="media.huntaze.example",
            dns_zone_id="Z1",
            dns_zone_name="huntaze.example",
            region="eu-west-1",
        )


def test_one_machine_reads_media_from_the_bucket(local):
    assert not local.of_kind("AWS::CloudFront::Distribution")
